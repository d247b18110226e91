"""The palettes as Rich styles and as Textual themes."""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from textual.theme import Theme

from posdeck.ui.palettes import Palette, palette
from posdeck.ui.tones import Tone


@lru_cache(maxsize=256)
def tone_style(theme: str, tone: Tone, background: str = "") -> Style:
    """The Rich style of a tone in a theme, on ``background`` when one is given."""
    colours = palette(theme)
    definition = colours.tones[tone] or colours.foreground
    if "#" not in definition:
        definition = f"{definition} {colours.foreground}"
    return Style.parse(f"{definition} on {background or colours.background}")


def textual_theme(colours: Palette) -> Theme:
    """The same colours as Textual's own widgets know them."""
    return Theme(
        name=f"posdeck-{colours.name}",
        primary=colours.border_focus,
        secondary=colours.border,
        warning=_colour(colours, Tone.WARN),
        error=_colour(colours, Tone.BAD),
        success=_colour(colours, Tone.GOOD),
        accent=_colour(colours, Tone.ACCENT),
        foreground=colours.foreground,
        background=colours.background,
        surface=colours.surface,
        panel=colours.surface,
        dark=colours.dark,
        variables={
            "edge": colours.border,
            "edge-focus": colours.border_focus,
            "field": colours.cursor,
            "quiet": _colour(colours, Tone.DIM),
            "production": colours.production,
            "safe": colours.safe,
        },
    )


def _colour(colours: Palette, tone: Tone) -> str:
    return colours.tones[tone].rsplit(" ", 1)[-1]
