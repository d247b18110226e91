"""How a row becomes a line of the screen: its cells, the widths of the columns, and the drawn strips, kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.segment import Segment
from textual.strip import Strip

from posdeck.ui.palettes import palette
from posdeck.ui.plain import drawable, fit, plain, width
from posdeck.ui.rows.cells import Cell, RowKind, without_quiet
from posdeck.ui.scene import Scene
from posdeck.ui.theme import tone_style
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.columns import GAP, Layout, lay_out
from posdeck.ui.widgets.rowlist import Heading


@dataclass(frozen=True, slots=True)
class Look:
    """What decides how a row's cells are drawn."""

    version: int
    cursor: bool
    marked: bool
    focused: bool


@dataclass(slots=True)
class _Drawn:
    cells: tuple[Cell, ...]
    strip: Strip | None = None
    look: Look | None = None


def _safe(cell: Cell) -> Cell:
    text = drawable(cell.text)
    return cell if text == cell.text else replace(cell, text=text)


class RowPainter:
    """Keeps what it drew; a row is drawn again only when its cells, its look or the layout differ."""

    def __init__(self, kind: RowKind) -> None:
        self.kind = kind
        self.layout = Layout((), 0, 0)
        self.version = 0
        self.drawn_count = 0  # rows turned into cells so far: what tests count
        self._drawn: dict[str, _Drawn] = {}
        self._widths = self._widths_of(())
        self._wider = False

    def refresh(self, key: str, item: Any, scene: Scene) -> bool:
        """Make the row's cells anew; True when they differ from those drawn last."""
        try:
            cells = tuple(_safe(cell) for cell in self.kind.cells(key, item, scene))
        except Exception as problem:
            cells = self._undrawable(key, problem)
        self.drawn_count += 1
        drawn = self._drawn.get(key)
        if drawn is not None and drawn.cells == cells:
            return False
        self._drawn[key] = _Drawn(cells)
        for place, (cell, column) in enumerate(zip(cells, self.kind.columns, strict=True)):
            need = min(width(cell.text), column.most)
            if need > self._widths[place]:
                self._widths[place] = need
                self._wider = True
        return True

    def forget(self, keep: Any) -> None:
        """Let go of rows that are no longer there; ``keep`` holds the keys that are."""
        if len(self._drawn) > len(keep):
            self._drawn = {key: drawn for key, drawn in self._drawn.items() if key in keep}
            if self.kind.snug:
                self._widths = self._widths_of(drawn.cells for drawn in self._drawn.values())
                self._wider = True

    def _widths_of(self, rows: Iterable[Sequence[Cell]]) -> list[int]:
        widths = [max(c.least, len(c.title)) for c in self.kind.columns]
        for cells in rows:
            for place, (cell, column) in enumerate(zip(cells, self.kind.columns, strict=True)):
                widths[place] = max(widths[place], min(width(cell.text), column.most))
        return widths

    def lay_out(self, room: int, sort: str) -> bool:
        """Fit the columns into ``room``; True when that changed anything. Widths only grow, so nothing jitters."""
        widths = [
            max(wide, len(column.title) + 1) if column.id == sort and column.title else wide
            for wide, column in zip(self._widths, self.kind.columns, strict=True)
        ]
        layout = lay_out(self.kind.columns, widths, room)
        changed = self._wider or layout != self.layout
        self.layout, self._wider = layout, False
        if changed:
            self.version += 1
        return changed

    def row(self, key: str, theme: str, look: Look) -> Strip:
        """The strip of a row whose cells were made by ``refresh``."""
        drawn = self._drawn[key]
        if drawn.strip is None or drawn.look != look:
            drawn.strip, drawn.look = self._strip(drawn.cells, theme, look), look
        return drawn.strip

    def has(self, key: str) -> bool:
        """Whether the row's cells were made before."""
        return key in self._drawn

    def background(self, theme: str, look: Look) -> str:
        """The colour behind the cursor; empty for every other row."""
        colours = palette(theme)
        return (colours.cursor if look.focused else colours.cursor_idle) if look.cursor else ""

    def header(self, theme: str, sort: str, *, descending: bool) -> Strip:
        """The titles; the sorted column's has an arrow."""
        segments: list[Segment] = []
        quiet = tone_style(theme, Tone.DIM)
        for place, cells in self.layout.columns:
            column = self.kind.columns[place]
            sorted_by = bool(sort) and column.id == sort and bool(column.title)
            title = f"{column.title}{'↓' if descending else '↑'}" if sorted_by else column.title
            style = tone_style(theme, Tone.STRONG) if sorted_by else quiet
            segments += [Segment(fit(title, cells, right=column.right), style), Segment(GAP, quiet)]
        return Strip(segments)

    def heading(self, heading: Heading, theme: str) -> Strip:
        """A title between rows, with its count."""
        title = Segment(plain(heading.title).upper(), tone_style(theme, Tone.HEADING))
        return Strip([title, Segment(f"  {heading.count}", tone_style(theme, Tone.DIM))])

    def _strip(self, cells: Sequence[Cell], theme: str, look: Look) -> Strip:
        background = self.background(theme, look)
        gap = Segment(GAP, tone_style(theme, Tone.NORMAL, background))
        segments: list[Segment] = []
        for place, room in self.layout.columns:
            cell, column = without_quiet(cells[place], room), self.kind.columns[place]
            text = fit(
                "✓" if look.marked and place == 0 else cell.text, room, right=column.right, tail=column.tail
            )
            tone = Tone.MARK if look.marked and place <= 1 else cell.tone
            if cell.quiet and not look.marked and len(cell.text) > cell.quiet:
                segments.append(Segment(text[: cell.quiet], tone_style(theme, Tone.DIM, background)))
                text = text[cell.quiet :]
            segments += [Segment(drawable(text), tone_style(theme, tone, background)), gap]
        return Strip(segments)

    def _undrawable(self, key: str, problem: Exception) -> tuple[Cell, ...]:
        """A row that says that, and why, it could not be drawn."""
        said = plain(f"cannot be drawn: {key}: {type(problem).__name__}: {problem}", 200)
        columns = self.kind.columns
        widest = max(
            range(len(columns)), key=lambda place: (not columns[place].priority, columns[place].most)
        )
        return tuple(Cell(said if place == widest else "✖", Tone.BAD) for place in range(len(columns)))
