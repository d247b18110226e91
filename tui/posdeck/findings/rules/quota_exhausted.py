"""Pods that are not created because a quota is used up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.findings.model import Finding
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted

QUOTA = "exceeded quota"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose pods a quota keeps from being created."""
    for deployment in situation.wanted():
        failure = creation_failure(situation, deployment)
        if failure is None or QUOTA not in failure[0]:
            continue
        yield about_deployment(
            situation,
            "quota-exhausted",
            deployment.name,
            situation.severity(deployment.name, down=deployment.available <= 0),
            f"a quota keeps pods from being created: {quoted(failure[0])}",
            since=failure[1],
            evidence=(
                ("conditions[ReplicaFailure].message", quoted(failure[0])),
                ("spec.replicas", str(deployment.desired)),
                ("status.replicas", str(deployment.replicas)),
            ),
            likely="the namespace's quota is used up by pods that need not be there, or is too small",
            cause=("quota", "namespace"),
        )


def creation_failure(situation: Situation, deployment: Deployment) -> tuple[str, datetime | None] | None:
    """Message and time of a ReplicaFailure of the deployment or of its newest replica set."""
    newest = situation.sets_of(deployment.name)[:1]
    for conditions in (deployment.conditions, *(each.conditions for each in newest)):
        for condition in conditions:
            if condition.type == "ReplicaFailure" and condition.status == "True":
                return condition.message, condition.changed_at
    return None


RULE = Rule("quota-exhausted", find, (Kind.DEPLOYMENTS,))
