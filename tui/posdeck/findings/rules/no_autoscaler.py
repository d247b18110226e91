"""A workload whose load changes and whose replicas are fixed."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.bulk_upload_delayed import GROUP
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per bulk-upload consumer that no HPA scales: uploads come in waves."""
    scaled = {h.target_name for h in situation.snapshot.hpas.values() if h.target_kind == "Deployment"}
    for workload in situation.members(GROUP):
        deployment = situation.snapshot.deployments.get(workload.deployment)
        if deployment is not None and deployment.desired > 0 and deployment.name not in scaled:
            yield about_deployment(
                situation,
                "no-autoscaler",
                deployment.name,
                Severity.RISK,
                f"fixed number of pods ({deployment.desired}) although uploads come in waves",
                evidence=(("spec.replicas", str(deployment.desired)), ("HPA", "none")),
                confidence=Confidence.MEDIUM,
            )


RULE = Rule("no-autoscaler", find, (Kind.DEPLOYMENTS, Kind.HPAS))
