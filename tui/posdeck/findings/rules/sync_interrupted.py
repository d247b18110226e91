"""Patients or customers are no longer kept in step, or answers no longer corrected."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Unknown
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.trouble import trouble

ID = "sync-interrupted"
GROUPS = ("data_sync_consumers", "validation_consumers")


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per consumer of these groups that stands still."""
    for group in GROUPS:
        for workload in situation.members(group):
            facts = situation.consumers.get(workload.name)
            if facts is None or facts.waiting.value is None:
                yield Unknown(ID, "waiting messages not known", (workload.name,))
            found = trouble(situation, workload)
            if found is None or not found.stopped:
                continue
            systems = [
                situation.catalogue.systems[s].title
                for s in workload.depends_on
                if s in situation.catalogue.systems
            ]
            outside = f", or {' or '.join(systems)} does not answer" if systems else ""
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                situation.severity(workload.deployment, down=True),
                f"interrupted ({workload.purpose}): {found.what}",
                since=found.since,
                evidence=[(workload.name, found.what), *found.evidence],
                likely=f"its consumer stands still{outside}",
            )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS,), 60.0, linger=60.0)
