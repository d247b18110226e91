"""A service with no ready pod behind it: whoever calls it gets no answer."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import WorkloadState
from posdeck.cluster.snapshot import Kind, Service
from posdeck.findings.index import Batch
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "service-without-endpoints"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per service that selects no ready pod, unless its workload sleeps on purpose."""
    for service in situation.snapshot.services.values():
        if not service.selector or service.type == "ExternalName":
            continue
        batches = [each for each in situation.index.batches if _selects(service, each)]
        if any(batch.any_ready for batch in batches):
            continue
        selected = sum(len(batch.pods) for batch in batches)
        owners = {batch.deployment for batch in batches if batch.deployment is not None}
        owners |= {w.deployment for w in situation.catalogue.workloads.values() if w.service == service.name}
        workloads = [situation.workload(name) for name in owners]
        if workloads and all(w is not None and w.state is WorkloadState.ASLEEP for w in workloads):
            continue
        matters = any(situation.severity(name, down=True) is Severity.CRITICAL for name in owners)
        yield about_object(
            ID,
            "Service",
            service.name,
            Severity.CRITICAL if matters else Severity.WARNING,
            "no ready pod behind it" if selected else "its selector matches no pod",
            short=situation.short(service.name),
            evidence=(
                ("spec.selector", ", ".join(f"{k}={v}" for k, v in service.selector.items())),
                ("pods selected", str(selected)),
                ("of these ready", "0"),
            ),
            likely="its pods are down"
            if selected
            else "labels or selector were changed, or nothing is deployed",
            workloads=sorted(owners),
        )


def _selects(service: Service, batch: Batch) -> bool:
    return batch.labels.issuperset(service.selector.items())


RULE = Rule(ID, find, (Kind.SERVICES, Kind.PODS), 20.0)
