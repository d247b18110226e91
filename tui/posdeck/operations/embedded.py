"""The embedded cluster of demonstrations, drills and tests: the simulator, seeded from an inventory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from posdeck.catalogue.model import Catalogue, HpaFact, ServiceFact, Workload
from posdeck.operations.facts import SIMULATED_LABEL
from posdeck.simulator.faults import Fault
from posdeck.simulator.seed import (
    DEFAULT_NODES,
    ContainerSeed,
    DeploymentSeed,
    HpaSeed,
    NodeSeed,
    PortSeed,
    QueueSeed,
    Role,
    Seed,
    ServicePortSeed,
    ServiceSeed,
)

if TYPE_CHECKING:
    from posdeck.simulator.server import Simulator


DAY = timedelta(hours=24)  # of numbers before the start, for whoever looks at plots


def seed_of(catalogue: Catalogue, random_seed: int = 1, history: timedelta = timedelta(hours=1)) -> Seed:
    """The namespace that the inventory describes, with the behaviour that its ``simulated_*`` variables give;
    ``history`` is how far back its numbers go."""
    environment = catalogue.environment
    by_service = {w.service: w for w in catalogue.workloads.values() if w.service}
    nodes = tuple(_node(n) for n in catalogue.simulated.get("nodes") or ())
    requests = sum(float(w.simulated.get("requests_per_second") or 0) for w in catalogue.workloads.values())
    return Seed(
        namespace=environment.namespace,
        namespace_age=timedelta(days=environment.namespace_age_days or 100),
        labels={SIMULATED_LABEL: "true"},
        deployments=tuple(_deployment(w) for w in catalogue.workloads.values()),
        services=tuple(
            _service(s, by_service[s.name]) for s in catalogue.services.values() if s.name in by_service
        ),
        hpas=tuple(_hpa(h) for h in catalogue.hpas.values()),
        nodes=nodes or DEFAULT_NODES,
        requests_per_second=requests or 40.0,
        random_seed=random_seed,
        history=history,
    )


def _deployment(workload: Workload) -> DeploymentSeed:
    given: Mapping[str, Any] = workload.simulated
    ports = tuple(PortSeed(port, name) for name, port in workload.ports.items())
    if not ports and given.get("container_port"):
        ports = (PortSeed(int(given["container_port"]), "http"),)
    container = ContainerSeed(
        name=workload.label or workload.name,
        image=str(given.get("image") or "registry.example/pos/backend:1"),
        ports=ports,
        cpu_request=str(given.get("cpu_request") or ""),
        cpu_limit=str(given.get("cpu_limit") or ""),
        memory_request=str(given.get("memory_request") or ""),
        memory_limit=str(given.get("memory_limit") or ""),
    )
    age = workload.deployment_age_days or int(given.get("age_days") or 100)
    optional = {
        "cpu_idle": ("cpu_idle", float),
        "cpu_per_unit": ("cpu_per_unit", float),
        "log_flavour": ("log_flavour", str),
        "log_rate": ("log_rate", float),
    }
    extra = {name: kind(given[key]) for name, (key, kind) in optional.items() if given.get(key) is not None}
    if given.get("memory"):
        from posdeck.kubetext.quantities import memory_bytes

        extra["memory"] = memory_bytes(str(given["memory"]))
    return DeploymentSeed(
        name=workload.deployment,
        containers=(container,),
        replicas=workload.replicas,
        labels={"app": workload.deployment, "tier": workload.tier},
        age=timedelta(days=age),
        pod_age=timedelta(days=min(age, int(given.get("pod_age_days") or 3))),
        role=Role(str(given.get("role") or "worker")),
        queue=_queue(workload),
        **extra,
    )


def check_fault(written: str) -> None:
    """Raises UnknownNameError for ``FAULT[=TARGET]`` when there is no such fault."""
    from posdeck.simulator.faults import kind_named

    kind_named(written.partition("=")[0])


def _queue(workload: Workload) -> QueueSeed | None:
    given = workload.simulated
    if not workload.queue or given.get("arrival_rate") is None:
        return None
    return QueueSeed(
        workload.queue,
        float(given["arrival_rate"]),
        float(given.get("service_rate") or 1.0),
        past_peak=float(given.get("past_peak") or 1.0),
    )


def _service(service: ServiceFact, workload: Workload) -> ServiceSeed:
    target = int(workload.simulated.get("container_port") or 0)
    ports = tuple(
        ServicePortSeed(p.port, p.name, target if len(service.ports) == 1 else p.port, p.node_port or 0)
        for p in service.ports
    )
    return ServiceSeed(service.name, workload.deployment, ports, service.type, service.cluster_ip or "")


def _hpa(hpa: HpaFact) -> HpaSeed:
    by_resource = {m.resource: m.target for m in hpa.metrics}
    cpu = by_resource.get("cpu", "").rstrip("%")
    return HpaSeed(
        name=hpa.name,
        deployment=hpa.target,
        minimum=hpa.minimum,
        maximum=hpa.maximum,
        cpu_utilization=int(cpu) if cpu.isdigit() else None,
        memory_average=by_resource.get("memory", ""),
    )


def _node(given: Mapping[str, Any]) -> NodeSeed:
    return NodeSeed(
        name=str(given["name"]),
        cpu=str(given.get("cpu") or "8"),
        memory=str(given.get("memory") or "32Gi"),
        pods=int(given.get("pods") or 110),
        zone=str(given.get("zone") or "a"),
    )


def inject(cluster: Simulator, catalogue: Catalogue, text: str) -> None:
    """Inject a fault written KIND or KIND=WORKLOAD (short or full name). Raises UnknownNameError."""
    kind, _, target = text.partition("=")
    cluster.inject(Fault(kind, catalogue.workload(target).deployment if target else ""))
