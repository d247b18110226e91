"""The palette: what can be done here, found by words, done as by its key or command."""

from __future__ import annotations

from fake_front import FakeFront

from posdeck.operations.front import RunbookSummary
from posdeck.ui.screens.palette import Palette, entries, found_by


async def test_words_find_an_action_of_this_place_and_enter_does_it(opened) -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.press("2", "ctrl+p")
        assert isinstance(driver.app.screen, Palette)
        await driver.press(*"previous lo")
        assert "previous logs" in driver.text()
        await driver.press("enter")
        await driver.settle()
        assert driver.app.console_screen.current.view_name == "logs"
        assert driver.front.asked[-1][1].previous


async def test_it_goes_to_views_runbooks_and_workloads(opened) -> None:
    async with opened(size=(120, 40)) as driver:
        for words, place in (("events newest", "events"), ("logs consumer-cust", "logs")):
            await driver.press("ctrl+p", *words, "enter")
            await driver.settle()
            assert driver.app.console_screen.current.view_name == place
        await driver.press("colon", *"palette", "enter", *"restart consumer-order", "enter")
        await driver.settle()
        opened_sessions = [asked for asked in driver.front.asked if asked[0] == "open_session"]
        assert opened_sessions[0][1:3] == ("restart-consumer", {"consumer": "consumer-order"})


async def test_arrows_choose_and_escape_does_nothing(opened) -> None:
    async with opened(size=(120, 40)) as driver:
        await driver.press("ctrl+p", *"event", "escape")
        assert not isinstance(driver.app.screen, Palette)
        assert driver.app.console_screen.current.view_name == "overview"
        listed = found_by("theme", entries(driver.app))
        assert listed[0].title.startswith("theme") or "theme" in listed[0].title
        await driver.press("ctrl+p", *"o", "down", "up", "escape")
        assert driver.front.asked == [("start",)]


async def test_nothing_found_is_nothing_done(opened) -> None:
    async with opened() as driver:
        await driver.press("ctrl+p", *"no such thing at all", "enter")
        await driver.settle()
        assert driver.app.console_screen.current.view_name == "overview"
        assert driver.front.asked == [("start",)]


async def test_titles_from_files_are_no_markup(opened) -> None:
    front = FakeFront()
    front.library = (RunbookSummary("odd", "[red]Odd[/] \x1b[2J", "x"),)
    async with opened(front) as driver:
        await driver.press("ctrl+p", *"odd")
        assert "[red]Odd[/]" in driver.text()
