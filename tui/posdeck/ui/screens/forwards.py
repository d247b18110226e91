"""The port-forwards: listed, probed, stopped; and how one is opened from what is selected elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from posdeck.cluster.snapshot import Feed
from posdeck.errors import PosdeckError, UnknownNameError
from posdeck.operations.forward_ports import ForwardChoice, choice_of, choices_for, local_for
from posdeck.operations.forward_view import ForwardView
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.rows.forwards import ForwardRows, forward_lines, latency_text, status_text
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.tables import TablePane, why_empty
from posdeck.ui.screens.text import TextPane
from posdeck.ui.subjects import pod_subject

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

_RESOURCES = {"pods": "pod", "services": "service", "deployments": "deployment"}


class ForwardsPane(TablePane):
    """What is forwarded now."""

    view_name, kind_class, caption = "forwards", ForwardRows, "Port-forwards"
    own_scopes: ClassVar[tuple[str, ...]] = (act.FORWARD,)

    def draw(self, scene: Scene) -> None:
        kind, front = self.rows.kind, self.posdeck.front
        if isinstance(kind, ForwardRows) and front is not None:
            kind.load(front.forwards.list())
        super().draw(scene)

    def tick(self, scene: Scene) -> None:
        """Bytes and probes change without any change of the cluster."""
        self.scene = scene
        self.draw(scene)

    def subtitle_text(self, scene: Scene) -> str:
        forward = self.rows.list.item
        if not isinstance(forward, ForwardView):
            return ""
        return plain(forward.problem) or f"curl -i http://{forward.address}{plain(forward.probe_path)}"

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if self.rows.list.items:
            return why_empty(self.rows, None)
        ports = [
            f"  :forward {scene.wall.short(service.name)} {local_for(port.port)}:{port.port}"
            for service in scene.snapshot.services.values()
            for port in service.ports
        ]
        known = "\n\nFor example:\n" + "\n".join(ports) if ports else ""
        return (
            "No port-forward is open.\nSelect a workload, a pod or a service and press F, or write "
            f":forward NAME [LOCAL:]PORT. Each listens on this machine only, and is recorded.{known}"
        )

    def subject(self) -> Subject | None:
        forward = self.rows.list.item
        if not isinstance(forward, ForwardView) or self.scene is None:
            return None
        pod = self.scene.snapshot.pods.get(forward.pod)
        return pod_subject(pod, self.scene) if pod is not None else Subject("pods", forward.pod)

    def scopes(self) -> tuple[str, ...]:
        """Keys of a forward only where one is selected."""
        found = super().scopes()
        return (
            found
            if isinstance(self.rows.list.item, ForwardView)
            else tuple(s for s in found if s != act.FORWARD)
        )

    def perform(self, action: Action, key: str) -> bool:
        forward = self.rows.list.item
        wanted = {
            "forward-stop", "forward-probe", "forward-path", "forward-probe-always", "open", "copy"
        }  # fmt: skip
        if action.id not in wanted or not isinstance(forward, ForwardView):
            return super().perform(action, key)
        if action.id == "copy":
            url = f"http://{forward.address}{forward.probe_path}"
            self.app.copy_to_clipboard(url)
            self.posdeck.notice(f"copied: {plain(url)}")
        elif action.id == "forward-path":
            hint = f"asked of {forward.address} at once, and by every later probe · esc leaves it"
            self.posdeck.console_screen.ask(
                "path", hint, lambda path: self._do("forward-probe", forward, path), forward.probe_path
            )
        else:
            self.posdeck.run_worker(self._do(action.id, forward), group="forward", exit_on_error=False)
        return True

    async def _do(self, what: str, forward: ForwardView, path: str = "") -> None:
        forwards = self.posdeck.need_front().forwards
        try:
            if what == "forward-stop":
                last = await forwards.stop(forward.id)
                self.posdeck.notice(f"stopped {last.address} → {last.choice.target}")
            elif what == "forward-probe":
                point = await forwards.probe(forward.id, path)
                took = f" in {latency_text(point.seconds)}" if point.seconds is not None else ""
                said = status_text(point) if point.status is not None else point.problem
                tone = "normal" if point.status is not None and point.status < 500 else "bad"
                self.posdeck.notice(plain(f"{path or forward.probe_path}: {said}{took}"), tone)
            elif what == "forward-probe-always":
                forwards.probe_always(forward.id, on=not forward.probing)
            else:
                await self._read(forward)
        except PosdeckError as problem:
            self.posdeck.notice(str(problem), "bad")
        if self.scene is not None and self.is_mounted:
            self.draw(self.posdeck.scene)

    async def _read(self, forward: ForwardView) -> None:
        from posdeck.ui.places import text_place

        app = self.posdeck
        lines = forward_lines(forward, app.scene, app.scene.snapshot.connection.namespace or "NAMESPACE")
        pane: TextPane = await text_place(app)

        async def load() -> Sequence[Line]:
            return lines

        pane.open(f"Port-forward {forward.address}", load, subject=self.subject())


async def forward_subject(app: PosdeckApp, subject: Subject, ports: str = "") -> None:
    """Open every known port of what is selected, or the one in ``ports`` (``8080:80``), and show the list."""
    front = app.need_front()
    resource, name = _object(subject)
    workload = front.catalogue.by_deployment.get(subject.deployment)
    try:
        choices: tuple[ForwardChoice, ...] = (
            (choice_of(app.scene.snapshot, resource, name, ports, workload),)
            if ports
            else choices_for(app.scene.snapshot, resource, name, workload)
        )
        if not choices:
            raise UnknownNameError(
                f"{resource}/{name}", "declares no port", f"Say which: :forward {subject.short or name} PORT."
            )
        opened = [await front.forwards.start(choice) for choice in choices]
    except PosdeckError as problem:
        app.notice(str(problem), "bad")
        if not front.forwards.list():
            return
    else:
        other = [v for v in opened if v.choice.local not in {0, v.local}]
        taken = f" ({', '.join(str(v.choice.local) for v in other)} was taken)" if other else ""
        app.notice(f"forwarding {', '.join(f'{v.address} → {v.port}' for v in opened)}{taken}")
    await app.go("forwards")


def _object(subject: Subject) -> tuple[str, str]:
    """The object that a forward goes to: what is selected when it has pods of its own, else its deployment."""
    resource = _RESOURCES.get(subject.resource)
    if resource is not None:
        return resource, subject.name
    return "deployment", subject.deployment
