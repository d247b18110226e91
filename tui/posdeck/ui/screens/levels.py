"""The service levels of the environment: the numbers that the business watches."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult

from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.levels import level_lines
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Pane
from posdeck.ui.tones import Tone
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.pager import Pager


class LevelsPane(Pane):
    """All of them, in the inventory's order."""

    view_name: ClassVar[str] = "slo"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.box = Box()
        self.text = Pager(wrapped=True, id="slo-text")

    def compose(self) -> ComposeResult:
        """A box of lines."""
        with self.box:
            yield self.text

    def draw(self, scene: Scene) -> None:
        levels = scene.view.levels
        self.box.say("Service levels")
        if not levels:
            said = (
                "The inventory of this environment names no service levels.",
                "docs/telemetry.md shows how.",
            )
            self.text.set_lines([((line, Tone.DIM),) for line in said])
            return
        lines: list[Line] = [line for level in levels for line in level_lines(level)]
        self.text.set_lines(lines)
