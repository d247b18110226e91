"""The objects of the namespace that posdeck ships knowing: 18 deployments, three services and one HPA, at the
names, replicas, ports and load that the production namespace has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAMESPACE = "spc--pos"
APP = "spc--pos--be--app--prod"
NGINX = "sapoche-micro-pos--nginx--prod"
COLLECTOR = "spc-pos-otel-collector"


@dataclass(frozen=True)
class Workload:
    """One deployment; load as millicores and Mi per pod."""

    name: str
    replicas: int = 1
    cpu: int = 40
    memory: int = 90
    ports: tuple[int, ...] = ()


def _backend(name: str) -> str:
    return f"spc--pos--be--{name}--prod"


WORKLOADS = (
    # 185m of 500m is the 37 percent of the HPA
    Workload(APP, replicas=2, cpu=185, memory=103, ports=(8080,)),
    Workload(NGINX, cpu=5, memory=20, ports=(8080,)),
    *(
        Workload(_backend(f"consumer-{name}"), replicas=3 if name == "orders-bulk-upload" else 1)
        for name in (
            "auto-change-answer-na",
            "customer",
            "default",
            "lis-patient",
            "order",
            "orders-bulk-upload",
            "orders-bulk-upload-svip1",
            "orders-bulk-upload-svip2",
            "orders-bulk-upload-vip1",
            "pos-order",
            "rate-card-bulk-upload",
        )
    ),
    Workload(_backend("wrk--batch-publisher")),
    Workload(_backend("wrk--read-hl7-sftp"), replicas=0),
    Workload(_backend("wrk--sync-patient"), replicas=0),
    Workload(_backend("cron")),
    Workload(COLLECTOR, cpu=60, memory=150, ports=(4317, 4318, 8888)),
)


def namespace_objects(namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """The objects as for ``kubectl apply``.

    Addresses and node ports are the production ones in ``spc--pos`` only: they are unique in a cluster, and
    tests run side by side.
    """
    real = namespace == NAMESPACE
    otlp = {"otlp-grpc": (4317, 4317), "otlp-http": (4318, 4318)}
    return [
        *(deployment(workload, namespace) for workload in WORKLOADS),
        _service(namespace, APP, {"http": (80, 8080)}, "10.8.21.22" if real else "", 32095 if real else 0),
        _service(namespace, NGINX, {"http": (80, 8080)}, "10.8.23.0" if real else "", 30059 if real else 0),
        _service(namespace, COLLECTOR, otlp, "10.8.18.192" if real else "", None),
        _hpa(namespace),
    ]


def deployment(workload: Workload, namespace: str = NAMESPACE) -> dict[str, Any]:
    """One deployment whose pods use, as metrics-server sees it, what the workload says."""
    labels = {"app": workload.name}
    container: dict[str, Any] = {
        "name": "app",
        "image": "registry.invalid/spc-pos:1.42.0",
        "resources": {
            "requests": {"cpu": "500m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "512Mi"},
        },
    }
    if workload.ports:
        container["ports"] = [{"containerPort": port} for port in workload.ports]
    usage = {
        "kwok.x-k8s.io/usage-cpu": f"{workload.cpu}m",
        "kwok.x-k8s.io/usage-memory": f"{workload.memory}Mi",
    }
    template = {"metadata": {"labels": labels, "annotations": usage}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload.name, "namespace": namespace, "labels": labels},
        "spec": {"replicas": workload.replicas, "selector": {"matchLabels": labels}, "template": template},
    }


def _service(
    namespace: str, name: str, ports: dict[str, tuple[int, int]], address: str, node_port: int | None
) -> dict[str, Any]:
    """``node_port`` None is a ClusterIP service, 0 a NodePort service with a port of the server's choice."""
    listed: list[dict[str, Any]] = [{"name": n, "port": p, "targetPort": t} for n, (p, t) in ports.items()]
    if node_port:
        listed[0]["nodePort"] = node_port
    spec: dict[str, Any] = {
        "type": "ClusterIP" if node_port is None else "NodePort",
        "selector": {"app": name},
        "ports": listed,
    }
    if address:
        spec["clusterIP"] = address
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


def _hpa(namespace: str) -> dict[str, Any]:
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 85}}
    memory = {"name": "memory", "target": {"type": "AverageValue", "averageValue": "160Mi"}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": APP, "namespace": namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": APP},
            "minReplicas": 2,
            "maxReplicas": 15,
            "metrics": [{"type": "Resource", "resource": cpu}, {"type": "Resource", "resource": memory}],
        },
    }
