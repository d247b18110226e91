"""A few lines that do not scroll; drawn again only when they differ."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from posdeck.ui.plain import clip, drawable
from posdeck.ui.rows.cells import Line
from posdeck.ui.theme import tone_style
from posdeck.ui.tones import Tone


class Card(Widget):
    """Lines of (text, tone) pairs, cut at the right edge with an ellipsis."""

    DEFAULT_CSS = """
    Card { height: auto; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.lines: list[Line] = []

    def set_lines(self, lines: Iterable[Line]) -> None:
        """Show these lines."""
        new = list(lines)
        if new == self.lines:
            return
        resized = len(new) != len(self.lines)
        self.lines = new
        self.refresh(layout=resized)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as there are lines."""
        return len(self.lines)

    def render_line(self, y: int) -> Strip:
        """One line."""
        theme: str = getattr(self.app, "palette_name", "dark")
        return line_strip(self.lines[y] if y < len(self.lines) else (), self.size.width, theme)


def line_strip(line: Line, room: int, theme: str, background: str = "") -> Strip:
    """``line`` in exactly ``room`` cells."""
    segments: list[Segment] = []
    left = room
    for text, tone in line:
        if left <= 0:
            break
        shown, cells = clip(drawable(text), left)
        segments.append(Segment(drawable(shown), tone_style(theme, tone, background)))
        left -= cells
    base = tone_style(theme, Tone.NORMAL, background)
    return Strip(segments).crop_extend(0, room, base)
