"""A table that draws only the lines in sight, and of those only the ones that differ.

Rows are frozen objects, so what changed is found with ``is``; rows come and go around the selected one, which
stays on its line of the screen.
"""

from __future__ import annotations

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from posdeck.ui.filtering import Filter
from posdeck.ui.rows.cells import RowKind
from posdeck.ui.scene import Scene
from posdeck.ui.theme import tone_style
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.rowlist import Heading, RowLine, RowList
from posdeck.ui.widgets.rowpainter import Look, RowPainter

_EVERY_COLUMN = 10_000


class Table(ScrollView, can_focus=True):
    """Rows of one kind."""

    DEFAULT_CSS = """
    Table { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; height: 1fr; }
    """

    class Moved(Message):
        """The selection is on another row now; ``key`` is None when its object is gone."""

        def __init__(self, table: Table, key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

    class Opened(Message):
        """A row was double-clicked."""

        def __init__(self, table: Table, key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

    def __init__(self, kind: RowKind, *, header: bool = True, id: str | None = None) -> None:
        super().__init__(id=id)
        self.kind = kind
        self.header = 1 if header else 0
        self.list = RowList(kind)
        self.painter = RowPainter(kind)
        self.wide = False
        self._shift = 0
        self._told: str | None = None
        self._painted: list[RowLine] = []
        self._painted_top = -1

    # changes

    def show(self, scene: Scene) -> None:
        """Draw another scene; only what differs is drawn again."""
        self._moved_by(self.list.take(scene))
        self.painter.forget(self.list.items)
        self._redraw()

    def tick(self, scene: Scene) -> None:
        """Time went on: draw again the lines in sight whose age reads differently."""
        self.list.scene = scene
        self._redraw()

    def set_filter(self, new: Filter) -> None:
        """Show only rows that pass ``new``."""
        self.list.set_filter(new)
        self._moved_by(0)
        self._keep_in_sight()
        self._redraw()

    def sort_by(self, column: str = "") -> None:
        """Sort by ``column``, or by the one after the present; the same again turns the order round."""
        self._moved_by(self.list.sort_by(column or self.list.next_column()))
        self._redraw(everything=True)

    def toggle_mark(self) -> None:
        """Mark or unmark the selected row and go to the next."""
        if self.list.selected is not None:
            self.list.marked ^= {self.list.selected}
            self.refresh_line(self.list.cursor + self.header)
            self.move(1)

    def set_wide(self, wide: bool) -> None:
        """Show every column, and scroll sideways; or drop what does not fit."""
        self.wide, self._shift = wide, 0
        self._redraw(everything=True)

    def shift(self, cells: int) -> None:
        """Scroll sideways; the first step to the right brings back the dropped columns."""
        if not self.wide and cells > 0 and self.painter.layout.dropped:
            self.set_wide(True)
        elif self.wide and cells < 0 and self._shift == 0:
            self.set_wide(False)
        elif self.wide:
            most = max(0, self.painter.layout.total - self.size.width)
            self._shift = min(most, max(0, self._shift + cells))
            self.refresh()

    def redraw_all(self) -> None:
        """The colours changed: every line is drawn anew."""
        self.painter.version += 1
        self.refresh()

    # the cursor

    def move(self, lines: int) -> None:
        """Move the cursor by ``lines`` rows, over headings."""
        self._go(self.list.cursor + lines, 1 if lines > 0 else -1)

    def move_to(self, end: int) -> None:
        """Move to the first (0) or the last (-1) row."""
        self._go(0 if end == 0 else len(self.list.lines) - 1, 1 if end == 0 else -1)

    def page(self, direction: int) -> None:
        """Move by what is in sight."""
        self.move(direction * max(1, self._visible_rows - 1))

    def select(self, key: str) -> bool:
        """Put the cursor on the row of this key; False when it is not among those shown."""
        if key not in self.list.lines:
            return False
        self._go(self.list.lines.index(key), 1)
        return True

    def _go(self, index: int, direction: int) -> None:
        before = self.list.cursor
        self.list.go(index, direction)
        self._tell()
        self._keep_in_sight()
        self.refresh_line(before + self.header)
        self.refresh_line(self.list.cursor + self.header)

    def _tell(self) -> None:
        if self.list.selected != self._told:
            self._told = self.list.selected
            self.post_message(self.Moved(self, self._told))

    def _moved_by(self, lines: int) -> None:
        """The selected row is ``lines`` further down: scroll with it, so that it stays where it is."""
        self.virtual_size = Size(0, len(self.list.lines) + self.header)
        if lines:
            self.scroll_to(y=max(0, self.scroll_offset.y + lines), animate=False, force=True)
        self._tell()

    @property
    def _visible_rows(self) -> int:
        return max(1, self.size.height - self.header)

    def _keep_in_sight(self) -> None:
        top, cursor, lines = self.scroll_offset.y, self.list.cursor, self.list.lines
        under_first_heading = cursor == 1 and isinstance(lines[0], Heading)
        wanted = top
        if cursor < top or under_first_heading:
            wanted = 0 if under_first_heading else cursor
        elif cursor >= top + self._visible_rows:
            wanted = cursor - self._visible_rows + 1
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, force=True)

    # drawing

    def _redraw(self, *, everything: bool = False) -> None:
        """Make the cells in sight anew and refresh the lines that differ."""
        scene = self.list.scene
        if scene is None or not self.is_attached:
            return
        top = self.scroll_offset.y
        sight = self.list.lines[top : top + self._visible_rows]
        before = self._painted if top == self._painted_top else []
        stale: list[int] = []
        for place, line in enumerate(sight):
            other = place >= len(before) or before[place] != line
            if isinstance(line, str) and self.painter.refresh(line, self.list.items[line], scene):
                other = True
            if other:
                stale.append(place)
        self._painted, self._painted_top = sight, top
        room = _EVERY_COLUMN if self.wide else self.scrollable_content_region.width
        if self.painter.lay_out(room, self.list.sort) or everything or len(stale) > 40:
            self.refresh()
        else:
            for place in stale:
                self.refresh_line(top + place + self.header)
            if len(before) > len(sight):
                self.refresh_lines(top + len(sight) + self.header, len(before) - len(sight))

    def on_resize(self, _event: events.Resize) -> None:
        """Another width shows other columns."""
        self._redraw(everything=True)
        if self.list.touched and self.list.lines:
            self._keep_in_sight()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """What comes into sight is made into cells before it is drawn."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self._redraw(everything=True)

    def watch_has_focus(self, _value: bool) -> None:
        """The cursor is brighter where the keys go."""
        super().watch_has_focus(_value)
        self.refresh_line(self.list.cursor + self.header)

    def on_click(self, event: events.Click) -> None:
        """A click selects, a second one opens."""
        index = self.scroll_offset.y + event.y - self.header
        if event.y >= self.header and 0 <= index < len(self.list.lines):
            line = self.list.lines[index]
            if isinstance(line, str):
                self._go(index, 1)
                if event.chain == 2:
                    self.post_message(self.Opened(self, line))

    def render_line(self, y: int) -> Strip:
        """One line of the screen: the header, a heading, a row, or nothing."""
        theme: str = getattr(self.app, "palette_name", "dark")
        base, room = tone_style(theme, Tone.NORMAL), self.size.width
        rows, painter, scene = self.list, self.painter, self.list.scene
        if self.header and y == 0:
            sort = "" if rows.sectioned else rows.sort
            titles = painter.header(theme, sort, descending=rows.descending)
            return titles.crop_extend(self._shift, self._shift + room, base)
        index = self.scroll_offset.y + y - self.header
        if scene is None or not 0 <= index < len(rows.lines):
            return Strip.blank(room, base)
        line = rows.lines[index]
        if isinstance(line, Heading):
            return painter.heading(line, theme).crop_extend(0, room, base)
        if not painter.has(line):
            painter.refresh(line, rows.items[line], scene)
        at_cursor = index == rows.cursor and rows.selected is not None
        look = Look(painter.version, at_cursor, line in rows.marked, self.has_focus)
        blank = tone_style(theme, Tone.NORMAL, painter.background(theme, look))
        return painter.row(line, theme, look).crop_extend(self._shift, self._shift + room, blank)
