"""A few words that may have several lines; taken literally, never as markup or control."""

from __future__ import annotations

from typing import Any

from textual.widgets import Static

from posdeck.ui.plain import block


class Words(Static):
    """``Static`` for text that may come from anywhere."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(block(text), id=id, classes=classes, markup=False)

    def update(self, content: Any = "", *, layout: bool = True) -> None:
        """Show other words."""
        super().update(block(str(content)), layout=layout)
