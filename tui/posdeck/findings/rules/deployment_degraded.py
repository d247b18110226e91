"""A deployment that has fewer available pods than it wants, and some."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.deployment_unavailable import counts
from posdeck.findings.situation import Situation

HOLD = 90.0  # seconds; pods that an autoscaler or a rollout has just asked for need time to start


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment that is short of pods."""
    for deployment in situation.wanted():
        if 0 < deployment.available < deployment.desired:
            missing = [p.name for p in situation.pods_of(deployment.name) if not p.is_ready]
            yield about_deployment(
                situation,
                "deployment-degraded",
                deployment.name,
                Severity.WARNING,
                f"{deployment.available} of {deployment.desired} pods available",
                evidence=counts(deployment),
                pods=missing,
            )


RULE = Rule("deployment-degraded", find, (Kind.DEPLOYMENTS,), HOLD)
