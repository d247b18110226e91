"""A deployment that wants pods and has none available."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Condition, Deployment, Kind
from posdeck.findings.model import Finding
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of

HOLD = 20.0  # seconds; a single pod that is being replaced may be away for a moment


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment without an available pod."""
    for deployment in situation.wanted():
        if deployment.available > 0:
            continue
        condition = available_condition(deployment)
        away = condition is not None and condition.status == "False"
        yield about_deployment(
            situation,
            "deployment-unavailable",
            deployment.name,
            situation.severity(deployment.name, down=True),
            f"none of {count_of(deployment.desired, deployment.desired, 'pod')} available",
            since=condition.changed_at if condition and away else None,
            evidence=counts(deployment),
            pods=[p.name for p in situation.pods_of(deployment.name)],
        )


def available_condition(deployment: Deployment) -> Condition | None:
    """The deployment's Available condition."""
    return next((c for c in deployment.conditions if c.type == "Available"), None)


def counts(deployment: Deployment) -> list[tuple[str, str]]:
    """The replica counts of a deployment, and what its conditions say, as evidence."""
    found = [
        ("spec.replicas", str(deployment.desired)),
        ("status.availableReplicas", str(deployment.available)),
        ("status.readyReplicas", str(deployment.ready)),
        ("status.updatedReplicas", str(deployment.updated)),
    ]
    return found + [
        (f"conditions[{c.type}]", f"{c.status} {c.reason}".strip()) for c in deployment.conditions
    ]


RULE = Rule("deployment-unavailable", find, (Kind.DEPLOYMENTS,), HOLD)
