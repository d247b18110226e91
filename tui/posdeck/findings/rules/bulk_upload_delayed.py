"""Bulk uploads wait longer than usual, told per tier."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Unknown
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.trouble import trouble

ID = "bulk-upload-delayed"
GROUP = "bulk_upload_consumers"


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per tier whose consumer stands still or falls behind."""
    for workload in situation.members(GROUP):
        if (
            workload.name not in situation.consumers
            or situation.consumers[workload.name].waiting.value is None
        ):
            yield Unknown(ID, "waiting messages not known", (workload.name,))
        found = trouble(situation, workload)
        if found is None:
            continue
        tier = f"tier {workload.tier}" if workload.tier != "standard" else "standard tier"
        yield about_deployment(
            situation,
            ID,
            workload.deployment,
            situation.severity(workload.deployment, down=found.stopped),
            f"bulk uploads of the {tier} wait: {found.what}",
            since=found.since,
            evidence=[("tier", workload.tier), (workload.name, found.what), *found.evidence],
            likely="its consumer stands still"
            if found.stopped
            else "more is uploaded than usual, or each file takes longer",
        )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS,), 60.0, linger=60.0)
