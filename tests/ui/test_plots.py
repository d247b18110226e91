"""Plots: holes are not drawn over, curves of one plot share a scale, and each can be told without colour."""

from __future__ import annotations

import asyncio

import pytest
from fake_front import FakeFront
from hypothesis import given
from hypothesis import strategies as st

from conftest import Driver, Opened
from posdeck.operations.charts import Plot
from posdeck.telemetry.curves import Curve
from posdeck.ui.plain import width
from posdeck.ui.plotting import nice, plot_lines, short


def drawn(plot: Plot, cells: int = 60, height: int = 12, end: float = 100.0) -> list[str]:
    return ["".join(text for text, _ in line) for line in plot_lines(plot, 0.0, end, cells, height)]


def test_a_hole_is_not_drawn_over() -> None:
    full = tuple((float(t), 5.0) for t in range(0, 101, 10))
    holed = tuple(p for p in full if not 30 < p[0] < 70)
    at_five = next(line for line in drawn(Plot("Lag", "messages", (Curve("a", full, 10.0),))) if "⠉" in line)
    with_hole = next(
        line for line in drawn(Plot("Lag", "messages", (Curve("a", holed, 10.0),))) if "⠉" in line
    )
    middle = slice(8 + 20, 8 + 32)
    assert " " not in at_five[middle]
    assert set(with_hole[middle]) == {" "}


def test_curves_share_a_scale_and_are_marked() -> None:
    lines = drawn(
        Plot(
            "Lag",
            "m",
            (Curve("big", ((0, 1000), (100, 1000)), 100), Curve("small", ((0, 10), (100, 10)), 100)),
        )
    )
    rows = [
        i
        for i, line in enumerate(lines)
        if line.rstrip().endswith(("1", "2")) and ("│" in line or "┤" in line)
    ]
    assert rows[0] < 3
    assert rows[-1] > 6
    assert "1 big 1,000" in lines[-1]
    assert "2 small 10" in lines[-1]


def test_what_has_no_points_says_why_instead_of_an_empty_picture() -> None:
    lines = drawn(Plot("Lag", "m", (Curve("a", reason="P: no answer within 8 s"),)))
    assert "no answer within 8 s" in lines[1]
    assert not any("┤" in line for line in lines)


@given(
    st.lists(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(allow_nan=True)), max_size=8), max_size=5),
    st.integers(1, 120),
    st.integers(1, 30),
)
def test_any_numbers_fit_their_frame(
    curves: list[list[tuple[float, float]]], cells: int, height: int
) -> None:
    made = tuple(
        Curve(f"c{i}", tuple(sorted(points, key=lambda p: p[0])), 5.0) for i, points in enumerate(curves)
    )
    lines = plot_lines(Plot("T", "u", made, made[:1]), 0.0, 100.0, cells, height)
    assert len(lines) == height
    picture = [line for line in lines if line and line[0][0].rstrip().endswith(("┤", "│"))]
    assert all(sum(width(text) for text, _ in line) <= cells for line in picture)


def test_scales_end_in_round_numbers() -> None:
    assert [nice(v) for v in (0, 0.7, 1, 11, 260, 9_300)] == [1.0, 0.8, 1, 15, 300, 10_000]
    assert [short(v) for v in (0, 0.25, 12.44, 2318, 54_321, 3.1e6)] == [
        "0",
        "0.25",
        "12.4",
        "2,318",
        "54.3k",
        "3.1M",
    ]


@pytest.mark.parametrize("size", [(200, 50), (80, 24)])
async def test_the_place_of_plots(opened: Opened, size: tuple[int, int]) -> None:
    """All four where they fit, else one at a time; z asks for a longer past."""
    front = FakeFront()
    async with opened(front, size=size) as driver:
        await driver.press(":", *"plots", "enter")
        assert front.charts.asked == [("Bulk upload", 3600.0)]
        assert driver.line("Plots · Bulk upload · last 1 h")
        assert "Lag messages waiting" in driver.text()
        assert ("Replicas against load" in driver.text()) is (size == (200, 50))
        await driver.press("z")
        assert front.charts.asked[-1] == ("Bulk upload", 21_600.0)
        assert driver.line("last 6 h")
        await driver.press("down")
        assert front.charts.asked[-1] == ("Main API", 21_600.0)
        if size == (80, 24):
            await driver.press("right")
            assert "no source is configured" in driver.text()


@pytest.mark.parametrize("size", [(200, 50), (80, 24)])
async def test_the_place_of_the_trace_pipeline(opened: Opened, size: tuple[int, int]) -> None:
    """Verdict, numbers, fill and what the lag means; what is not served has its reason and no number."""
    async with opened(size=size) as driver:
        await driver.press(":", *"tracing", "enter")
        assert "the queue grows by 1.20 batches a second" in driver.line("falling behind")
        assert "320.0 a second" in driver.line("accepted")
        assert "–" in driver.line("dropped")
        assert "it does not serve that" in driver.line("dropped")
        assert "610 of 1,000 batches" in driver.line("batches ▕")
        assert "61%, +1.20 a second" in driver.line("batches ▕")
        assert "Collection lag is the time" in driver.text()


async def shows(driver: Driver, text: str) -> None:
    """Wait for the screen to say it, without waiting for workers: one of them never ends."""
    async with asyncio.timeout(30):
        while text not in driver.text():
            await driver.pilot.pause()


@pytest.mark.parametrize("place", ["plots", "tracing", "scaling"])
async def test_a_source_that_never_answers_holds_nothing_up(opened: Opened, place: str) -> None:
    """One can look, go on and come back; the place says that it waits."""
    front = FakeFront()
    never = asyncio.Event()

    async def hang(*_: object) -> None:
        await never.wait()

    front.charts.page = front.tracing.read = front.proposals.propose = hang  # type: ignore[assignment,method-assign]
    async with opened(front) as driver:
        await driver.pilot.press(":", *place, "enter")
        await shows(driver, "Asking the")
        await driver.pilot.press("2")
        await shows(driver, "─ Pods ")
        never.set()
