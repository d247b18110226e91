"""The data flow, and the port-forwards, which posdeck does not open yet."""

from __future__ import annotations

from posdeck.cluster.snapshot import Feed
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.flow import FlowRows, FlowStage
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.tables import TablePane, why_empty
from posdeck.ui.screens.text import TextPane
from posdeck.ui.subjects import deployment_subject
from posdeck.ui.tones import Tone


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


class ForwardsPane(TextPane):
    """Says how to open a port-forward meanwhile, with the namespace's own services."""

    view_name = "forwards"

    def draw(self, scene: Scene) -> None:
        lines: list[Line] = [
            (("posdeck opens no port-forward itself yet.", Tone.WARN),),
            (("These commands do it in another terminal:", Tone.NORMAL),),
            (),
        ]
        namespace = scene.snapshot.connection.namespace or "NAMESPACE"
        taken: set[int] = set()
        for service in scene.snapshot.services.values():
            for port in service.ports:
                local = port.port if port.port > 1023 else port.port + 8000
                while local in taken:
                    local += 1
                taken.add(local)
                lines.append(
                    (
                        (
                            f"kubectl -n {namespace} port-forward service/{service.name} {local}:{port.port}",
                            Tone.STRONG,
                        ),
                    )
                )
        if not scene.snapshot.services:
            lines.append((("No service is known yet.", Tone.DIM),))
        self.text.set_lines(lines)
        self.box.say("Port-forwards")
