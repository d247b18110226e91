"""The log view: follows, filters, wraps, keeps 100,000 lines and says what it dropped."""

from __future__ import annotations

import pytest
from fake_front import FakeFront
from textual.app import App, ComposeResult

from posdeck.operations.front import LogLine
from posdeck.ui.filtering import parse_filter
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.pager import Pager


async def opened_log(driver) -> Pager:
    await driver.press("5", "l")
    pager = driver.app.console_screen.current.text
    await driver.until(lambda: len(pager.lines) >= len(driver.front.log_lines), "the log")
    return pager


async def test_it_follows_until_one_goes_up_and_again_at_the_bottom(opened) -> None:
    async with opened() as driver:
        await opened_log(driver)
        assert "FOLLOWING" in driver.text()
        assert "line 59 of the log" in driver.text()
        await driver.press("up")
        assert "PAUSED" in driver.text()
        await driver.press("G")
        assert "FOLLOWING" in driver.text()


async def test_new_lines_come_in_batches(opened) -> None:
    async with opened() as driver:
        pager = await opened_log(driver)
        for number in range(500):
            driver.front.more_logs.put_nowait(LogLine("p", "main", None, f"new {number}"))
        await driver.until(lambda: len(pager.lines) >= 560, "what is new")
        assert len(pager.lines) == 560
        assert "new 499" in driver.text()


async def test_the_filter_hides_and_marks(opened) -> None:
    async with opened() as driver:
        pager = await opened_log(driver)
        await driver.press("slash", *"line 4", "enter")
        assert pager.shown_count == 11
        await driver.press("escape")
        assert pager.shown_count == 60


async def test_escape_sequences_in_logs_are_shown_and_not_obeyed(opened) -> None:
    front = FakeFront()
    front.log_lines = [
        LogLine("p", "m", None, "\x1b[2Jcleared [red]x[/red]"),
        LogLine("p", "m", None, "y" * 1_048_576),
    ]
    async with opened(front) as driver:
        await opened_log(driver)
        text = driver.text()
        assert "␛[2Jcleared [red]x[/red]" in text
        assert "\x1b" not in text


class Bench(App[None]):
    """One pager."""

    def __init__(self, pager: Pager) -> None:
        super().__init__()
        self.pager = pager

    def compose(self) -> ComposeResult:
        yield self.pager


def lines(first: int, last: int):
    return [((f"line {number}", Tone.NORMAL),) for number in range(first, last)]


async def test_a_hundred_thousand_lines_draw_only_what_is_in_sight() -> None:
    app = Bench(Pager(keep=100_000))
    async with app.run_test(size=(60, 20)) as pilot:
        app.pager.follow = True
        app.pager.append(lines(0, 100_000))
        await pilot.pause()
        assert app.pager.drawn_count < 200
        assert app.pager.render_line(19).text.strip() == "line 99999"


async def test_what_is_dropped_is_counted() -> None:
    app = Bench(Pager(keep=1_000))
    async with app.run_test(size=(60, 20)) as pilot:
        app.pager.append(lines(0, 900))
        app.pager.append(lines(900, 1_500))
        await pilot.pause()
        assert (len(app.pager.lines), app.pager.dropped) == (1_000, 500)


async def test_reading_in_the_middle_is_not_disturbed_by_what_comes_or_goes() -> None:
    app = Bench(Pager(keep=1_000))
    async with app.run_test(size=(60, 20)) as pilot:
        app.pager.append(lines(0, 1_000))
        app.pager.move(700)
        await pilot.pause()
        before = app.pager.render_line(0).text
        app.pager.append(lines(1_000, 1_050))
        await pilot.pause()
        assert app.pager.render_line(0).text == before
        app.pager.append(lines(1_050, 1_400))
        await pilot.pause()
        assert app.pager.dropped == 400
        assert app.pager.render_line(0).text == before


@pytest.mark.parametrize("text", ["word " * 60, "x" * 300, "漢字" * 100])
async def test_wrapping_shows_everything(text: str) -> None:
    app = Bench(Pager(wrapped=True))
    async with app.run_test(size=(40, 20)) as pilot:
        app.pager.set_lines([((text, Tone.NORMAL),)])
        await pilot.pause()
        shown = "".join(app.pager.render_line(y).text.rstrip() for y in range(20))
        assert shown.replace(" ", "") == text.replace(" ", "")


async def test_search_goes_from_match_to_match_and_round() -> None:
    app = Bench(Pager())
    async with app.run_test(size=(40, 10)) as pilot:
        app.pager.set_lines(lines(0, 300))
        assert app.pager.search(parse_filter("line 250"))
        await pilot.pause()
        assert any("line 250" in app.pager.render_line(y).text for y in range(10))
        assert app.pager.find(1)
        assert not app.pager.search(parse_filter("absent"))
