"""A deployment that the catalogue expects to be at work and that the cluster does not have."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import WorkloadState
from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Confidence, Finding
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per active workload without a deployment."""
    for workload in situation.catalogue.workloads.values():
        if workload.state is not WorkloadState.ACTIVE or workload.replicas < 1:
            continue
        if workload.deployment in situation.snapshot.deployments:
            continue
        seen = workload.deployment in situation.history.deployments_seen
        yield about_deployment(
            situation,
            "deployment-missing",
            workload.deployment,
            situation.severity(workload.deployment, down=True),
            "the deployment does not exist in the cluster"
            + (": it was deleted while being watched" if seen else ""),
            evidence=(
                ("deployment", f"{workload.deployment} not found"),
                ("catalogue replicas", str(workload.replicas)),
            ),
            likely="it was deleted" if seen else "it was deleted or renamed, or the catalogue is out of date",
            confidence=Confidence.HIGH if seen else Confidence.MEDIUM,
        )


RULE = Rule("deployment-missing", find, (Kind.DEPLOYMENTS,), 5.0)
