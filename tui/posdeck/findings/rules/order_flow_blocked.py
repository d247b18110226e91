"""Orders arrive and are not processed: the order consumers and the batch publisher taken together."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.reporting import about_group
from posdeck.findings.rule import Rule
from posdeck.findings.rules.publisher_silent import publishers
from posdeck.findings.situation import Situation
from posdeck.findings.trouble import earliest, troubles

ID = "order-flow-blocked"
GROUP = "order_consumers"


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """At most one finding: two or more links of the order flow stand still."""
    members = situation.members(GROUP)
    if not members:
        return
    if all(w.name not in situation.consumers for w in members):
        yield Unknown(ID, "the queue numbers of the order consumers are not known")
    stopped = [t for t in troubles(situation, (*members, *publishers(situation))) if t.stopped]
    if len(stopped) < 2:
        return
    yield about_group(
        situation,
        ID,
        GROUP,
        Severity.CRITICAL,
        "orders are not processed: " + ", ".join(f"{t.workload.name} ({t.what})" for t in stopped),
        members=[t.workload for t in stopped],
        since=earliest(stopped),
        evidence=[(t.workload.name, t.what) for t in stopped] + [e for t in stopped for e in t.evidence],
        likely="what these workloads share: the queue, the database, or a release of several at once",
    )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS,), 30.0, linger=30.0)
