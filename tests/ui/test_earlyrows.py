"""The rows drawn before Textual is there: the same cells in the same places, and never over Textual's screen."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace

import pyte
import pytest
from fake_front import NOW, FakeFront, catalogue, snapshot

from posdeck.cluster.snapshot import Feed, FeedState, Kind, Snapshot
from posdeck.errors import UnknownNameError
from posdeck.operations.view import Surroundings, View
from posdeck.ui.app import PosdeckApp
from posdeck.ui.earlyrows import EarlyRows, early_rows
from posdeck.ui.firstframe import first_frame, main_area
from posdeck.ui.picture import screen_text
from posdeck.ui.wall import wall_of

AROUND = Surroundings("production", True, "ask")


def seen(*, pods_total: int | None = None) -> Snapshot:
    """What a first look finds of the tests' namespace."""
    whole = snapshot()
    return Snapshot(
        taken_at=NOW,
        connection=whole.connection,
        pods=whole.pods,
        deployments=whole.deployments,
        feeds={
            Kind.PODS: Feed(Kind.PODS, confirmed_at=NOW, total=pods_total),
            Kind.DEPLOYMENTS: Feed(Kind.DEPLOYMENTS, confirmed_at=NOW),
        },
    )


def drawn(what: Snapshot, view: str, size: tuple[int, int]) -> list[str]:
    """The first frame with the rows in it, as a terminal shows it."""
    screen = pyte.Screen(*size)
    stream = pyte.Stream(screen)
    told = {"environment": "production", "production": True, "namespace": "spc--pos", "context": "gke"}
    stream.feed(first_frame(*size, now=NOW, writes="ask", view=view, **told))
    stream.feed(early_rows(what, AROUND, wall_of(catalogue()), *size, view=view, theme="dark"))
    return list(screen.display)


@pytest.mark.parametrize("size", [(200, 50), (120, 30), (80, 24)])
@pytest.mark.parametrize("view", ["overview", "pods", "workloads"])
async def test_textual_draws_the_same_cells_in_the_same_places(view: str, size: tuple[int, int]) -> None:
    plain = drawn(seen(), view, size)
    come = threading.Event()
    app = PosdeckApp(
        lambda: come.wait(10) and FakeFront(),  # type: ignore[arg-type,return-value]
        AROUND,
        now=lambda: NOW,
        view=view,
        wall=wall_of(catalogue()),
    )
    app.begin_with(seen())
    async with app.run_test(size=size):
        textual = screen_text(app).splitlines()
        come.set()
    area = main_area(*size, view)
    inside = slice(area.left - 1, area.left - 1 + area.columns - 1)  # without the scrollbar
    lines = range(area.top - 1, area.top - 1 + area.lines)
    assert [plain[line][inside].rstrip() for line in lines] == [
        textual[line][inside].rstrip() for line in lines
    ]
    assert sum(bool(plain[line][inside].strip()) for line in lines) > 10


def test_a_part_is_said_to_be_one() -> None:
    frame = drawn(seen(pods_total=10_000), "pods", (120, 30))
    assert f"Pods {len(snapshot().pods)} of 10,000, loading · CONNECTING · read at 02:14:07 UTC" in frame[1]


def test_no_sum_is_drawn_over_a_part_of_the_pods() -> None:
    """With a hundred of ten thousand pods, a workload's restarts are not known."""
    scene = PosdeckApp(FakeFront, AROUND, now=lambda: NOW, wall=wall_of(catalogue()))
    scene.begin_with(seen())
    assert scene.scene.joins.whole
    scene.begin_with(seen(pods_total=10_000))
    assert not scene.scene.joins.whole
    part = drawn(seen(pods_total=10_000), "workloads", (160, 40))
    whole = drawn(seen(), "workloads", (160, 40))
    row = next(number for number, line in enumerate(whole) if " consumer-order " in line)
    assert whole[row] != part[row]
    assert part[row].count("–") == whole[row].count("–") + 1


def test_names_of_the_cluster_cannot_send_escape_sequences() -> None:
    whole = seen()
    pod = next(iter(whole.pods.values()))
    wild = replace(pod, name="\x1b[2Jx", status="\x1b]0;y\x07", node="\x9b1m")
    text = early_rows(
        replace(whole, pods={wild.name: wild}),
        AROUND,
        wall_of(catalogue()),
        160,
        40,
        view="pods",
        theme="dark",
    )
    assert "\x1b[2J" not in text
    assert "\x1b]" not in text
    assert "\x9b" not in text


@pytest.mark.parametrize("size", [(20, 5), (10, 2), (40, 6)])
def test_a_tiny_terminal_does_no_harm(size: tuple[int, int]) -> None:
    for view in ("overview", "pods", "nodes"):
        assert len(drawn(seen(), view, size)) == size[1]


def test_once_the_screen_is_handed_over_nothing_is_drawn() -> None:
    """Textual owns the terminal then; what comes too late is left to the watches."""
    answer, shown = threading.Event(), []
    early = EarlyRows(lambda: (answer.wait(10) and seen()) or None, shown.append)
    assert early.hand_over() is None
    answer.set()
    late = next((t for t in threading.enumerate() if t.name == "posdeck-glance"), None)
    if late is not None:
        late.join(10)
    assert shown == []
    assert early.kept() is None


def test_what_was_drawn_is_what_is_kept() -> None:
    drawn_once = threading.Event()
    early = EarlyRows(seen, lambda _seen: drawn_once.set())
    assert drawn_once.wait(10)
    found = early.hand_over()
    assert found is not None
    assert early.kept() is found


async def test_the_first_frame_has_the_rows_and_they_stay_until_newer_ones_come() -> None:
    come = threading.Event()
    app = PosdeckApp(
        lambda: come.wait(10) and FakeFront(),  # type: ignore[arg-type,return-value]
        AROUND,
        now=lambda: NOW,
        view="pods",
        wall=wall_of(catalogue()),
    )
    app.begin_with(seen())
    async with app.run_test(size=(120, 30)) as pilot:
        text = screen_text(app)
        come.set()
        await app.workers.wait_for_complete([w for w in app.workers if w.group == "front"])
        await pilot.pause()
    assert "CONNECTING" in text.splitlines()[0]
    assert "LIVE" not in text
    assert f"Pods {len(snapshot().pods)} · CONNECTING" in text
    assert app.console_screen.current.view_name == "pods"


def test_a_view_that_there_is_not_is_refused_before_the_screen_opens() -> None:
    with pytest.raises(UnknownNameError, match="The views are"):
        PosdeckApp(FakeFront, AROUND, view="nonsense")


def test_nothing_of_textual_is_imported_for_the_rows() -> None:
    code = (
        "import sys, posdeck.ui.earlyrows, posdeck.cluster.glance;"
        "print([m for m in ('textual', 'rich.text', 'kubernetes', 'aiohttp', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_workload_whose_pods_may_not_be_read_has_no_restarts_to_show() -> None:
    whole = seen()
    forbidden = replace(
        whole, pods={}, feeds={**whole.feeds, Kind.PODS: Feed(Kind.PODS, FeedState.FORBIDDEN)}
    )
    app = PosdeckApp(FakeFront, AROUND, now=lambda: NOW, wall=wall_of(catalogue()))
    app.begin_with(forbidden)
    assert not app.scene.joins.whole
    assert isinstance(app.scene.view, View)
