"""A workload that the catalogue keeps only for now."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import WorkloadState
from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per legacy workload that is still deployed."""
    for workload in situation.catalogue.workloads.values():
        deployment = situation.snapshot.deployments.get(workload.deployment)
        if workload.state is WorkloadState.LEGACY and deployment is not None:
            yield about_deployment(
                situation,
                "workload-legacy",
                workload.deployment,
                Severity.RISK,
                f"marked as legacy and still there with {deployment.desired} replicas",
                since=deployment.created,
                evidence=(("catalogue", "legacy"), ("spec.replicas", str(deployment.desired))),
                likely="to be reviewed: is it still needed?",
            )


RULE = Rule("workload-legacy", find, (Kind.DEPLOYMENTS,))
