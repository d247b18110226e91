"""Colours: four themes, each a table from meaning to colour. Standard library only: the first frame, drawn
before Textual is loaded, has the same ones.

Chosen so that every tone is readable on every background it is drawn on, and so that what is selected, production
and the states stay apart on a terminal of 16 colours too; tests hold both."""

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
        "#5b1219", "#16324a", "#dd313e", "#ffffff",
        _tones("#77ca77", "#e7b550", "#ff8084", "#cb8cfd", "#6cbbef", "#9aa6b6", "#f4f6fa"),
    ),
    "light": Palette(
        "light", False, "#fbfbf8", "#efefe9", "#23272e", "#8d95a1", "#2f5fd0", "#bccef6", "#ccd4e0",
        "#f2c4c4", "#bdd6ea", "#b3121d", "#ffffff",
        _tones("#106519", "#754d00", "#ae131e", "#683eb1", "#0e58a4", "#525860", "#0a0c10"),
    ),
    "high-contrast": Palette(
        "high-contrast", True, "#000000", "#000000", "#ffffff", "#ffffff", "#ffff00", "#00007c", "#303030",
        "#640000", "#002850", "#b20000", "#ffffff",
        _tones("#00ff5f", "#ffff00", "#ff8c8c", "#ffb3ff", "#61ffff", "#cfcfcf", "#ffffff"),
    ),
    # blue for good, orange for warning, vermilion with bold for bad (Okabe and Ito)
    "colour-blind": Palette(
        "colour-blind", True, "#12151a", "#1b2027", "#d6dbe3", "#3b4654", "#f0e442", "#2c3b58", "#232b38",
        "#6b2d00", "#10304a", "#c25600", "#ffffff",
        _tones("#59b5e8", "#faad00", "#ff8b4d", "#f288c2", "#a1d0ed", "#a0abba", "#f4f6fa"),
    ),
}  # fmt: skip
DEFAULT = "dark"


def palette(name: str) -> Palette:
    """The palette of this name; the default for an unknown one."""
    return PALETTES.get(name, PALETTES[DEFAULT])
