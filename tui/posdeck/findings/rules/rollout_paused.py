"""A rollout that was paused and left so: nothing that is released or restarted reaches the pods."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.deployment_unavailable import counts
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per paused deployment; graver where a new template waits."""
    for deployment in situation.wanted():
        if not deployment.paused:
            continue
        waiting = deployment.updated < deployment.desired
        condition = next(
            (c for c in deployment.conditions if c.type == "Progressing" and c.reason == "DeploymentPaused"),
            None,
        )
        yield about_deployment(
            situation,
            "rollout-paused",
            deployment.name,
            Severity.WARNING if waiting else Severity.INFO,
            f"the rollout is paused with {deployment.updated} of {deployment.desired} pods updated"
            if waiting
            else "rollouts are paused: a release or a restart would not take effect",
            since=condition.changed_at if condition else None,
            evidence=[("spec.paused", "true"), *counts(deployment)],
            likely="somebody paused it and has not resumed it",
        )


RULE = Rule("rollout-paused", find, (Kind.DEPLOYMENTS,))
