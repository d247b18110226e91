"""The main API answers slower than its objective."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.model import Confidence, Finding, Severity, Unknown
from posdeck.findings.readings import not_known
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.api_not_answering import GROUP
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "api-slow"


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per workload of the group main_api while the latency is beyond the objective."""
    latency, objective = situation.other.api_latency, situation.other.api_latency_objective
    for workload in situation.members(GROUP):
        if latency.value is None:
            yield not_known(ID, "the API's response time", latency)
        elif objective is None:
            yield Unknown(ID, "the inventory names no objective for the API's response time")
        elif latency.value > objective:
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                Severity.WARNING,
                f"95 of 100 requests take up to {number(latency.value)} s, the objective is {number(objective)} s",
                evidence=(
                    ("response time (p95)", f"{number(latency.value)} s"),
                    ("objective", f"{number(objective)} s"),
                    ("source", latency.source or "not said"),
                ),
                likely="more load than the replicas carry, or a slow dependency",
                confidence=Confidence.MEDIUM,
            )


RULE = Rule(ID, find, (), 60.0, linger=60.0)
