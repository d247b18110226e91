"""The workload that others send their traces to has no ready pod."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.deployment_unavailable import available_condition, counts
from posdeck.findings.situation import Situation


def collectors(situation: Situation) -> list[str]:
    """The short names of the workloads that traces are sent to."""
    named = (w.sends_traces_to for w in situation.catalogue.workloads.values())
    return list(dict.fromkeys(name for name in named if name and name in situation.catalogue.workloads))


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per collector without an available pod."""
    for short in collectors(situation):
        deployment = situation.deployment(short)
        if deployment is None or deployment.desired == 0 or deployment.available > 0:
            continue
        condition = available_condition(deployment)
        away = condition is not None and condition.status == "False"
        yield about_deployment(
            situation,
            "collector-down",
            deployment.name,
            Severity.WARNING,
            f"traces are lost: none of {deployment.desired} collector pods is ready",
            since=condition.changed_at if condition and away else None,
            evidence=counts(deployment),
            pods=[p.name for p in situation.pods_of(deployment.name)],
        )


RULE = Rule("collector-down", find, (Kind.DEPLOYMENTS,), 20.0)
