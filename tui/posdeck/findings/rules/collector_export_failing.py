"""The trace collector cannot hand on what it accepted."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.readings import not_known
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.collector_down import collectors
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "collector-export-failing"


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per collector while its exports fail."""
    failed = situation.other.collector_export_failed
    for short in collectors(situation):
        if failed.value is None:
            yield not_known(ID, "failed exports of spans", failed)
        elif failed.value > 0:
            workload = situation.catalogue.workloads[short]
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                Severity.WARNING,
                f"{number(failed.value)} spans a second cannot be handed on",
                evidence=(
                    ("spans per second that failed", number(failed.value)),
                    ("source", failed.source or "not said"),
                ),
                likely="the tracing backend does not answer, or refuses them",
            )


RULE = Rule(ID, find, (), 30.0, linger=60.0)
