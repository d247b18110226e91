"""What the rest of posdeck sees of a cluster: frozen projections of the fields in use, one Snapshot per tick.

Objects that did not change between two snapshots are the same Python objects, so ``is`` finds changed rows.
Times are aware UTC datetimes; CPU is in cores (float), memory in bytes (int); ``None`` means "not said".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Kind(StrEnum):
    """The kinds that posdeck lists and watches; the value is the plural in the API's paths."""

    PODS = "pods"
    DEPLOYMENTS = "deployments"
    REPLICA_SETS = "replicasets"
    HPAS = "horizontalpodautoscalers"
    SERVICES = "services"
    EVENTS = "events"
    NODES = "nodes"
    POD_METRICS = "podmetrics"
    NODE_METRICS = "nodemetrics"


class FeedState(StrEnum):
    """How far a kind's data can be trusted."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    FORBIDDEN = "forbidden"
    AUTH_EXPIRED = "auth-expired"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Feed:
    """The state of one kind. ``confirmed_at`` is the last moment the server confirmed that we are up to date
    (a list, an event, a bookmark); ``reason`` is for people; ``total`` is set while only a first page is
    there ("500 of 10,000")."""

    kind: Kind
    state: FeedState = FeedState.CONNECTING
    since: datetime | None = None
    confirmed_at: datetime | None = None
    reason: str = ""
    total: int | None = None
    resource_version: str = ""

    def age(self, now: datetime) -> float | None:
        """Seconds since the server last confirmed this data; None when it never did."""
        return None if self.confirmed_at is None else max(0.0, (now - self.confirmed_at).total_seconds())


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of an object."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One status condition, of any kind."""

    type: str
    status: str
    reason: str = ""
    message: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """Requests and limits: CPU in cores, memory in bytes; None where not set."""

    cpu_request: float | None = None
    cpu_limit: float | None = None
    memory_request: int | None = None
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """One container of a pod, or of a pod template (then without a state)."""

    name: str
    image: str
    init: bool = False
    sidecar: bool = False
    ready: bool = False
    restarts: int = 0
    state: str = ""  # waiting, running, terminated, or "" when not reported
    reason: str = ""
    message: str = ""
    exit_code: int | None = None
    started_at: datetime | None = None
    last_exit_code: int | None = None
    last_reason: str = ""
    last_finished_at: datetime | None = None
    image_id: str = ""
    resources: Resources = Resources()
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod. ``ready``, ``status`` and ``restarts`` are kubectl's own words (see ``posdeck.kubetext``)."""

    name: str
    uid: str
    resource_version: str
    created: datetime | None
    ready: str  # "1/1"
    status: str  # "Running", "CrashLoopBackOff", "Init:0/1", …
    restarts: int
    last_restart: datetime | None
    phase: str
    node: str = ""
    ip: str = ""
    owner: Owner | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    containers: tuple[Container, ...] = ()
    conditions: tuple[Condition, ...] = ()
    deleted_at: datetime | None = None
    grace_seconds: int | None = None
    reason: str = ""
    message: str = ""
    qos: str = ""
    resources: Resources = Resources()  # the sum over the pod's running containers

    @property
    def is_ready(self) -> bool:
        """Whether the pod's Ready condition is true and it is not being deleted."""
        if self.deleted_at is not None:
            return False
        for condition in self.conditions:  # asked for every pod of a snapshot: no generator
            if condition.type == "Ready":
                return condition.status == "True"
        return False


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployment. ``template_hash`` is our own digest of the pod template without its restart stamp."""

    name: str
    uid: str
    resource_version: str
    generation: int
    observed_generation: int
    created: datetime | None
    desired: int
    replicas: int
    ready: int
    updated: int
    available: int
    unavailable: int = 0
    paused: bool = False
    strategy: str = "RollingUpdate"
    max_surge: str = "25%"
    max_unavailable: str = "25%"
    progress_deadline: int | None = None
    min_ready_seconds: int = 0
    grace_seconds: int = 30
    revision: int | None = None
    restarted_at: datetime | None = None
    change_cause: str = ""
    template_hash: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    selector: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    containers: tuple[Container, ...] = ()
    conditions: tuple[Condition, ...] = ()
    managers: tuple[str, ...] = ()  # field managers that own part of the spec, oldest first
    config_maps: tuple[str, ...] = ()  # referenced by the template
    secrets: tuple[str, ...] = ()

    @property
    def rollout_done(self) -> bool:
        """Whether the last rollout is complete, by the rule of ``kubectl rollout status``."""
        return (
            self.observed_generation >= self.generation
            and self.updated >= self.desired
            and self.replicas <= self.updated
            and self.available >= self.updated
        )


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """A replica set: one revision of a deployment."""

    name: str
    uid: str
    resource_version: str
    created: datetime | None
    desired: int
    replicas: int
    ready: int
    available: int = 0
    revision: int | None = None
    owner: Owner | None = None
    template_hash: str = ""  # as in Deployment
    restarted_at: datetime | None = None
    change_cause: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    containers: tuple[Container, ...] = ()
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class HpaMetric:
    """One metric of an HPA: spec and reading paired by identity. ``target`` and ``current`` are as kubectl
    prints them ("85%", "160Mi", "<unknown>"); the numbers beside them are percent, cores, bytes or plain."""

    type: str  # Resource, ContainerResource, Pods, Object, External
    name: str
    target: str
    current: str
    target_kind: str  # Utilization, AverageValue, Value
    target_number: float | None = None
    current_number: float | None = None
    container: str = ""
    described: str = ""  # object or selector, for people


@dataclass(frozen=True, slots=True)
class Hpa:
    """A HorizontalPodAutoscaler (autoscaling/v2). ``targets`` is kubectl's TARGETS cell, unabridged."""

    name: str
    uid: str
    resource_version: str
    created: datetime | None
    target_kind: str
    target_name: str
    minimum: int
    maximum: int
    current: int | None
    desired: int | None
    targets: str
    metrics: tuple[HpaMetric, ...] = ()
    conditions: tuple[Condition, ...] = ()
    last_scaled: datetime | None = None
    scale_down_window: int | None = None
    scale_up_window: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    annotations: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a service."""

    name: str
    port: int
    target: str
    protocol: str = "TCP"
    node_port: int | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A service."""

    name: str
    uid: str
    resource_version: str
    created: datetime | None
    type: str
    cluster_ip: str
    external: str = "<none>"
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes event (core or events.k8s.io, series folded in)."""

    name: str
    uid: str
    resource_version: str
    type: str  # Normal, Warning
    reason: str
    message: str
    about_kind: str
    about_name: str
    about_uid: str = ""
    count: int = 1
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A node; cluster-scoped, so often forbidden."""

    name: str
    uid: str
    resource_version: str
    created: datetime | None
    status: str  # kubectl's STATUS cell: "Ready", "NotReady,SchedulingDisabled"
    roles: str = "<none>"
    version: str = ""
    unschedulable: bool = False
    cpu_allocatable: float | None = None
    memory_allocatable: int | None = None
    pods_allocatable: int | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    conditions: tuple[Condition, ...] = ()
    taints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU (cores) and memory (bytes) of a pod or a node, over ``window`` seconds before ``measured_at``."""

    name: str
    cpu: float
    memory: int
    measured_at: datetime | None = None
    window: float | None = None
    containers: tuple[tuple[str, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the API server takes us for (SelfSubjectReview)."""

    username: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a snapshot comes from. UIDs are empty where they may not be read; ``insecure`` means that the
    server's certificate is not checked; ``problem`` says what is wrong with the namespace itself."""

    context: str = ""
    server: str = ""
    namespace: str = ""
    ca_digest: str = ""
    namespace_uid: str = ""
    cluster_uid: str = ""  # the UID of kube-system
    version: str = ""
    identity: Identity = Identity()
    insecure: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent picture. Mappings are keyed by name and must not be changed by the reader."""

    revision: int = 0
    taken_at: datetime | None = None
    connection: Connection = Connection()
    feeds: Mapping[Kind, Feed] = field(default_factory=lambda: EMPTY)  # type: ignore[arg-type,return-value]
    pods: Mapping[str, Pod] = field(default_factory=lambda: EMPTY)
    deployments: Mapping[str, Deployment] = field(default_factory=lambda: EMPTY)
    replica_sets: Mapping[str, ReplicaSet] = field(default_factory=lambda: EMPTY)
    hpas: Mapping[str, Hpa] = field(default_factory=lambda: EMPTY)
    services: Mapping[str, Service] = field(default_factory=lambda: EMPTY)
    events: Mapping[str, Event] = field(default_factory=lambda: EMPTY)
    nodes: Mapping[str, Node] = field(default_factory=lambda: EMPTY)
    pod_usage: Mapping[str, Usage] = field(default_factory=lambda: EMPTY)
    node_usage: Mapping[str, Usage] = field(default_factory=lambda: EMPTY)

    def feed(self, kind: Kind) -> Feed:
        """The state of ``kind``; CONNECTING when nothing is known yet."""
        return self.feeds.get(kind) or Feed(kind)

    def replica_sets_of(self, deployment: Deployment) -> list[ReplicaSet]:
        """The deployment's replica sets, newest revision first."""
        owned = [rs for rs in self.replica_sets.values() if rs.owner and rs.owner.uid == deployment.uid]
        return sorted(owned, key=lambda rs: rs.revision or 0, reverse=True)

    def pods_of(self, deployment: Deployment) -> list[Pod]:
        """The deployment's pods, by way of its replica sets, or of its selector where those are not known."""
        owners = {rs.uid for rs in self.replica_sets_of(deployment)}
        if owners:
            return [p for p in self.pods.values() if p.owner and p.owner.uid in owners]
        wanted = deployment.selector.items()
        return [p for p in self.pods.values() if wanted and all(p.labels.get(k) == v for k, v in wanted)]
