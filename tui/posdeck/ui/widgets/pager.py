"""Lines of text, drawn only where they are in sight: logs, manifests, evidence, help, documents.

A line is a tuple of (text, tone) pairs. With wrapping on, each line becomes several rows; which row belongs
to which line is kept in one flat list, so that going through 100,000 lines costs no more than through ten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from posdeck.ui.filtering import Filter, highlighter
from posdeck.ui.plain import LEFT_TO_RIGHT, drawable, width, wrapped
from posdeck.ui.rows.cells import Line
from posdeck.ui.theme import tone_style
from posdeck.ui.tones import Tone

CLIPBOARD = 70_000  # characters; more than that many terminals throw away without a word
Row = tuple[int, int, int, int]  # line, first character, last character, indent
_DEEPEST_INDENT = 34  # cells


def text_of(line: Line) -> str:
    """The line's characters."""
    return "".join(text for text, _ in line)


class Pager(ScrollView, can_focus=True):
    """Scrolls lines; can wrap them, filter them, search them and follow their end."""

    DEFAULT_CSS = """
    Pager { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; scrollbar-gutter: stable; height: 1fr; }
    """

    def __init__(
        self, *, wrapped: bool = False, keep: int = 0, id: str | None = None, focusable: bool = True
    ) -> None:
        super().__init__(id=id)
        self.can_focus = focusable
        self.wrapped = wrapped
        self.follow = False
        self.keep = keep  # lines kept at most; 0: all
        self.dropped = 0  # lines that had to go because of ``keep``
        self.filter = Filter()
        self.drawn_count = 0
        self.when_moved: Callable[[], None] | None = None
        self.when_resized: Callable[[], None] | None = None
        self._lines: list[Line] = []
        self._rows: list[Row] = []
        self._shift = 0
        self._match_row = -1
        self._search = Filter()

    @property
    def lines(self) -> Sequence[Line]:
        """All lines, filtered out ones too."""
        return self._lines

    @property
    def room(self) -> int:
        """Cells that a line may take; the scroll bar has its own."""
        return self.scrollable_content_region.width or self.size.width

    @property
    def shown_count(self) -> int:
        """Lines that pass the filter."""
        return len({row[0] for row in self._rows}) if self.filter else len(self._lines)

    def set_lines(self, lines: Iterable[Line]) -> None:
        """Show these lines; the place scrolled to is kept where it still exists."""
        new = [_safe(line) for line in lines]
        if new == self._lines:
            return
        self._lines = new
        self._index()

    def append(self, lines: Sequence[Line]) -> None:
        """Add lines at the end; when following, the end stays in sight."""
        start = len(self._lines)
        self._lines.extend(_safe(line) for line in lines)
        if self.keep and len(self._lines) > self.keep + self.keep // 10:
            # in one go with a tenth of slack: cutting at every line would cost more than drawing
            gone = len(self._lines) - self.keep
            self.dropped += gone
            self.drop(gone)
            return
        for number in range(start, len(self._lines)):
            self._rows.extend(self._rows_of(number))
        self._sized()

    def drop(self, count: int) -> None:
        """Let go of the first lines; what is in sight stays where it is."""
        if not count:
            return
        above = sum(1 for row in self._rows if row[0] < count)
        del self._lines[:count]
        self._match_row = max(-1, self._match_row - above)
        self._index(keep_place=self.scroll_offset.y - above)

    def clear(self) -> None:
        """Show nothing."""
        self._lines, self._rows, self.dropped = [], [], 0
        self._search, self._match_row = Filter(), -1
        self._shift = 0
        self._sized()
        self.scroll_to(y=0, animate=False, force=True)

    def set_filter(self, new: Filter) -> None:
        """Only lines that pass; what matches is marked."""
        self.filter = new
        self._index()

    def search(self, wanted: Filter) -> bool:
        """Mark what matches and go to the first match from here on, hiding nothing."""
        self._search, self._match_row = wanted, -1
        self.refresh()
        return bool(wanted) and self.find(1)

    def highlight(self, wanted: Filter) -> None:
        """Mark what matches, hiding nothing and staying where one is."""
        self._search, self._match_row = wanted, -1
        self.refresh()

    def line_in_sight(self) -> int | None:
        """The line that a search went to, else the last one in sight; None when there is none."""
        row = self._match_row if self._match_row >= 0 else self.scroll_offset.y + self.size.height - 1
        row = min(row, len(self._rows) - 1)
        return self._rows[row][0] if row >= 0 else None

    def match_line(self) -> int | None:
        """The line that a search went to."""
        return self._rows[self._match_row][0] if 0 <= self._match_row < len(self._rows) else None

    def set_wrapped(self, wrapped: bool) -> None:
        """Wrap long lines, or scroll sideways."""
        self.wrapped, self._shift = wrapped, 0
        self._index()

    def _rows_of(self, number: int) -> list[Row]:
        text = text_of(self._lines[number])
        if self.filter and not self.filter.matches(text, {}):
            return []
        room = max(10, self.room)
        if not self.wrapped or width(text) <= room:
            return [(number, 0, len(text), 0)]
        indent = _indent(self._lines[number], text, room)
        places = wrapped(text, room, room - indent)
        return [(number, start, end, indent if start else 0) for start, end in places]

    def _index(self, keep_place: int | None = None) -> None:
        self._rows = [row for number in range(len(self._lines)) for row in self._rows_of(number)]
        if keep_place is not None and not self.follow:
            self.scroll_to(y=max(0, keep_place), animate=False, force=True)
        self._sized()

    def _sized(self) -> None:
        self.virtual_size = Size(0, len(self._rows))
        if self.follow:
            self.scroll_to(y=max(0, len(self._rows) - self.size.height), animate=False, force=True)
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Wrapping depends on the width."""
        if self.when_resized:
            self.when_resized()
        if self.wrapped:
            self._index()
        elif self.follow:
            self._sized()

    # moving

    def move(self, lines: int) -> None:
        """Scroll by lines; going up ends following."""
        if lines < 0:
            self.follow = False
        target = min(max(0, self.scroll_offset.y + lines), max(0, len(self._rows) - self.size.height))
        self.scroll_to(y=target, animate=False, force=True)
        if self.when_moved:
            self.when_moved()

    def page(self, direction: int) -> None:
        """Scroll by what is in sight."""
        self.move(direction * max(1, self.size.height - 1))

    def move_to(self, end: int) -> None:
        """To the first line, or to the last and follow."""
        self.move(-len(self._rows) if end == 0 else len(self._rows))

    def shift(self, cells: int) -> None:
        """Scroll sideways."""
        if not self.wrapped:
            self._shift = max(0, self._shift + cells)
            self.refresh()

    def find(self, direction: int) -> bool:
        """Go to the next (1) or previous (-1) line that matches the filter's text."""
        marks = highlighter(self._search or self.filter)
        start = self._match_row if self._match_row >= 0 else self.scroll_offset.y - direction
        for step in range(1, len(self._rows) + 1):
            index = (start + direction * step) % len(self._rows)
            number, first, last, _ = self._rows[index]
            if marks(text_of(self._lines[number])[first:last]):
                self._match_row = index
                self.scroll_to(y=max(0, index - self.size.height // 2), animate=False, force=True)
                self.refresh()
                return True
        return False

    # drawing

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        theme: str = getattr(self.app, "palette_name", "dark")
        base = tone_style(theme, Tone.NORMAL)
        index = self.scroll_offset.y + y
        room = self.size.width
        if not 0 <= index < len(self._rows):
            return Strip.blank(room, base)
        number, first, last, indent = self._rows[index]
        self.drawn_count += 1
        wanted = self._search or self.filter
        marks = highlighter(wanted)
        segments: list[Segment] = [Segment(" " * indent, base)] if indent else []
        at = 0
        line = self._lines[number]
        spans = marks(text_of(line)) if wanted else []
        for text, tone in line:
            start, end = max(first, at), min(last, at + len(text))
            if start < end:
                style = tone_style(theme, tone)
                shown = text[start - at : end - at]
                segments.extend(_marked(shown, start, style, spans, theme))
                if (
                    not shown.isascii() and drawable(shown) != shown
                ):  # a part of a line that reads to the left
                    segments.append(Segment(LEFT_TO_RIGHT, style))
            at += len(text)
        strip = Strip(segments)
        seen = self._shift + self.room
        if not self.wrapped and strip.cell_length > seen:
            more = Strip([Segment("…", tone_style(theme, Tone.DIM))])
            strip = Strip.join([strip.crop(self._shift, seen - 1), more])
            return strip.crop_extend(0, room, base)
        return strip.crop_extend(self._shift, self._shift + room, base)


def _safe(line: Line) -> Line:
    for text, _ in line:
        if drawable(text) is not text:
            return tuple((drawable(text), tone) for text, tone in line)
    return line


def _indent(line: Line, text: str, room: int) -> int:
    """Where the rows of a wrapped line begin after its first: below what follows the label or the margin."""
    label = line[0][0] if len(line) > 1 else ""
    if not label.endswith(" "):
        label = text[: len(text) - len(text.lstrip(" "))]
    cells = width(label)
    return cells if cells <= min(_DEEPEST_INDENT, room // 2) else 2


def _marked(text: str, offset: int, style: Any, spans: list[tuple[int, int]], theme: str) -> list[Segment]:
    """``text`` (which begins at ``offset``) with the parts in ``spans`` marked."""
    segments: list[Segment] = []
    at = 0
    for start, end in spans:
        low, high = max(0, start - offset), min(len(text), end - offset)
        if low < high and low >= at:
            if low > at:
                segments.append(Segment(text[at:low], style))
            segments.append(Segment(text[low:high], tone_style(theme, Tone.MATCH)))
            at = high
    if at < len(text):
        segments.append(Segment(text[at:], style))
    return segments
