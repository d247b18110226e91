"""The data flow: the path of a request from the gateway to fulfilment."""

from __future__ import annotations

from posdeck.cluster.snapshot import Feed
from posdeck.ui.rows.flow import FlowRows, FlowStage
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.tables import TablePane, why_empty
from posdeck.ui.subjects import deployment_subject


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

    def subject(self) -> Subject | None:
        item = self.rows.list.item
        if isinstance(item, FlowStage) and len(item.workloads) == 1 and self.scene is not None:
            return deployment_subject(self.scene.wall.full(item.workloads[0]), self.scene)
        return None
