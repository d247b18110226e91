"""Keys that come in one burst, as from a paste or a slow connection: what follows ``:`` is text, never an action."""

from __future__ import annotations

from textual import events


def burst(driver, text: str) -> None:
    """All keys at once, before the first of them is handled."""
    for character in text:
        key = {"\r": "enter", "\x7f": "backspace", ":": "colon", "/": "slash"}.get(character, character)
        driver.app.post_message(events.Key(key, character if character.isprintable() else None))


async def test_a_command_in_one_burst_starts_nothing_else(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, ":pods\r")
        await driver.settle()
        assert driver.app.trail[-1] == "pods"
        assert not [call for call in driver.front.asked if call[0] == "open_session"]


async def test_letters_that_are_actions_are_text_behind_the_colon(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, ":srbx\x7fz")
        await driver.settle()
        assert ": srbz" in driver.text()
        assert not [call for call in driver.front.asked if call[0] == "open_session"]


async def test_a_filter_in_one_burst(opened) -> None:
    async with opened() as driver:
        await driver.press("5")
        burst(driver, "/order\r")
        await driver.settle()
        assert driver.app.console_screen.current.filter.text == "order"
        assert not [call for call in driver.front.asked if call[0] == "open_session"]
