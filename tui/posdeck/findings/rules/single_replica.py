"""A workload with a single replica: any restart of its pod or node is an interruption."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import Criticality, WorkloadState
from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per critical workload with one replica, or with fewer than the catalogue recommends."""
    for workload in situation.catalogue.workloads.values():
        deployment = situation.snapshot.deployments.get(workload.deployment)
        if deployment is None or deployment.desired < 1 or workload.state is not WorkloadState.ACTIVE:
            continue
        recommended = workload.recommended_replicas or 0
        critical = workload.criticality in (Criticality.CRITICAL, Criticality.HIGH)
        if deployment.desired >= recommended and not (deployment.desired == 1 and critical):
            continue
        yield about_deployment(
            situation,
            "single-replica",
            deployment.name,
            Severity.RISK,
            f"{deployment.desired} replica{'' if deployment.desired == 1 else 's'} of a workload "
            f"of {workload.criticality.value} importance"
            + (f", {recommended} recommended" if recommended else ""),
            evidence=(
                ("spec.replicas", str(deployment.desired)),
                ("criticality", workload.criticality.value),
                ("recommended replicas", str(recommended) if recommended else "not said"),
            ),
        )


RULE = Rule("single-replica", find, (Kind.DEPLOYMENTS,))
