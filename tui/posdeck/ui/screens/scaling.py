"""Scaling by the queue: KEDA's objects, and for each consumer what one would be, played over the last hours."""

from __future__ import annotations

from typing import ClassVar

from posdeck.operations.charts import ZOOMS
from posdeck.operations.proposal import RUNBOOK, ProposalView
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.scaling import keda_line, proposal_lines, scaler_lines
from posdeck.ui.scene import Scene
from posdeck.ui.screens.lines import ChartPane
from posdeck.ui.screens.pane import Subject
from posdeck.ui.subjects import deployment_subject
from posdeck.ui.tones import Tone

EVERY = 60.0  # seconds after which a proposal is made anew


class ScalingPane(ChartPane):
    """One consumer at a time."""

    view_name: ClassVar[str] = "scaling"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.zoom = len(ZOOMS) - 1
        self.chosen = 0
        self.made: ProposalView | None = None
        self._asked: tuple[int, int] | None = None

    def _names(self) -> tuple[str, ...]:
        front = self.posdeck.front
        return front.proposals.candidates() if front is not None else ()

    def draw(self, scene: Scene) -> None:
        names = self._names()
        if not names:
            said = (
                "Still loading." if self.posdeck.front is None else f"No runbook {RUNBOOK} names a consumer."
            )
            self.text.set_lines([((said, Tone.DIM),)])
            self.box.say("Scaling by the queue")
            return
        self.chosen %= len(names)
        name = names[self.chosen]
        old = self.made is None or scene.now.timestamp() - self.made.end > EVERY
        if not self._asking and (old or self._asked != (self.chosen, self.zoom)):
            self._asking, self._asked = True, (self.chosen, self.zoom)
            self.posdeck.run_worker(self._fetch(name), group="charts", exit_on_error=False)
        self.box.say(
            f"Scaling by the queue · {plain(name)} · last {ZOOMS[self.zoom][0]}",
            f"{self.chosen + 1} of {len(names)}: ←→ others · b applies it · z zooms · times in UTC",
        )
        self.text.set_lines(self._lines(scene, name))

    def _lines(self, scene: Scene, name: str) -> list[Line]:
        size = self.text.size
        cells = max(40, self.text.room)
        scalers = scene.view.scalers
        lines: list[Line] = [keda_line(scalers)]
        mine = scalers.of_deployment(scene.wall.full(name))
        if mine is not None:
            lines += scaler_lines(mine, cells)
        lines.append(())
        if self.made is None or self.made.name != name:
            return [*lines, (("Asking the source for the past…", Tone.DIM),)]
        return [*lines, *proposal_lines(self.made, cells, size.height - len(lines))]

    async def _fetch(self, name: str) -> None:
        try:
            self.made = await self.posdeck.need_front().proposals.propose(name, ZOOMS[self.zoom][1])
        finally:
            self._asking = False
        if self.is_mounted and self.scene is not None:
            self.draw(self.posdeck.scene)
            self.posdeck.keys_changed()

    def subject(self) -> Subject | None:
        names = self._names()
        if not names or self.scene is None:
            return None
        return deployment_subject(self.scene.wall.full(names[self.chosen % len(names)]), self.scene)

    def perform(self, action: Action, key: str) -> bool:
        if action.id == "runbook":
            self._apply()
        elif action.id in {"left", "right"}:
            self.chosen = (self.chosen + (1 if action.id == "right" else -1)) % max(1, len(self._names()))
        elif not self.change_zoom(action):
            return super().perform(action, key)
        self.draw_now()
        return True

    def _apply(self) -> None:
        """The runbook with the proposal's numbers filled in: it previews, asks, applies, verifies and rolls back."""
        names = self._names()
        made = self.made
        if made is None or made.policy is None or not names or made.name != names[self.chosen % len(names)]:
            self.posdeck.notice("There is no proposal to apply yet.", "warn")
        elif made.blocked:
            self.posdeck.notice(plain(made.blocked, 300), "warn")
        else:
            from posdeck.ui.procedures import begin  # which knows the places, this one among them

            app = self.posdeck
            app.run_worker(begin(app, RUNBOOK, made.params), group="session", exit_on_error=False)
