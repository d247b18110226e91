"""Events, services, nodes and revisions (replica sets) as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from posdeck.cluster.snapshot import Event, Kind, Node, ReplicaSet, Service, ServicePort
from posdeck.kubetext.quantities import format_cpu, format_memory
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind, count_cell, number_order, time_order
from posdeck.ui.rows.pods import UNMEASURED, share_cell
from posdeck.ui.rows.workloads import short_cell
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_SHORT_KIND = {
    "Pod": "pod",
    "Deployment": "deploy",
    "ReplicaSet": "rs",
    "HorizontalPodAutoscaler": "hpa",
    "Service": "svc",
    "Node": "node",
}


def about(event: Event, scene: Scene) -> str:
    """The object of an event by its short kind and short name."""
    name, wall = event.about_name, scene.wall
    pod = scene.snapshot.pods.get(name) if event.about_kind == "Pod" else None
    name = wall.shortened(name) if pod is None else wall.shorten(name, scene.joins.deployment_of(pod))
    return f"{_SHORT_KIND.get(event.about_kind, event.about_kind.lower())}/{name}"


class Events(RowKind):
    """Events, newest first."""

    id = "events"
    noun = "events"
    feed = Kind.EVENTS
    default_sort = "last"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("glyph", "", least=1, most=1),
        Column("last", "LAST", right=True, least=5, key="a", descending=True),
        Column("type", "TYPE", least=7, priority=2, key="t"),
        Column("reason", "REASON", least=10, most=28, key="r"),
        Column("count", "COUNT", right=True, priority=1, key="c", descending=True),
        Column("about", "OBJECT", least=12, most=48, key="o", prose=True, tail=6),
        Column("message", "MESSAGE", most=2000, prose=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.snapshot.events

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        event: Event = item
        warning = event.type != "Normal"
        tone = Tone.WARN if warning else Tone.NORMAL
        return (
            Cell("▲" if warning else "·", Tone.WARN if warning else Tone.DIM),
            Cell(scene.since(event.last_seen), Tone.DIM),
            Cell(plain(event.type), tone if warning else Tone.DIM),
            Cell(plain(event.reason), tone),
            Cell(f"×{event.count:,}" if event.count > 1 else "", Tone.DIM),
            Cell(plain(about(event, scene))),
            Cell(plain(event.message), Tone.DIM if not warning else Tone.NORMAL),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        if column == "last":
            return (time_order(item.last_seen), key)
        return item.count if column == "count" else super().order(column, key, item, scene)

    def words(self, key: str, item: Any, scene: Scene) -> str:
        return f"{item.type} {item.reason} {item.about_kind}/{item.about_name} {item.message}"


def _port_text(port: ServicePort) -> str:
    """``80→8080/TCP``; the port alone where the pod's is the same."""
    same = port.target in {"", str(port.port)}
    return f"{port.port}/{port.protocol}" if same else f"{port.port}→{port.target}/{port.protocol}"


class EventLines(Events):
    """Events in the narrow pane of the overview."""

    id = "event-lines"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("clock", "", least=5, most=5),
        Column("glyph", "", least=1, most=1),
        Column("about", "", least=8, most=26, prose=True),
        Column("what", "", most=200, prose=True),
    )

    default_sort = "clock"

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        event: Event = item
        warning = event.type != "Normal"
        times = f" ×{event.count:,}" if event.count > 1 else ""
        return (
            Cell(scene.minute(event.last_seen), Tone.DIM),
            Cell("▲" if warning else "·", Tone.WARN if warning else Tone.DIM),
            Cell(plain(about(event, scene).partition("/")[2])),
            Cell(plain(f"{event.reason}{times} {event.message}"), Tone.WARN if warning else Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        return (-time_order(item.last_seen), key)


class Services(RowKind):
    """Services with their ports and node ports."""

    id = "services"
    noun = "services"
    feed = Kind.SERVICES
    default_sort = "name"
    columns = (
        Column("name", "NAME", least=12, most=40, key="n"),
        Column("type", "TYPE", least=9, key="t"),
        Column("ip", "CLUSTER-IP", least=9, priority=1),
        Column("external", "EXTERNAL-IP", priority=5, prose=True),
        Column("ports", "PORT(S)", least=8, most=60),
        Column("node_ports", "NODEPORT", right=True, priority=2),
        Column("ready", "READY PODS", right=True),
        Column("age", "AGE", right=True, least=4, key="a", descending=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.snapshot.services

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        service: Service = item
        ports = ", ".join(_port_text(p) for p in service.ports)
        node_ports = ", ".join(str(p.node_port) for p in service.ports if p.node_port)
        return (
            short_cell(service.name, scene),
            Cell(plain(service.type)),
            Cell(plain(service.cluster_ip or "None")),
            Cell(plain(service.external), Tone.DIM),
            Cell(plain(ports or "–")),
            Cell(node_ports or "–", Tone.NORMAL if node_ports else Tone.DIM),
            _backing(service, scene),
            Cell(scene.since(service.created), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        return -time_order(item.created) if column == "age" else super().order(column, key, item, scene)


def _backing(service: Service, scene: Scene) -> Cell:
    """Ready pods that the selector matches; a service without any is the finding."""
    wanted = service.selector.items()
    if not wanted:
        return Cell("no selector", Tone.DIM)
    matching = [p for p in scene.snapshot.pods.values() if all(p.labels.get(k) == v for k, v in wanted)]
    ready = sum(pod.is_ready for pod in matching)
    tone = Tone.BAD if not ready else Tone.WARN if ready < len(matching) else Tone.GOOD
    return Cell(f"{'✖ ' if not ready else ''}{ready}/{len(matching)}", tone)


class Nodes(RowKind):
    """Nodes with what they have and use; often forbidden, since they belong to the cluster."""

    id = "nodes"
    noun = "nodes"
    feed = Kind.NODES
    default_sort = "name"
    volatile = frozenset({"cpu", "memory"})
    columns = (
        Column("glyph", "", least=1, most=1),
        Column("name", "NAME", least=12, most=50, key="n"),
        Column("status", "STATUS", least=6, most=30, key="s"),
        Column("roles", "ROLES", priority=4),
        Column("cpu", "CPU", right=True, priority=1, key="c", descending=True),
        Column("cpu_share", "%CPU", right=True),
        Column("memory", "MEM", right=True, priority=1, key="m", descending=True),
        Column("memory_share", "%MEM", right=True),
        Column("pods", "OUR PODS", right=True, priority=2, key="p", descending=True),
        Column("pressure", "PRESSURE", least=4),
        Column("version", "VERSION", priority=3),
        Column("age", "AGE", right=True, least=4, key="a", descending=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.snapshot.nodes

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        node: Node = item
        usage = scene.snapshot.node_usage.get(node.name)
        ready = node.status.startswith("Ready")
        tone = Tone.BAD if not ready else Tone.WARN if node.unschedulable else Tone.GOOD
        pressure = [c.type for c in node.conditions if c.type.endswith("Pressure") and c.status == "True"]
        return (
            Cell("●" if tone is Tone.GOOD else "▲" if ready else "✖", tone),
            Cell(plain(node.name)),
            Cell(plain(node.status), tone if tone is not Tone.GOOD else Tone.NORMAL),
            Cell(plain(node.roles), Tone.DIM),
            Cell(format_cpu(usage.cpu)) if usage else UNMEASURED,
            share_cell(usage.cpu if usage else None, node.cpu_allocatable),
            Cell(format_memory(usage.memory)) if usage else UNMEASURED,
            share_cell(usage.memory if usage else None, node.memory_allocatable),
            count_cell(sum(p.node == node.name for p in scene.snapshot.pods.values())),
            Cell(plain(", ".join(pressure) or "none"), Tone.BAD if pressure else Tone.DIM),
            Cell(plain(node.version), Tone.DIM),
            Cell(scene.since(node.created), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        usage = scene.snapshot.node_usage.get(item.name)
        if column in {"cpu", "memory"}:
            return number_order(getattr(usage, column) if usage else None)
        if column == "age":
            return -time_order(item.created)
        return super().order(column, key, item, scene)


class Revisions(RowKind):
    """Replica sets: the revisions of each deployment, newest first; empty old ones are dim."""

    id = "revisions"
    noun = "revisions"
    feed = Kind.REPLICA_SETS
    default_sort = "name"
    columns = (
        Column("glyph", "", least=1, most=1),
        Column("workload", "WORKLOAD", least=12, most=36, key="n"),
        Column("revision", "REV", right=True, least=3, key="r", descending=True),
        Column("ready", "READY", right=True),
        Column("image", "IMAGE", least=12, most=60, key="i", prose=True, tail=8),
        Column("differs", "TEMPLATE", priority=1),
        Column("stamp", "RESTARTED", priority=3),
        Column("cause", "CHANGE CAUSE", priority=4, most=60, prose=True),
        Column("name", "NAME", priority=5, most=60),
        Column("age", "AGE", right=True, least=4, key="a", descending=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.snapshot.replica_sets

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        revision: ReplicaSet = item
        live = revision.desired > 0 or revision.replicas > 0
        owner = revision.owner.name if revision.owner else ""
        deployment = scene.snapshot.deployments.get(owner)
        current = deployment is not None and deployment.revision == revision.revision
        quiet = Tone.NORMAL if live or current else Tone.DIM
        image = ", ".join(c.image.rsplit("/", 1)[-1] for c in revision.containers) or "–"
        return (
            Cell("▶" if current else "●" if live else "○", Tone.GOOD if current else quiet),
            Cell(plain(scene.wall.short(owner) if owner else revision.name), quiet),
            Cell("–" if revision.revision is None else str(revision.revision), quiet),
            Cell(f"{revision.ready}/{revision.desired}", quiet),
            Cell(plain(image), quiet),
            _template(revision, deployment.template_hash if deployment else "", current=current),
            Cell(scene.clock(revision.restarted_at) if revision.restarted_at else "–", Tone.DIM),
            Cell(plain(revision.change_cause or "–"), Tone.DIM),
            Cell(plain(revision.name), Tone.DIM),
            Cell(scene.since(revision.created), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        revision: ReplicaSet = item
        owner = scene.wall.short(revision.owner.name) if revision.owner else revision.name
        if column in {"name", "workload"}:
            return (owner, -(revision.revision or 0), key)
        if column == "revision":
            return revision.revision or 0
        if column == "age":
            return -time_order(revision.created)
        return super().order(column, key, item, scene)


def _template(revision: ReplicaSet, now: str, *, current: bool) -> Cell:
    """Whether going back to this revision would change more than a restart stamp."""
    if current:
        return Cell("current", Tone.GOOD)
    if not now or not revision.template_hash:
        return Cell("?", Tone.DIM)
    return (
        Cell("same, restarted", Tone.DIM) if revision.template_hash == now else Cell("differs", Tone.ACCENT)
    )
