"""The trace pipeline: what the collector takes, refuses, hands on and loses, and what "collection lag" means."""

from __future__ import annotations

from typing import ClassVar

from posdeck.operations.charts import ZOOMS
from posdeck.operations.tracing import TracingView
from posdeck.ui.actions import Action
from posdeck.ui.rows.tracing import tracing_lines
from posdeck.ui.scene import Scene
from posdeck.ui.screens.lines import ChartPane
from posdeck.ui.screens.pane import Subject
from posdeck.ui.subjects import deployment_subject
from posdeck.ui.tones import Tone

EVERY = 10.0  # seconds after which the collector is asked again


class TracingPane(ChartPane):
    """The collector's own numbers, read while this is on show."""

    view_name: ClassVar[str] = "tracing"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.read: TracingView | None = None
        self._asked_zoom = -1

    def draw(self, scene: Scene) -> None:
        old = self.read is None or scene.now.timestamp() - self.read.end > EVERY
        if self.posdeck.front is not None and not self._asking and (old or self._asked_zoom != self.zoom):
            self._asking, self._asked_zoom = True, self.zoom
            self.posdeck.run_worker(self._fetch(), group="charts", exit_on_error=False)
        self.box.say(f"Tracing · last {ZOOMS[self.zoom][0]}", "z zooms, Z back · times in UTC")
        if self.read is None:
            self.text.set_lines([(("Asking the collector…", Tone.DIM),)])
        else:
            self.text.set_lines(tracing_lines(self.read, max(40, self.text.room), self.text.size.height))

    async def _fetch(self) -> None:
        try:
            self.read = await self.posdeck.need_front().tracing.read(ZOOMS[self._asked_zoom][1])
        finally:
            self._asking = False
        if self.is_mounted and self.scene is not None:
            self.draw(self.posdeck.scene)
            self.posdeck.keys_changed()

    def subject(self) -> Subject | None:
        if self.read is None or not self.read.name or self.scene is None:
            return None
        return deployment_subject(self.scene.wall.full(self.read.name), self.scene)

    def perform(self, action: Action, key: str) -> bool:
        if not self.change_zoom(action):
            return super().perform(action, key)
        self.draw_now()
        return True
