"""Every character in every place and theme, as it is drawn: it can be read on what is behind it."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from test_every_key import PLACES, Place, enter
from test_palettes import contrast
from textual.color import Color
from textual.widgets import Input

from posdeck.ui.palettes import PALETTES

READABLE = 4.5  # WCAG 2, AA


def unreadable(driver: Any) -> list[str]:
    """What is drawn and is too close to its own background; frames, bars and other shapes are no text."""
    found = []
    screen = driver.app.screen
    # what stands behind a dialog is dimmed on purpose
    region = screen.region if screen is driver.app.console_screen else screen.children[0].region
    strips = list(screen._compositor.render_strips())
    for line in range(region.y, region.bottom):
        for segment in strips[line].crop(region.x, region.right):
            style = segment.style
            letters = [c for c in segment.text if unicodedata.category(c)[0] in "LNP"]
            if not letters or style is None or style.color is None or style.bgcolor is None:
                continue
            front, back = (Color.from_rich_color(c).hex6 for c in (style.color, style.bgcolor))
            if contrast(front, back) < READABLE:
                found.append(f"line {line}: {segment.text!r} {front} on {back}")
    return found


@pytest.mark.parametrize("theme", PALETTES)
async def test_every_place_can_be_read(opened, theme: str) -> None:
    async with opened(theme=theme, size=(160, 50)) as driver:
        for place in PLACES:
            await enter(driver, place)
            assert not unreadable(driver), place.name
            if isinstance(driver.app.focused, Input):
                await typed(driver, place)
        for line in ("palette", "help"):
            await driver.app.command(line)
            await driver.settle()
            assert not unreadable(driver), line
            if driver.app.screen is not driver.app.console_screen:
                driver.app.pop_screen()
                await driver.settle()
        await driver.press(":", *"pod")
        assert not unreadable(driver), "the command line"


async def typed(driver: Any, place: Place) -> None:
    """What is typed can be read, and where the cursor stands can be seen in an empty field."""
    line = driver.app.focused
    whole = list(driver.app.screen._compositor.render_strips())[line.region.y]
    cells = list(whole.crop(line.region.x, line.region.right))
    backs = {Color.from_rich_color(each.style.bgcolor).hex6 for each in cells}
    assert len(backs) == 2, f"{place.name}: the cursor is not to be told from its field: {backs}"
    first, second = backs
    assert contrast(first, second) >= 3, place.name  # WCAG 2.1, 1.4.11
    await driver.press(*"app")
    assert "app" in driver.text()
    assert not unreadable(driver), place.name
