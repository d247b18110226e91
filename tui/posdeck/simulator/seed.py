"""What the embedded cluster starts from: plain records, so that the simulator needs to know no inventory.

Quantities are written as Kubernetes writes them ("250m", "160Mi"; "" is not set); rates are per second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class Role(StrEnum):
    """What a workload does; it decides the load, the log lines and what answers on its ports."""

    API = "api"
    CONSUMER = "consumer"
    WORKER = "worker"
    PUBLISHER = "publisher"
    CRON = "cron"
    PROXY = "proxy"
    COLLECTOR = "collector"


@dataclass(frozen=True, slots=True)
class PortSeed:
    """A container port."""

    port: int
    name: str = ""
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class ContainerSeed:
    """One container of a pod template."""

    name: str
    image: str
    ports: tuple[PortSeed, ...] = ()
    cpu_request: str = ""
    cpu_limit: str = ""
    memory_request: str = ""
    memory_limit: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    probe_path: str = ""  # an HTTP readiness and liveness probe on the first port


@dataclass(frozen=True, slots=True)
class QueueSeed:
    """The queue a workload reads. ``service_rate`` is what one ready replica gets through in a second."""

    name: str
    arrival_rate: float
    service_rate: float
    prefetch: int = 20
    error_share: float = 0.002
    vhost: str = "pos"
    past_peak: float = 1.0  # by how much more arrived in the peak of the day before the start


@dataclass(frozen=True, slots=True)
class DeploymentSeed:
    """A deployment and how its pods behave. ``age`` and ``pod_age`` lie before the moment of the start."""

    name: str
    containers: tuple[ContainerSeed, ...]
    replicas: int = 1
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    age: timedelta = timedelta(days=100)
    pod_age: timedelta = timedelta(days=3)
    revision: int = 3
    role: Role = Role.WORKER
    queue: QueueSeed | None = None
    log_flavour: str = ""  # a name from ``log_text.FLAVOURS``; "" takes the role's own
    log_rate: float = 0.5  # lines a second and pod at normal load
    cpu_idle: float = 0.004  # cores
    cpu_per_unit: float = 0.004  # core seconds a request or message
    memory: int = 90 << 20  # bytes at normal load
    startup_seconds: float = 4.0  # from the container's start until it is ready
    shutdown_seconds: float = 2.0  # from SIGTERM until it has gone, within the grace period
    grace_seconds: int = 30

    @property
    def selector(self) -> dict[str, str]:
        """The labels its pods are selected by."""
        return {"app": self.labels.get("app", self.name)}


@dataclass(frozen=True, slots=True)
class ServicePortSeed:
    """A port of a service; ``target`` 0 is the same port."""

    port: int
    name: str = ""
    target: int = 0
    node_port: int | None = None


@dataclass(frozen=True, slots=True)
class ServiceSeed:
    """A service; ``deployment`` is the full name of what it selects."""

    name: str
    deployment: str
    ports: tuple[ServicePortSeed, ...]
    type: str = "ClusterIP"
    cluster_ip: str = ""
    age: timedelta = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class HpaSeed:
    """A HorizontalPodAutoscaler on CPU utilisation (percent of the request) and average memory."""

    name: str
    deployment: str
    minimum: int
    maximum: int
    cpu_utilization: int | None = None
    memory_average: str = ""
    age: timedelta = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class NodeSeed:
    """A node."""

    name: str
    cpu: str = "8"
    memory: str = "32Gi"
    pods: int = 110
    zone: str = "a"
    age: timedelta = timedelta(days=120)
    labels: Mapping[str, str] = field(default_factory=dict)


DEFAULT_NODES = tuple(NodeSeed(f"node-{zone}", zone=zone) for zone in "abc")


@dataclass(frozen=True, slots=True)
class Seed:
    """The whole namespace. ``random_seed`` fixes every choice that chance makes."""

    namespace: str
    namespace_age: timedelta = timedelta(days=100)
    labels: Mapping[str, str] = field(default_factory=dict)
    deployments: tuple[DeploymentSeed, ...] = ()
    services: tuple[ServiceSeed, ...] = ()
    hpas: tuple[HpaSeed, ...] = ()
    nodes: tuple[NodeSeed, ...] = DEFAULT_NODES
    requests_per_second: float = 40.0  # to all API replicas together
    daily_swing: float = 0.15  # share by which load rises and falls within a day
    random_seed: int = 1
    history: timedelta = timedelta(hours=1)  # how much of the past the embedded Prometheus can tell of

    def deployment(self, name: str) -> DeploymentSeed | None:
        """The deployment of that full name, or None."""
        return next((d for d in self.deployments if d.name == name), None)
