"""The kinds the embedded API serves, in one explicit list; discovery, routing and storage all read it."""

from __future__ import annotations

from dataclasses import dataclass

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READ = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind in one API version. ``storage`` names the kind that really holds the objects."""

    group: str
    version: str
    plural: str
    kind: str
    short: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    status: bool = False
    scale: bool = False
    generation: bool = False
    categories: tuple[str, ...] = ()
    subresources: tuple[tuple[str, str, tuple[str, ...]], ...] = ()  # name, kind, verbs
    storage: str = ""

    @property
    def api_version(self) -> str:
        """As objects carry it: "v1", "apps/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The singular in discovery."""
        return self.kind.lower()

    @property
    def key(self) -> str:
        """Where the store keeps the objects: "pods", "deployments.apps"."""
        return self.storage or (f"{self.plural}.{self.group}" if self.group else self.plural)

    @property
    def prefix(self) -> str:
        """The start of its paths: "/api/v1", "/apis/apps/v1"."""
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


_POD_SUBRESOURCES = (
    ("eviction", "Eviction", ("create",)),
    ("log", "Pod", ("get",)),
    ("portforward", "PodPortForwardOptions", ("create", "get")),
)

NAMESPACES = Resource("", "v1", "namespaces", "Namespace", ("ns",), namespaced=False, status=True)
NODES = Resource("", "v1", "nodes", "Node", ("no",), namespaced=False, status=True)
PODS = Resource(
    "", "v1", "pods", "Pod", ("po",), status=True, generation=True, categories=("all",),
    subresources=_POD_SUBRESOURCES,
)  # fmt: skip
SERVICES = Resource(
    "", "v1", "services", "Service", ("svc",), status=True, categories=("all",),
    subresources=(("proxy", "ServiceProxyOptions", ("get",)),),
)  # fmt: skip
ENDPOINTS = Resource("", "v1", "endpoints", "Endpoints", ("ep",))
EVENTS = Resource("", "v1", "events", "Event", ("ev",))
CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap", ("cm",))
SECRETS = Resource("", "v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", "ServiceAccount", ("sa",))
RESOURCE_QUOTAS = Resource("", "v1", "resourcequotas", "ResourceQuota", ("quota",), status=True)
LIMIT_RANGES = Resource("", "v1", "limitranges", "LimitRange", ("limits",))
PERSISTENT_VOLUME_CLAIMS = Resource(
    "", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", ("pvc",), status=True
)
DEPLOYMENTS = Resource(
    "apps", "v1", "deployments", "Deployment", ("deploy",), status=True, scale=True, generation=True,
    categories=("all",),
)  # fmt: skip
REPLICA_SETS = Resource(
    "apps", "v1", "replicasets", "ReplicaSet", ("rs",), status=True, scale=True, generation=True,
    categories=("all",),
)  # fmt: skip
STATEFUL_SETS = Resource(
    "apps", "v1", "statefulsets", "StatefulSet", ("sts",), status=True, scale=True, generation=True,
    categories=("all",),
)  # fmt: skip
DAEMON_SETS = Resource(
    "apps", "v1", "daemonsets", "DaemonSet", ("ds",), status=True, generation=True, categories=("all",)
)
JOBS = Resource("batch", "v1", "jobs", "Job", status=True, generation=True, categories=("all",))
CRON_JOBS = Resource(
    "batch", "v1", "cronjobs", "CronJob", ("cj",), status=True, generation=True, categories=("all",)
)
HPAS = Resource(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", ("hpa",), status=True,
    categories=("all",),
)  # fmt: skip
PDBS = Resource(
    "policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", ("pdb",), status=True, generation=True
)
SCALED_OBJECTS = Resource(
    "keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", ("so",), status=True, generation=True
)
TRIGGER_AUTHENTICATIONS = Resource(
    "keda.sh", "v1alpha1", "triggerauthentications", "TriggerAuthentication", ("ta",)
)
EVENTS_V1 = Resource("events.k8s.io", "v1", "events", "Event", ("ev",), storage="events")
ENDPOINT_SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice")
LEASES = Resource("coordination.k8s.io", "v1", "leases", "Lease")
ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
POD_METRICS = Resource(
    "metrics.k8s.io", "v1beta1", "pods", "PodMetrics", verbs=("get", "list"), storage="-podmetrics"
)
NODE_METRICS = Resource(
    "metrics.k8s.io", "v1beta1", "nodes", "NodeMetrics", namespaced=False, verbs=("get", "list"),
    storage="-nodemetrics",
)  # fmt: skip
ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False,
    verbs=("create",),
)  # fmt: skip
RULES_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False,
    verbs=("create",),
)  # fmt: skip
SUBJECT_REVIEWS = Resource(
    "authentication.k8s.io",
    "v1",
    "selfsubjectreviews",
    "SelfSubjectReview",
    namespaced=False,
    verbs=("create",),
)

RESOURCES: tuple[Resource, ...] = (
    NAMESPACES, NODES, PODS, SERVICES, ENDPOINTS, EVENTS, CONFIG_MAPS, SECRETS, SERVICE_ACCOUNTS, RESOURCE_QUOTAS,
    LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS,
    HPAS, PDBS, SCALED_OBJECTS, TRIGGER_AUTHENTICATIONS,
    EVENTS_V1, ENDPOINT_SLICES, LEASES, ROLES, ROLE_BINDINGS, POD_METRICS, NODE_METRICS, ACCESS_REVIEWS,
    RULES_REVIEWS, SUBJECT_REVIEWS,
)  # fmt: skip

BY_PATH: dict[tuple[str, str, str], Resource] = {(r.group, r.version, r.plural): r for r in RESOURCES}
BY_KIND: dict[tuple[str, str], Resource] = {
    (r.group, r.kind): r for r in reversed(RESOURCES) if not r.key.startswith("-")
}
COLLECTED = tuple(r for r in RESOURCES if r.namespaced and not r.storage and "delete" in r.verbs)


def group_versions() -> list[tuple[str, str]]:
    """Every (group, version), the core first, each once."""
    return list(dict.fromkeys((r.group, r.version) for r in RESOURCES))
