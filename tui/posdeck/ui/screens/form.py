"""The place that asks for a runbook's parameters before its session begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult

from posdeck.errors import PosdeckError
from posdeck.operations.front import ParamSummary, RunbookSummary
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.screens.pane import Pane
from posdeck.ui.widgets.box import Box
from posdeck.ui.widgets.paramform import ParamForm
from posdeck.ui.widgets.words import Words


class FormPane(Pane):
    """Asks, and begins the session; a refused answer stays to be corrected."""

    view_name: ClassVar[str] = "form"
    own_scopes: ClassVar[tuple[str, ...]] = (act.FORM,)
    DEFAULT_CSS = """
    FormPane #form-box { height: auto; max-height: 100%; overflow-y: auto; }
    FormPane #form-summary { color: $quiet; margin-bottom: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.runbook: RunbookSummary | None = None
        self.box = Box(id="form-box")
        self.form = ParamForm(id="form")
        self._summary = Words("", id="form-summary")

    def compose(self) -> ComposeResult:
        """What it is, and what it asks."""
        with self.box:
            yield self._summary
            yield self.form

    async def open(self, runbook: RunbookSummary, given: Mapping[str, str]) -> None:
        """Ask for what ``runbook`` needs; ``given`` is filled in already."""
        self.runbook = runbook
        effect = "nothing is changed without a confirmation" if runbook.changes else "it only looks"
        self.box.say(f"{plain(runbook.title)} · before it begins", f"{effect} · esc leaves")
        self._summary.update(plain(runbook.summary, 2000))
        await self.form.ask(runbook.asks, given, self._answers, self._note)
        self.posdeck.keys_changed()

    def _answers(self, param: ParamSummary, given: Mapping[str, str]) -> Sequence[str]:
        """The known answers: the parameter's own, the revisions or the pods of the workload that is named."""
        if param.choices or self.scene is None:
            return param.choices
        workload = given.get(param.of or "workload", "")
        deployment = self.scene.wall.full(workload) if workload else ""
        snapshot = self.scene.snapshot
        if param.type == "revision":
            revisions = {
                rs.revision
                for rs in snapshot.replica_sets.values()
                if rs.owner is not None and rs.owner.name == deployment and rs.revision is not None
            }
            return [str(number) for number in sorted(revisions, reverse=True)]
        if param.name == "pod":
            return sorted(pod.name for pod in self.scene.joins.pods(deployment))
        return ()

    def _note(self, param: ParamSummary, given: Mapping[str, str]) -> Sequence[str]:
        """What an answer means: the full name of a workload, with what it runs at present."""
        if param.type != "workload" or self.scene is None or param.name not in given:
            return ()
        full = self.scene.wall.full(given[param.name])
        deployment = self.scene.snapshot.deployments.get(full)
        if deployment is None:
            return ()
        hpa = self.scene.hpa_for(full)
        scaled = f", scaled by HPA {hpa.minimum}–{hpa.maximum}" if hpa else ""
        return (f"deployment/{full}: {deployment.ready}/{deployment.desired} ready{scaled}",)

    def focus_first(self) -> None:
        """The first field without an answer."""
        fields = self.form.fields
        target = next((f for f in fields if not f.value), fields[0] if fields else None)
        if target is not None:
            target.line.focus()

    def perform(self, action: Action, key: str) -> bool:
        if action.id == "begin":
            self.form.submit()
        elif action.id == "form-next":
            self.form.step(1)
        elif action.id == "form-previous":
            self.form.step(-1)
        elif action.id == "form-choice":
            self.form.next_choice()
        else:
            return super().perform(action, key)
        return True

    def on_param_form_given(self, event: ParamForm.Given) -> None:
        """Begin with these answers."""
        event.stop()
        if self.runbook is not None:
            self.posdeck.run_worker(
                self._begin(self.runbook.id, event.values), group="session", exit_on_error=False
            )

    async def _begin(self, runbook: str, values: Mapping[str, str]) -> None:
        from posdeck.ui.procedures import show_session

        try:
            session = await self.posdeck.need_front().open_session(runbook, values)
        except PosdeckError as refused:
            self.form.refuse(str(refused))
            return
        self.posdeck.trail = [name for name in self.posdeck.trail if name != self.view_name]
        await show_session(self.posdeck, session.id)
