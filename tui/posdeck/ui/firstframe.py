"""The first frame, in plain ANSI, before anything heavy is loaded: header, outlines, footer, in their places.

Standard library only. It says CONNECTING and nothing about the cluster, because nothing is known yet.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from posdeck.ui.palettes import DEFAULT, Palette, palette


class Painter(Protocol):
    """Gives a piece of text its colours."""

    def __call__(self, text: str, foreground: str, background: str, /, *, bold: bool = False) -> str: ...


NARROW = 120
BRANDED = 100  # columns from which the header has room for the program's name and for seconds
WIDEST = 160
_FOOTER = "⏎ open  1 overview  2 pods  / filter  : command  esc back  ? help"


def first_frame(
    columns: int,
    lines: int,
    *,
    environment: str,
    production: bool,
    namespace: str,
    context: str,
    writes: str,
    theme: str = DEFAULT,
    now: datetime | None = None,
    colour: bool = True,
    view: str = "overview",
) -> str:
    """The whole screen as one string of escape sequences; names lose their control characters. ``view`` is the
    one that follows: the overview has its boxes, every other view one."""
    colours = palette(theme)
    moment = (now or datetime.now(UTC)).strftime("%H:%M:%S UTC" if columns >= BRANDED else "%H:%MZ")
    word = "PRODUCTION" if production else _safe(environment).upper()
    parts = [_safe(namespace), _safe(context), "◐ CONNECTING", f"writes: {_safe(writes)}"]
    if columns < NARROW:
        del parts[1]
    brand, gap = (" posdeck  ", "   ") if columns >= BRANDED else (" ", "  ")
    body = gap.join(part for part in parts if part)
    room = max(0, columns - len(brand) - len(word) - 4 - len(moment) - 1)
    background = colours.production if production else colours.safe
    badge = colours.badge if production else background
    paint = painter(colour=colour)
    header = (
        paint(brand, colours.foreground, background)
        + paint(f" {word} ", colours.badge_text if production else colours.foreground, badge, bold=True)
        + paint(f"  {body[:room]:<{room}}", colours.foreground, background)
        + paint(f"{moment} ", colours.foreground, background)
    )
    height = max(4, lines - 2)
    outline = (
        _overview(columns, height)
        if view == "overview"
        else _box(_safe(view).capitalize(), columns, height, "")
    )
    rows = [header, *(_painted(row, colours, paint) for row in outline)]
    rows.append(paint(f" {_FOOTER[: columns - 2]}".ljust(columns), colours.foreground, colours.background))
    drawn = "".join(f"\x1b[{number};1H{row}" for number, row in enumerate(rows[:lines], 1))
    return f"\x1b[?1049h\x1b[?25l{drawn}\x1b[0m"


@dataclass(frozen=True, slots=True)
class Area:
    """The inside of a box, in cells of the screen counted from 1; the title is on the line above."""

    top: int
    left: int
    columns: int
    lines: int


def main_area(columns: int, lines: int, view: str) -> Area:
    """Where the rows of ``view`` will be."""
    if view != "overview":
        return Area(3, 3, columns - 4, max(4, lines - 2) - 2)
    width = columns - _side_width(columns)
    return Area(6, 3, width - 4, max(4, lines - 2) - 5)


def paint_at(line: int, column: int, text: str) -> str:
    """``text`` at a place of the screen, both counted from 1."""
    return f"\x1b[{line};{column}H{text}"


def painter(*, colour: bool) -> Painter:
    """How text gets its colours, or does without."""
    return _paint if colour else _plain


def _side_width(columns: int) -> int:
    return 0 if columns < NARROW else 62 if columns >= WIDEST else 46


def _painted(row: str, colours: Palette, paint: Painter) -> str:
    return paint(row, colours.border if row[0] in "╭╰" else colours.foreground, colours.background)


def _overview(columns: int, height: int) -> list[str]:
    """Two boxes, and the three at the right where there is room for them."""
    side_width = _side_width(columns)
    left = columns - side_width
    rows = _box("Wrong now", columns, 3, "Cannot tell yet: deployments are connecting.")
    below = height - 3
    wall = _box("Workloads · CONNECTING", left, below, "")
    if side_width:
        heights = (3, below - 11, 8)
        titles = ("HPA", "Events", "Sessions and acts")
        side = [
            row
            for title, tall in zip(titles, heights, strict=True)
            for row in _box(title, side_width, tall, "")
        ]
        wall = [a + b for a, b in zip(wall, side, strict=False)]
    return rows + wall


def _box(title: str, columns: int, height: int, text: str) -> list[str]:
    inner = max(0, columns - 2)
    top = f"╭─ {title} "[: columns - 1]
    rows = [top + "─" * (columns - len(top) - 1) + "╮"]
    rows += [f"│{f' {text}' if not row else '':<{inner}.{inner}}│" for row in range(max(0, height - 2))]
    return [*rows, "╰" + "─" * inner + "╯"]


def _safe(text: str) -> str:
    return "".join(char for char in text if char.isprintable())


def _paint(text: str, foreground: str, background: str, *, bold: bool = False) -> str:
    """Truecolor where the terminal says it has it; else reverse video stands for the coloured header."""
    if os.environ.get("COLORTERM", "") not in {"truecolor", "24bit"}:
        return _plain(text, foreground, background, bold=bold)
    return f"\x1b[{'1;' if bold else ''}38;2;{_rgb(foreground)};48;2;{_rgb(background)}m{text}\x1b[0m"


def _plain(text: str, _foreground: str, _background: str, *, bold: bool = False) -> str:
    return f"\x1b[1;7m{text}\x1b[0m" if bold else text


def _rgb(colour: str) -> str:
    return ";".join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))
