"""Places that are one page of lines in a box, written anew every second and for every size; with a zoom where the
lines are plots over time."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult

from posdeck.operations.charts import ZOOMS
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Pane
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.pager import Pager


class LinesPane(Pane):
    """A box with a pager; a subclass writes its lines in ``draw``."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.box = Box()
        self.text = Pager(wrapped=True, id=f"{self.view_name}-text")

    def compose(self) -> ComposeResult:
        """A box of lines."""
        with self.box:
            yield self.text

    def tick(self, scene: Scene) -> None:
        """What is on show grows old."""
        self.show(scene)

    def on_resize(self, _event: events.Resize) -> None:
        """The lines take the room there is."""
        if self.scene is not None:
            self.draw(self.scene)


class ChartPane(LinesPane):
    """Lines with plots, fetched in the background for the chosen stretch of time."""

    own_scopes: ClassVar[tuple[str, ...]] = (act.PLOTS,)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.zoom = 1
        self._asking = False

    def change_zoom(self, action: Action) -> bool:
        """Another stretch of time; False when ``action`` is about something else."""
        if action.id not in {"zoom-out", "zoom-in"}:
            return False
        self.zoom = (self.zoom + (1 if action.id == "zoom-out" else -1)) % len(ZOOMS)
        return True

    def draw_now(self) -> None:
        """Show what was chosen or has come."""
        if self.is_mounted and self.scene is not None:
            self.draw(self.posdeck.scene)
