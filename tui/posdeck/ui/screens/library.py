"""What was done (the audit records), what can be done (the runbooks), and what goes on (the sessions)."""

from __future__ import annotations

from posdeck.cluster.snapshot import Feed
from posdeck.errors import PosdeckError
from posdeck.ui.plain import plain
from posdeck.ui.rows.records import Audit, Runbooks, Sessions
from posdeck.ui.scene import Scene
from posdeck.ui.screens.tables import TablePane, why_empty


class AuditPane(TablePane):
    """Audit records, read from the store each time the place is entered."""

    view_name, kind_class, caption = "audit", Audit, "Audit"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._problem = ""
        self._seen: object = None

    def draw(self, scene: Scene) -> None:
        if scene.view.actions is not self._seen:
            self._seen = scene.view.actions
            self.posdeck.run_worker(self._load(), exclusive=True, group="audit", exit_on_error=False)
        super().draw(scene)

    async def _load(self) -> None:
        front = self.posdeck.front
        if front is None:
            return
        try:
            records = await front.audit_records()
        except PosdeckError as problem:
            self._problem = str(problem)
        else:
            self._problem = ""
            if isinstance(self.rows.kind, Audit):
                self.rows.kind.load(records)
        if self.scene is not None and self.is_mounted:
            super().draw(self.scene)

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if self._problem:
            return f"The record cannot be read, so nothing can be changed either.\n{self._problem}"
        if not self.rows.list.items and self.posdeck.front is None:
            return "Still loading the record."
        if not self.rows.list.items:
            return (
                "Nothing has been recorded yet. Every change that posdeck makes, or refuses, will stand here."
            )
        return why_empty(self.rows, None)


class RunbooksPane(TablePane):
    """The library."""

    view_name, kind_class, caption = "runbooks", Runbooks, "Runbooks"

    def subtitle_text(self, scene: Scene) -> str:
        """What it is for; its name stands in the row."""
        runbook = self.rows.list.item
        return "" if runbook is None else plain(f"{runbook.title}: {runbook.summary}")

    def draw(self, scene: Scene) -> None:
        kind = self.rows.kind
        front = self.posdeck.front
        if isinstance(kind, Runbooks) and front is not None and not kind.loaded:
            kind.load(front.runbooks())
        super().draw(scene)

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if not self.rows.list.items:
            if self.posdeck.front is None:
                return "Still loading the runbooks."
            return "No runbook was found. `posdeck runbook lint` says what is wrong with the folder."
        return why_empty(self.rows, None)


class SessionsPane(TablePane):
    """The open sessions; enter takes one up again."""

    view_name, kind_class, caption = "sessions", Sessions, "Sessions"

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if not self.rows.list.items:
            return (
                "No session of this place is open: b begins a runbook on what is selected, 8 lists them all.\n"
                "`posdeck runbook sessions` lists those of other clusters, too."
            )
        return why_empty(self.rows, None)
