"""Objects of every kind but pods, with statuses, as (path, object): what the other printers tell apart."""

from __future__ import annotations

from typing import Any

from tests.kubetext.pod_states import ago

Json = dict[str, Any]

TEMPLATE: Json = {
    "metadata": {"labels": {"app": "a"}},
    "spec": {"containers": [{"name": n, "image": f"registry.invalid/{n}:1"} for n in ("app", "proxy")]},
}
JOB_TEMPLATE: Json = {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}
EXPRESSIONS: list[Json] = [
    {"key": "tier", "operator": "In", "values": ["web", "api"]},
    {"key": "legacy", "operator": "DoesNotExist"},
    {"key": "app", "operator": "Exists"},
    {"key": "zone", "operator": "NotIn", "values": ["b", "a"]},
]
_SELECTING: Json = {"matchLabels": {"app": "a"}, "matchExpressions": EXPRESSIONS}
_SELECTED: Json = {**TEMPLATE, "metadata": {"labels": {"app": "a", "tier": "web", "zone": "c"}}}


def _named(name: str, **more: Any) -> Json:
    return {"metadata": {"name": name}, **more}


def _app(name: str, template: Json = TEMPLATE, selector: Json | None = None, **spec: Any) -> Json:
    selector = selector or {"matchLabels": {"app": "a"}}
    return _named(name, spec={"selector": selector, "template": template, **spec})


def _resource(name: str, **target: Any) -> Json:
    return {"type": "Resource", "resource": {"name": name, "target": target}}


def _reading(name: str, **current: Any) -> Json:
    return {"type": "Resource", "resource": {"name": name, "current": current}}


def _external(name: str, which: str, selector: Json | None = None, **values: Any) -> Json:
    metric: Json = {"name": name, **({"selector": selector} if selector else {})}
    return {"type": "External", "external": {"metric": metric, which: values}}


def _object(name: str, which: str, **values: Any) -> Json:
    about = {"apiVersion": "v1", "kind": "Service", "name": "queue"}
    return {"type": "Object", "object": {"metric": {"name": name}, "describedObject": about, which: values}}


def _pods(name: str, which: str, **values: Any) -> Json:
    return {"type": "Pods", "pods": {"metric": {"name": name}, which: values}}


def _container(name: str, container: str, which: str, **values: Any) -> Json:
    return {
        "type": "ContainerResource",
        "containerResource": {"name": name, "container": container, which: values},
    }


CPU = _resource("cpu", type="Utilization", averageUtilization=85)
MEMORY = _resource("memory", type="AverageValue", averageValue="160Mi")
CPU_NOW = _reading("cpu", averageUtilization=37, averageValue="185m")
MEMORY_NOW = _reading("memory", averageValue="107835392")
EMPTY: Json = {"type": ""}  # what the controller writes for a metric that it cannot read

# name: (metrics of the spec, readings of the status)
HPAS: dict[str, tuple[list[Json], list[Json]]] = {
    "both": ([CPU, MEMORY], [CPU_NOW, MEMORY_NOW]),
    "no-readings": ([CPU, MEMORY], []),
    "first-missing": ([CPU, MEMORY], [EMPTY, MEMORY_NOW]),
    "second-missing": ([CPU, MEMORY], [CPU_NOW]),
    "order-changed": ([MEMORY, CPU], [CPU_NOW, MEMORY_NOW]),
    "metric-removed": ([MEMORY], [CPU_NOW, MEMORY_NOW]),
    "memory-utilization": (
        [_resource("memory", type="Utilization", averageUtilization=70)],
        [_reading("memory", averageUtilization=64, averageValue="90Mi")],
    ),
    "cpu-average-value": ([_resource("cpu", type="AverageValue", averageValue="1500m")], [CPU_NOW]),
    "utilization-missing": ([CPU], [_reading("cpu", averageValue="185m")]),
    "external": (
        [_external("depth", "target", type="Value", value="100")],
        [_external("depth", "current", value="30")],
    ),
    "external-average": (
        [_external("depth", "target", {"matchLabels": {"q": "a"}}, type="AverageValue", averageValue="10")],
        [_external("depth", "current", {"matchLabels": {"q": "a"}}, value="0", averageValue="2500m")],
    ),
    "external-average-missing": (
        [_external("depth", "target", type="AverageValue", averageValue="10")],
        [_external("depth", "current", value="5")],
    ),
    "external-unread": ([_external("depth", "target", type="Value", value="1k")], []),
    "pods": (
        [_pods("requests", "target", type="AverageValue", averageValue="1k")],
        [_pods("requests", "current", averageValue="950")],
    ),
    "pods-unread": ([_pods("requests", "target", type="AverageValue", averageValue="1k")], []),
    "object": (
        [_object("hits", "target", type="Value", value="2k")],
        [_object("hits", "current", value="1800")],
    ),
    "object-average": (
        [_object("hits", "target", type="AverageValue", averageValue="20")],
        [_object("hits", "current", value="0", averageValue="18500m")],
    ),
    "container": (
        [_container("cpu", "app", "target", type="Utilization", averageUtilization=60)],
        [_container("cpu", "app", "current", averageUtilization=58, averageValue="290m")],
    ),
    "container-average": (
        [_container("memory", "app", "target", type="AverageValue", averageValue="1Gi")],
        [_container("memory", "app", "current", averageValue="512Mi")],
    ),
    "container-unread": ([_container("cpu", "app", "target", type="Utilization", averageUtilization=60)], []),
    "two-containers": (
        [
            _container("cpu", "app", "target", type="Utilization", averageUtilization=60),
            _container("cpu", "proxy", "target", type="Utilization", averageUtilization=50),
        ],
        [
            _container("cpu", "proxy", "current", averageUtilization=12, averageValue="12m"),
            _container("cpu", "app", "current", averageUtilization=58, averageValue="290m"),
        ],
    ),
    "five-metrics": (
        [
            CPU,
            MEMORY,
            _external("depth", "target", type="Value", value="100"),
            _pods("requests", "target", type="AverageValue", averageValue="1k"),
            _object("hits", "target", type="Value", value="2k"),
        ],
        [CPU_NOW, MEMORY_NOW, EMPTY, _pods("requests", "current", averageValue="950"), EMPTY],
    ),
    "wrong-section": ([CPU, MEMORY], [_external("depth", "current", value="30"), CPU_NOW]),
    "defaulted": ([], []),
}


def hpa(name: str) -> Json:
    metrics = HPAS[name][0]
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "no-such-deployment"}
    spec = {"scaleTargetRef": target, "maxReplicas": 15, **({"metrics": metrics} if metrics else {})}
    if name != "defaulted":
        spec["minReplicas"] = 2
    return _named(name, spec=spec)


SERVICES: list[Json] = [
    _named("cluster-ip", spec={"selector": {"app": "a", "tier": "web"}, "ports": [{"port": 80}]}),
    _named("headless", spec={"clusterIP": "None", "ports": [{"name": "x", "port": 5672}]}),
    _named("no-ports", spec={"clusterIP": "None", "selector": {"app": "a"}}),
    _named(
        "two-ports",
        spec={"ports": [{"name": "a", "port": 4317}, {"name": "b", "port": 4318, "protocol": "UDP"}]},
    ),
    _named("node-port", spec={"type": "NodePort", "ports": [{"port": 80, "targetPort": 8080}]}),
    _named("external-ips", spec={"externalIPs": ["192.0.2.1", "192.0.2.2"], "ports": [{"port": 80}]}),
    _named("pending", spec={"type": "LoadBalancer", "ports": [{"port": 443}]}),
    _named(
        "balanced",
        spec={"type": "LoadBalancer", "externalIPs": ["192.0.2.9"], "ports": [{"port": 443}]},
        status={
            "loadBalancer": {
                "ingress": [{"ip": "198.51.100.7"}, {"hostname": "lb.example.com"}, {"ip": "198.51.100.1"}]
            }
        },
    ),
    _named("elsewhere", spec={"type": "ExternalName", "externalName": "db.example.com"}),
]

DEPLOYMENTS: list[Json] = [
    _app("three", replicas=3),
    _app("none", replicas=0),
    _app("default-replicas"),
    _app("paused", replicas=2, paused=True),
    _app("expressions", _SELECTED, _SELECTING, replicas=0),
]
REPLICA_SETS: list[Json] = [
    _app(
        "rs-two",
        {**TEMPLATE, "metadata": {"labels": {"app": "rs"}}},
        {"matchLabels": {"app": "rs"}},
        replicas=2,
    ),
    _app("rs-expressions", _SELECTED, _SELECTING, replicas=0),
]

APPS, CORE, BATCH = "/apis/apps/v1/namespaces/{}/", "/api/v1/namespaces/{}/", "/apis/batch/v1/namespaces/{}/"

# kind: (path of the list, objects to create)
OBJECTS: dict[str, tuple[str, list[Json]]] = {
    "deployments": (APPS + "deployments", DEPLOYMENTS),
    "replicasets": (APPS + "replicasets", REPLICA_SETS),
    "statefulsets": (APPS + "statefulsets", [_app("stateful", replicas=2, serviceName="headless")]),
    "daemonsets": (
        APPS + "daemonsets",
        [
            _app("everywhere"),
            _app(
                "nowhere",
                {**TEMPLATE, "spec": {**TEMPLATE["spec"], "nodeSelector": {"no": "such", "a": "b"}}},
            ),
        ],
    ),
    "services": (CORE + "services", SERVICES),
    "configmaps": (
        CORE + "configmaps",
        [_named("empty"), _named("both", data={"a": "1", "b": "2"}, binaryData={"c": "AA=="})],
    ),
    "secrets": (
        CORE + "secrets",
        [
            _named("opaque", stringData={"password": "x", "user": "y"}),
            _named("own-type", type="example.com/own"),
        ],
    ),
    "serviceaccounts": (CORE + "serviceaccounts", [_named("robot")]),
    "endpoints": (
        CORE + "endpoints",
        [
            _named("none-yet"),
            _named(
                "five",
                subsets=[
                    {"addresses": [{"ip": f"10.9.0.{i}"} for i in range(1, 4)], "ports": [{"port": 80}]},
                    {"addresses": [{"ip": "10.9.0.8"}, {"ip": "fd00::8"}], "ports": [{"port": 81}]},
                ],
            ),
            _named("portless", subsets=[{"addresses": [{"ip": "10.9.0.1"}, {"ip": "fd00::2"}]}]),
            _named("ipv6", subsets=[{"addresses": [{"ip": "fd00::2"}], "ports": [{"port": 443}]}]),
        ],
    ),
    "endpointslices": (
        "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices",
        [
            _named("bare", addressType="IPv4", endpoints=[]),
            _named(
                "several",
                addressType="IPv4",
                endpoints=[{"addresses": [f"10.9.1.{i}"]} for i in range(5)],
                ports=[{"name": n, "port": p} for n, p in (("a", 1), ("b", 2), ("c", 3), ("d", 4))],
            ),
            _named(
                "any-port",
                addressType="IPv4",
                endpoints=[{"addresses": ["10.9.1.1"]}],
                ports=[{"name": "any"}],
            ),
        ],
    ),
    "poddisruptionbudgets": (
        "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
        [
            _named("minimum", spec={"minAvailable": 2, "selector": {"matchLabels": {"app": "a"}}}),
            _named("percentage", spec={"maxUnavailable": "25%", "selector": {"matchLabels": {"app": "b"}}}),
        ],
    ),
    "leases": (
        "/apis/coordination.k8s.io/v1/namespaces/{}/leases",
        [_named("free"), _named("held", spec={"holderIdentity": "sre-1", "leaseDurationSeconds": 60})],
    ),
    "jobs": (
        BATCH + "jobs",
        [
            _named("one", spec={"template": JOB_TEMPLATE}),
            _named("of-three", spec={"completions": 3, "parallelism": 2, "template": JOB_TEMPLATE}),
            _named("work-queue", spec={"parallelism": 4, "template": JOB_TEMPLATE}),
            _named("suspended", spec={"suspend": True, "template": JOB_TEMPLATE}),
        ],
    ),
    "cronjobs": (
        BATCH + "cronjobs",
        [
            _named(
                "nightly", spec={"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": JOB_TEMPLATE}}}
            ),
            _named(
                "zoned",
                spec={
                    "schedule": "*/5 * * * *",
                    "timeZone": "Europe/Berlin",
                    "suspend": True,
                    "jobTemplate": {"spec": {"template": JOB_TEMPLATE}},
                },
                status={"lastScheduleTime": ago(hours=7, minutes=3)},
            ),
        ],
    ),
    "horizontalpodautoscalers": (
        "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
        [hpa(name) for name in HPAS],
    ),
}
