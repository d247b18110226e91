"""A node that does not answer and carries pods of this namespace."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.rules.node_pressure import pods_on
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of, quoted


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per node that is not ready and carries one of our pods."""
    for node in situation.snapshot.nodes.values():
        ready = next((c for c in node.conditions if c.type == "Ready"), None)
        if ready is None or ready.status == "True":
            continue
        pods = pods_on(situation, node)
        if not pods:
            continue
        names = {p.name for p in pods}
        wholly = [
            name
            for name, owned in situation.index.pods_of.items()
            if any(p.name in names for p in owned) and all(p.name in names or p.is_ready for p in owned)
        ]
        down = any(situation.is_down(name) for name in wholly)
        yield about_object(
            "node-not-ready",
            "Node",
            node.name,
            Severity.CRITICAL if down else Severity.WARNING,
            f"the node is not ready ({ready.reason or ready.status}) and carries "
            f"{count_of(len(pods), 0, 'pod')} of ours",
            since=ready.changed_at,
            evidence=(("conditions[Ready]", f"{ready.status} {ready.reason}: {quoted(ready.message)}"),),
            likely="the node is down, cut off, or its kubelet has stopped",
            workloads=wholly,
            pods=sorted(names),
        )


RULE = Rule("node-not-ready", find, (Kind.NODES, Kind.PODS), 15.0, linger=30.0)
