"""Colours that can be read and told apart: contrast after WCAG 2, 16 colours, and eyes that see fewer."""

from __future__ import annotations

import itertools

import pytest
from rich.color import Color, ColorSystem

from posdeck.ui.palettes import PALETTES, Palette
from posdeck.ui.tones import Tone

READABLE = 4.5
HIGH, HIGH_BOLD = 7.0, 5.5  # bad is bold; a paler red would no longer be one
STATES = (Tone.GOOD, Tone.WARN, Tone.BAD)
RED, YELLOW, GREEN = {1, 9}, {3, 11}, {2, 10}
every_theme = pytest.mark.parametrize("palette", PALETTES.values(), ids=lambda p: p.name)


def linear(colour: str) -> tuple[float, float, float]:
    """Red, green and blue as light, each 0 to 1 (sRGB)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, 1 to 21."""

    def luminance(colour: str) -> float:
        red, green, blue = linear(colour)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def colour_of(palette: Palette, tone: Tone) -> str:
    found = [word for word in palette.tones[tone].split() if word.startswith("#")]
    return found[0] if found else palette.foreground


def backgrounds(palette: Palette) -> dict[str, str]:
    names = ("background", "surface", "cursor", "cursor_idle", "production", "safe")
    return {name: str(getattr(palette, name)) for name in names}


def of_sixteen(colour: str) -> int | None:
    return Color.parse(colour).downgrade(ColorSystem.STANDARD).number


@every_theme
@pytest.mark.parametrize("tone", Tone)
def test_every_tone_can_be_read_on_everything_it_is_drawn_on(palette: Palette, tone: Tone) -> None:
    strict = palette.name == "high-contrast"
    wanted = (HIGH_BOLD if tone is Tone.BAD else HIGH) if strict else READABLE
    for name, background in backgrounds(palette).items():
        ratio = contrast(colour_of(palette, tone), background)
        assert ratio >= wanted, f"{tone} on {name}: {ratio:.1f}"


@every_theme
def test_the_badge_of_production_can_be_read(palette: Palette) -> None:
    assert contrast(palette.badge, palette.badge_text) >= (7 if palette.name == "high-contrast" else 4.5)


@every_theme
def test_with_sixteen_colours_what_is_selected_and_production_still_stand_out(palette: Palette) -> None:
    plain = of_sixteen(palette.background)
    for name in ("cursor", "cursor_idle", "production", "safe", "badge"):
        assert of_sixteen(getattr(palette, name)) != plain, name
    assert of_sixteen(palette.badge) != of_sixteen(palette.badge_text)
    for name, background in backgrounds(palette).items():
        for tone in Tone:
            assert of_sixteen(colour_of(palette, tone)) != of_sixteen(background), f"{tone} on {name}"


@every_theme
def test_with_sixteen_colours_states_keep_their_colour(palette: Palette) -> None:
    good, warn, bad = (of_sixteen(colour_of(palette, tone)) for tone in STATES)
    assert warn in YELLOW
    assert bad in RED
    if palette.name != "colour-blind":
        assert good in GREEN
    assert len({good, warn, bad}) == 3


# what is left of a colour for eyes without red, green or blue cones: Viénot, Brettel and Mollon 1999 (linear RGB)
_SEEN = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}


@pytest.mark.parametrize("eyes", _SEEN)
def test_the_colour_blind_theme_keeps_good_apart_from_what_is_not(eyes: str) -> None:
    def seen(colour: str) -> tuple[float, ...]:
        light = linear(colour)
        return tuple(
            max(0.0, sum(a * b for a, b in zip(row, light, strict=True))) ** (1 / 2.2) for row in _SEEN[eyes]
        )

    palette = PALETTES["colour-blind"]
    for one, other in itertools.combinations(STATES, 2):
        pair = seen(colour_of(palette, one)), seen(colour_of(palette, other))
        distance = sum((a - b) ** 2 for a, b in zip(*pair, strict=True)) ** 0.5
        # warning and bad differ by glyph and weight as well; good must be far from both
        assert distance > (0.1 if Tone.GOOD not in (one, other) else 0.5), (
            f"{one} and {other}: {distance:.2f}"
        )
