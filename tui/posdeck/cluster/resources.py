"""Where each kind lives in the API."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from posdeck.cluster.snapshot import Kind


@dataclass(frozen=True, slots=True)
class Resource:
    """A collection of the API; ``group`` is "" for the core group."""

    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The path of the collection, or of one object or its subresource."""
        parts = ["", "apis", self.group, self.version] if self.group else ["", "api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def __str__(self) -> str:
        """``deployments.apps``, as RBAC and kubectl write it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


PODS = Resource("pods")
DEPLOYMENTS = Resource("deployments", "apps")
REPLICA_SETS = Resource("replicasets", "apps")
HPAS = Resource("horizontalpodautoscalers", "autoscaling", "v2")
SERVICES = Resource("services")
EVENTS = Resource("events")
NODES = Resource("nodes", namespaced=False)
NAMESPACES = Resource("namespaces", namespaced=False)
CONFIG_MAPS = Resource("configmaps")
SECRETS = Resource("secrets")
LEASES = Resource("leases", "coordination.k8s.io")
POD_METRICS = Resource("pods", "metrics.k8s.io", "v1beta1")
NODE_METRICS = Resource("nodes", "metrics.k8s.io", "v1beta1", namespaced=False)
ACCESS_REVIEWS = Resource("selfsubjectaccessreviews", "authorization.k8s.io", namespaced=False)
SELF_REVIEWS = Resource("selfsubjectreviews", "authentication.k8s.io", namespaced=False)

RESOURCES: dict[Kind, Resource] = {
    Kind.PODS: PODS,
    Kind.DEPLOYMENTS: DEPLOYMENTS,
    Kind.REPLICA_SETS: REPLICA_SETS,
    Kind.HPAS: HPAS,
    Kind.SERVICES: SERVICES,
    Kind.EVENTS: EVENTS,
    Kind.NODES: NODES,
    Kind.POD_METRICS: POD_METRICS,
    Kind.NODE_METRICS: NODE_METRICS,
}
WATCHED = (
    Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.HPAS, Kind.SERVICES, Kind.EVENTS, Kind.NODES,
)  # fmt: skip
POLLED = (Kind.POD_METRICS, Kind.NODE_METRICS)
