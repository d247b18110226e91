"""A single pod collects every trace: while it restarts, traces are lost."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.collector_down import collectors
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per collector with one replica."""
    for short in collectors(situation):
        deployment = situation.deployment(short)
        if deployment is not None and deployment.desired == 1:
            yield about_deployment(
                situation,
                "collector-alone",
                deployment.name,
                Severity.RISK,
                "one replica collects every trace",
                evidence=(("spec.replicas", "1"),),
            )


RULE = Rule("collector-alone", find, (Kind.DEPLOYMENTS,))
