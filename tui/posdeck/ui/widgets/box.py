"""A rounded frame with a title and a line at the bottom; both are taken literally, never as markup."""

from __future__ import annotations

from typing import Self

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region

from posdeck.ui.plain import drawable


class Box(Vertical):
    """Repaints its edge only when what it says differs."""

    DEFAULT_CSS = """
    Box { border: round $edge; border-title-color: $foreground; border-title-style: bold;
          border-subtitle-color: $quiet; padding: 0 1; height: 1fr; }
    Box:focus-within { border: round $edge-focus; }
    Box.-alarm { border: round $error; }
    """

    def __init__(self, title: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.said = ("", "")
        self._edge: Region | None = None  # what alone has to be drawn again
        self.say(title)

    def say(self, title: str, bottom: str = "") -> None:
        """Set the title and the bottom line; of the screen only their lines are drawn again."""
        title, bottom = drawable(title), drawable(bottom)
        before, self.said = self.said, (title, bottom)
        try:
            if title != before[0]:
                self._edge = self._line(-self.content_offset.y)
                self.border_title = Content(title) if title else None
            if bottom != before[1]:
                self._edge = self._line(self.outer_size.height - self.content_offset.y - 1)
                self.border_subtitle = Content(bottom) if bottom else None
        finally:
            self._edge = None

    def _line(self, y: int) -> Region:
        """A line of the edge, counted from the first line of the content, as ``refresh`` takes it."""
        return Region(-self.content_offset.x, y, max(1, self.outer_size.width), 1)

    def refresh(
        self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False
    ) -> Self:
        """Textual redraws the whole box for a title; what is inside did not change."""
        if self._edge is not None and not regions and not layout and self.outer_size:
            regions = (self._edge,)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
