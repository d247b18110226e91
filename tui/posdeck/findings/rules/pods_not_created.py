"""Pods that are not created for another reason than a quota: an admission rule, a missing service account."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.quota_exhausted import QUOTA, creation_failure
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose pods the API server refuses."""
    for deployment in situation.wanted():
        failure = creation_failure(situation, deployment)
        if failure is None or QUOTA in failure[0]:
            continue
        yield about_deployment(
            situation,
            "pods-not-created",
            deployment.name,
            situation.severity(deployment.name, down=deployment.available <= 0),
            f"pods cannot be created: {quoted(failure[0]) or 'the API server refuses them'}",
            since=failure[1],
            evidence=(
                ("conditions[ReplicaFailure].message", quoted(failure[0]) or "(none)"),
                ("status.replicas", str(deployment.replicas)),
            ),
            likely="an admission policy, a missing service account or an unreachable webhook",
        )


RULE = Rule("pods-not-created", find, (Kind.DEPLOYMENTS,))
