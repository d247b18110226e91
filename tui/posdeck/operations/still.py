"""A front that stands still: the view of a running console at one moment, for pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posdeck.operations.console import Console
    from posdeck.operations.view import View


class Still:
    """Shows what ``console`` shows now, and passes questions on to it; it starts and stops nothing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._view = console.view

    @property
    def view(self) -> View:
        """The view when this was made."""
        return self._view

    async def start(self) -> None:
        """The console runs already."""

    async def stop(self, cause: str = "") -> None:
        """The console goes on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._console, name)
