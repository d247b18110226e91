"""Colours: four themes, each a table from meaning to colour. Standard library only: the first frame, drawn
before Textual is loaded, has the same ones."""

from __future__ import annotations

from dataclasses import dataclass

from posdeck.ui.tones import Tone


@dataclass(frozen=True, slots=True)
class Palette:
    """One theme. Colours are hex; ``tones`` are Rich styles without a background."""

    name: str
    dark: bool
    background: str
    surface: str
    foreground: str
    border: str
    border_focus: str
    cursor: str
    cursor_idle: str
    production: str  # background of the header in production
    safe: str  # background of the header elsewhere
    badge: str  # the badge in production
    badge_text: str
    tones: dict[Tone, str]


def _tones(*colours: str) -> dict[Tone, str]:
    good, warn, bad, busy, accent, dim, strong = colours
    return {
        Tone.NORMAL: "",
        Tone.DIM: dim,
        Tone.STRONG: f"bold {strong}",
        Tone.GOOD: good,
        Tone.WARN: warn,
        Tone.BAD: f"bold {bad}",
        Tone.BUSY: busy,
        Tone.ACCENT: accent,
        Tone.HEADING: f"bold {accent}",
        Tone.MARK: f"bold {busy}",
        Tone.MATCH: f"bold reverse {warn}",
    }


PALETTES: dict[str, Palette] = {
    "dark": Palette(
        "dark", True, "#12151a", "#1b2027", "#d6dbe3", "#3b4654", "#7aa2f7", "#2c3b58", "#232b38",
        "#5b1219", "#16324a", "#e0323f", "#ffffff",
        _tones("#7fc77f", "#e6b450", "#ff6b70", "#b39df3", "#7ab8e0", "#8b97a8", "#f4f6fa"),
    ),
    "light": Palette(
        "light", False, "#fbfbf8", "#efefe9", "#23272e", "#b9bfc9", "#2f5fd0", "#cfdcf8", "#e4e8ee",
        "#f3c9c9", "#d5e5f2", "#b3121d", "#ffffff",
        _tones("#1f7a33", "#8a5a00", "#b3121d", "#6a3fb5", "#1d5f94", "#5f6874", "#0a0c10"),
    ),
    "high-contrast": Palette(
        "high-contrast", True, "#000000", "#000000", "#ffffff", "#ffffff", "#ffff00", "#0000c8", "#303030",
        "#900000", "#003060", "#ff0000", "#ffffff",
        _tones("#00ff5f", "#ffff00", "#ff8080", "#ff9cff", "#5fffff", "#c8c8c8", "#ffffff"),
    ),
    # blue for good, orange for warning, vermilion with bold for bad (Okabe and Ito)
    "colour-blind": Palette(
        "colour-blind", True, "#12151a", "#1b2027", "#d6dbe3", "#3b4654", "#f0e442", "#2c3b58", "#232b38",
        "#6b2d00", "#10304a", "#d55e00", "#ffffff",
        _tones("#56b4e9", "#e69f00", "#ff7a33", "#cc79a7", "#9fd0ee", "#97a2b2", "#f4f6fa"),
    ),
}  # fmt: skip
DEFAULT = "dark"


def palette(name: str) -> Palette:
    """The palette of this name; the default for an unknown one."""
    return PALETTES.get(name, PALETTES[DEFAULT])
