"""A change of a deployment that its controller has not taken up: the control plane itself does not work."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

HOLD = 60.0  # seconds; the controller answers within one or two


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose generation is ahead of the observed one."""
    for deployment in situation.snapshot.deployments.values():
        if deployment.observed_generation < deployment.generation:
            yield about_deployment(
                situation,
                "controller-silent",
                deployment.name,
                Severity.WARNING,
                f"a change is not taken up by the cluster: generation {deployment.generation}, "
                f"observed {deployment.observed_generation}",
                evidence=(
                    ("metadata.generation", str(deployment.generation)),
                    ("status.observedGeneration", str(deployment.observed_generation)),
                ),
                likely="the cluster's controller manager is down or overloaded",
                cause=("controller", "deployments"),
            )


RULE = Rule("controller-silent", find, (Kind.DEPLOYMENTS,), HOLD)
