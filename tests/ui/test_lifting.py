"""Showing what is redacted: for a reason, for a while, said on the screen, and never for what leaves it."""

from __future__ import annotations

from typing import Any

import pytest
from fake_front import FakeFront

from posdeck.operations.front import LogLine

REASON = "compare one order with INC-4127"


def secretive() -> FakeFront:
    front = FakeFront()
    front.log_lines = [LogLine("p", "main", None, "order o-17 of [email]")]
    return front


async def lift(driver: Any) -> None:
    await driver.press("ctrl+x", *REASON, "enter")
    await driver.settle()


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_it_asks_for_a_reason_says_so_all_the_time_and_ends_by_the_same_key(opened, size) -> None:
    async with opened(secretive(), size=size) as driver:
        await driver.press("5", "l")
        await driver.settle()
        assert "[email]" in driver.text()
        await lift(driver)
        assert driver.front.lifting.reasons == [REASON]
        assert "✖ UNREDACTED 10 min" in driver.text().splitlines()[0]
        assert "writes: ask" in driver.text().splitlines()[0]
        assert "jane@example.com" in driver.text(), "the log is read again"
        await driver.press("ctrl+x")
        await driver.settle()
        assert "jane@example.com" not in driver.text(), "and again when it ends"
        assert "REDACTED" not in driver.text().splitlines()[0]
        assert "Redaction is in force again" in driver.text()


@pytest.mark.parametrize("typed", ["", "x", "because"])
async def test_without_a_reason_it_stays(opened, typed) -> None:
    async with opened(secretive()) as driver:
        await driver.press("ctrl+x", *typed, "enter")
        await driver.settle()
        assert "only for a reason" in driver.text()
        await driver.press("ctrl+x", *REASON, "escape")
        assert not driver.front.lifting.active


async def test_when_its_time_is_over_what_was_read_goes(opened) -> None:
    """The front ends it by itself; the log in sight is read again, what is out of sight is forgotten."""
    async with opened(secretive()) as driver:
        await driver.press("colon", *f"redaction {REASON}", "enter")
        await driver.press("5", "l")
        await driver.settle()
        assert "jane@example.com" in driver.text()
        await driver.press("escape", "y")
        await driver.settle()
        assert "jane@example.com" in driver.text(), "an object too"
        driver.front.lifting.until = None
        driver.front.lifting.show()
        await driver.settle()
        assert "jane@example.com" not in driver.text()
        assert "[email]" in driver.text()
        logs = driver.app.console_screen.pane("logs")
        assert logs.shown_count == 0


async def test_nothing_is_copied_meanwhile_and_what_is_saved_stays_redacted(opened) -> None:
    async with opened(secretive(), size=(160, 40)) as driver:
        await lift(driver)
        await driver.press("5", "l")
        await driver.settle()
        for key in ("c", "Y"):
            await driver.press(key)
            assert "Nothing is copied while redaction is lifted" in driver.text()
        assert driver.app.clipboard == ""
        await driver.press("ctrl+s", "enter")
        await driver.settle()
        [(_, lines)] = driver.front.saved
        assert [line.kept for line in lines] == ["order o-17 of [email]"]
        await driver.press("escape", "d", "c")
        assert "Nothing is copied" in driver.text()
