"""The start: a frame before anything heavy is loaded, the same in outline as the one that follows."""

from __future__ import annotations

import subprocess
import sys
import threading

import pyte
import pytest
from fake_front import NOW, FakeFront

from posdeck.errors import UnknownNameError
from posdeck.operations.view import Surroundings
from posdeck.ui.app import PosdeckApp
from posdeck.ui.firstframe import first_frame
from posdeck.ui.launch import Prepared
from posdeck.ui.picture import draw_view, screen_text


def drawn(columns: int, lines: int, **options) -> list[str]:
    """The frame as a terminal would show it."""
    screen = pyte.Screen(columns, lines)
    told = {
        "environment": "production",
        "production": True,
        "namespace": "spc--pos",
        "context": "gke",
        "writes": "ask",
    }
    pyte.Stream(screen).feed(first_frame(columns, lines, now=NOW, **(told | options)))
    return [line.rstrip() for line in screen.display]


@pytest.mark.parametrize("size", [(200, 50), (120, 30), (80, 24)])
async def test_textuals_first_frame_stands_where_the_plain_one_stood(size) -> None:
    plain = drawn(*size)
    waiting = threading.Event()
    app = PosdeckApp(
        lambda: waiting.wait(10) and FakeFront(), Surroundings("production", True, "ask"), now=lambda: NOW
    )
    async with app.run_test(size=size):
        console = screen_text(app).splitlines()
        waiting.set()
    corners = [
        [(y, x) for y, line in enumerate(frame) for x, c in enumerate(line) if c in "╭╮╰╯"]
        for frame in (plain, console)
    ]
    assert corners[0] == corners[1]
    begins, clock = (
        (["posdeck", "PRODUCTION"], "02:14:07 UTC") if size[0] >= 100 else (["PRODUCTION"], "02:14Z")
    )
    for frame in (plain, console):
        assert frame[0].split()[: len(begins)] == begins
        assert frame[0].rstrip().endswith(clock)
    assert "CONNECTING" in plain[0]


@pytest.mark.parametrize("size", [(20, 5), (40, 3), (10, 2)])
def test_a_tiny_terminal_does_no_harm(size) -> None:
    assert len(drawn(*size)) == size[1]


def test_names_from_files_cannot_send_escape_sequences() -> None:
    assert "\x1b[31mx" not in first_frame(
        80,
        24,
        environment="\x1b[31mx",
        production=False,
        namespace="\x1b[31mx",
        context="\x1b[31mx",
        writes="ask",
    )


def test_nothing_heavy_is_imported_for_the_first_frame() -> None:
    code = (
        "import sys, posdeck.ui.launch;"
        "print([m for m in ('textual', 'rich', 'kubernetes', 'aiohttp', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_front_is_made_in_a_thread_of_its_own_and_its_error_comes_through() -> None:
    made_in: list[str] = []

    def make() -> FakeFront:
        made_in.append(threading.current_thread().name)
        return FakeFront()

    assert isinstance(Prepared(make)(), FakeFront)
    assert made_in == ["posdeck-front"]

    def fail() -> FakeFront:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        Prepared(fail)()


async def test_a_view_as_text_and_as_svg() -> None:
    front = FakeFront()
    text = await draw_view("pods", front, size=(120, 30))
    assert "Pods 19" in text
    assert front.asked == []
    svg = await draw_view("overview", FakeFront(), size=(120, 30), svg=True)
    assert svg.startswith("<svg")
    with pytest.raises(UnknownNameError):
        await draw_view("nonsense", FakeFront())
