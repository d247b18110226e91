"""The trace collector refuses or drops spans, or cannot hand on what it accepted."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.readings import not_known
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.collector_down import collectors
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "collector-refusing"


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per collector while it refuses spans."""
    refused = situation.other.collector_refused
    for short in collectors(situation):
        if refused.value is None:
            yield not_known(ID, "refused spans", refused)
        elif refused.value > 0:
            workload = situation.catalogue.workloads[short]
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                Severity.WARNING,
                f"{number(refused.value)} spans a second are refused",
                evidence=(
                    ("refused spans per second", number(refused.value)),
                    ("source", refused.source or "not said"),
                ),
                likely="its memory limiter holds spans off, or more arrive than it takes",
            )


RULE = Rule(ID, find, (), 30.0, linger=60.0)
