"""The cluster differs from the catalogue: an unknown or a missing deployment, other replicas, another HPA."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import Workload, WorkloadState
from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment, about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "catalogue-drift"


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment or HPA that differs."""
    for deployment in situation.snapshot.deployments.values():
        workload = situation.workload(deployment.name)
        difference = "not in the catalogue" if workload is None else _difference(workload, deployment)
        if difference:
            yield about_deployment(
                situation,
                ID,
                deployment.name,
                Severity.RISK,
                difference,
                evidence=(
                    ("spec.replicas", str(deployment.desired)),
                    ("catalogue replicas", str(workload.replicas) if workload else "not in the catalogue"),
                ),
                likely="the catalogue is out of date, or the cluster was changed by hand",
            )
    for workload in situation.catalogue.workloads.values():
        if workload.deployment not in situation.snapshot.deployments:
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                Severity.RISK,
                "in the catalogue and not in the cluster",
                evidence=(("deployment", "not found"), ("catalogue replicas", str(workload.replicas))),
                likely="the catalogue is out of date, or the deployment was removed",
            )
    yield from _hpas(situation)


def _difference(workload: Workload, deployment: Deployment) -> str:
    if workload.hpa is not None or deployment.desired == workload.replicas:
        return ""
    if workload.state is WorkloadState.ASLEEP:
        return f"expected at zero and at {deployment.desired} replicas"
    if deployment.desired == 0:
        return ""  # an incident of its own
    return f"{deployment.desired} replicas, the catalogue says {workload.replicas}"


def _hpas(situation: Situation) -> Iterator[Finding]:
    if not situation.sees(Kind.HPAS):
        return
    for fact in situation.catalogue.hpas.values():
        hpa = situation.snapshot.hpas.get(fact.name)
        if hpa is not None and (hpa.minimum, hpa.maximum) == (fact.minimum, fact.maximum):
            continue
        found = "does not exist" if hpa is None else f"goes from {hpa.minimum} to {hpa.maximum}"
        yield about_object(
            ID,
            "HorizontalPodAutoscaler",
            fact.name,
            Severity.RISK,
            f"the HPA {found}, the catalogue says {fact.minimum} to {fact.maximum}",
            short=situation.short(fact.target),
            evidence=(
                ("spec.minReplicas", str(hpa.minimum) if hpa else "no HPA"),
                ("spec.maxReplicas", str(hpa.maximum) if hpa else "no HPA"),
            ),
            workloads=(fact.target,),
            params=situation.params(fact.target),
        )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS,))
