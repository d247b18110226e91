"""A workload that was scaled to zero although the catalogue expects it at work."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import WorkloadState
from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per active workload whose deployment wants no pods."""
    for workload in situation.catalogue.workloads.values():
        deployment = situation.snapshot.deployments.get(workload.deployment)
        if deployment is None or deployment.desired > 0 or workload.replicas < 1:
            continue
        if workload.state is WorkloadState.ASLEEP:
            continue
        by = ", ".join(deployment.managers)
        yield about_deployment(
            situation,
            "workload-stopped",
            deployment.name,
            situation.severity(deployment.name, down=True),
            f"scaled to 0, {workload.replicas} expected",
            evidence=(
                ("spec.replicas", "0"),
                ("catalogue replicas", str(workload.replicas)),
                ("spec managed by", by or "not said"),
            ),
            likely="somebody scaled it down and has not scaled it up again",
        )


RULE = Rule("workload-stopped", find, (Kind.DEPLOYMENTS,), 5.0)
