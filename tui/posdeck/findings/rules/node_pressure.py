"""A node short of memory, disk or process ids that carries pods of this namespace: it will evict some."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind, Node, Pod
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of, quoted

PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per node under pressure that carries one of our pods."""
    for node in situation.snapshot.nodes.values():
        pressing = [c for c in node.conditions if c.type in PRESSURES and c.status == "True"]
        pods = pods_on(situation, node) if pressing else []
        if pods:
            times = [c.changed_at for c in pressing if c.changed_at is not None]
            yield about_object(
                "node-pressure",
                "Node",
                node.name,
                Severity.WARNING,
                f"{', '.join(c.type for c in pressing)} on a node with {count_of(len(pods), 0, 'pod')} of ours",
                since=min(times) if times else None,
                evidence=[
                    (f"conditions[{c.type}]", f"{c.status} {quoted(c.message)}".strip()) for c in pressing
                ],
                likely="the node is overcommitted; pods may be evicted from it",
                pods=[p.name for p in pods],
            )


def pods_on(situation: Situation, node: Node) -> list[Pod]:
    """The namespace's pods on a node that have not ended."""
    return [
        p
        for p in situation.snapshot.pods.values()
        if p.node == node.name and p.phase not in ("Succeeded", "Failed")
    ]


RULE = Rule("node-pressure", find, (Kind.NODES, Kind.PODS), 15.0, linger=60.0)
