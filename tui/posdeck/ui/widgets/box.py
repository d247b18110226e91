"""A rounded frame with a title and a line at the bottom; both are taken literally, never as markup."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content


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
        self.say(title)

    def say(self, title: str, bottom: str = "") -> None:
        """Set the title and the bottom line."""
        if (title, bottom) != self.said:
            self.said = (title, bottom)
            self.border_title = Content(title) if title else None
            self.border_subtitle = Content(bottom) if bottom else None
