"""The data flow: the path of a request from the gateway to fulfilment."""

from __future__ import annotations

from posdeck.cluster.snapshot import Feed
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.rows.flow import FlowRows, FlowStage, problem_of
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.tables import TablePane, why_empty
from posdeck.ui.subjects import deployment_subject, subject_of


class FlowPane(TablePane):
    """Stages from the gateway to fulfilment, from the catalogue."""

    view_name, kind_class, caption = "flow", FlowRows, "Data flow"

    def draw(self, scene: Scene) -> None:
        kind = self.rows.kind
        front = self.posdeck.front
        if isinstance(kind, FlowRows) and front is not None and not kind.loaded:
            kind.load(front.catalogue)
        super().draw(scene)

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if not self.rows.list.items:
            if self.posdeck.front is None:
                return "Still loading the catalogue."
            return "The inventory describes no flow. Add one under `flows`."
        return why_empty(self.rows, None)

    def subtitle_text(self, scene: Scene) -> str:
        """What stands behind the stage, or why its state is not known."""
        item = self.rows.list.item
        if not isinstance(item, FlowStage):
            return ""
        if item.workloads:
            return ", ".join(item.workloads)
        return f"{item.stage.title}: outside the namespace, and nothing in it tells its state"

    def perform(self, action: Action, key: str) -> bool:
        item = self.rows.list.item
        if action.id != "open" or not isinstance(item, FlowStage) or self.subject() is not None:
            return super().perform(action, key)
        if item.workloads:
            self.posdeck.run_worker(self.posdeck.go("consumers"), group="press", exit_on_error=False)
        else:
            self.posdeck.notice(
                f"{plain(item.stage.title)} is outside the namespace: there is nothing to open.", "warn"
            )
        return True

    def subject(self) -> Subject | None:
        item = self.rows.list.item
        if isinstance(item, FlowStage) and self.scene is not None:
            problem = problem_of(item, self.scene)
            if problem is not None:
                return subject_of(problem.key, problem, self.scene)
        if isinstance(item, FlowStage) and len(item.workloads) == 1 and self.scene is not None:
            return deployment_subject(self.scene.wall.full(item.workloads[0]), self.scene)
        return None
