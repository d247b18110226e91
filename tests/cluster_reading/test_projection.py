"""Raw objects become records that say what the object says; odd ones never raise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posdeck.clock import ManualClock
from posdeck.cluster.projection import duration_seconds, project
from posdeck.cluster.snapshot import Kind
from posdeck.cluster.store import Store

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
)


def mutations(document: Any) -> st.SearchStrategy[Any]:
    """The document with parts missing, null or of another type."""
    if isinstance(document, dict):
        fixed = {key: mutations(value) for key, value in document.items()}
        return st.fixed_dictionaries({}, optional=fixed) | JSON
    if isinstance(document, list):
        return st.lists(st.one_of([mutations(item) for item in document]), max_size=3) | JSON
    return st.just(document) | SCALARS | JSON


CONTAINER = {
    "name": "c", "image": "i", "restartPolicy": "Always", "ports": [{"containerPort": 80}],
    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}},
    "envFrom": [{"secretRef": {"name": "s"}}, {"configMapRef": {"name": "m"}}],
    "env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "t", "key": "k"}}}],
}  # fmt: skip
STATUS = {
    "name": "c", "ready": True, "restartCount": 2, "imageID": "sha",
    "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
    "lastState": {
        "terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:00:00Z"},
    },
}  # fmt: skip
METADATA = {
    "name": "x", "uid": "u", "resourceVersion": "7", "generation": 2,
    "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"a": "b"},
    "annotations": {
        "deployment.kubernetes.io/revision": "4", "kubectl.kubernetes.io/last-applied-configuration": "{}",
    },
    "ownerReferences": [{"kind": "ReplicaSet", "name": "o", "uid": "ou", "controller": True}],
    "managedFields": [
        {"manager": "helm", "time": "2026-01-02T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "kubectl", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "kcm", "time": "2026-01-01T00:00:00Z", "fieldsV1": {"f:status": {}}},
    ],
}  # fmt: skip
CONDITIONS = [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
TEMPLATE = {
    "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-03T00:00:00Z"}},
    "spec": {
        "containers": [CONTAINER], "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"secret": {"secretName": "v"}}, {"projected": {"sources": [{"configMap": {"name": "p"}}]}},
        ],
    },
}  # fmt: skip
OBJECTS: dict[Kind, dict[str, Any]] = {
    Kind.PODS: {
        "metadata": METADATA,
        "spec": {"nodeName": "n", "containers": [CONTAINER], "initContainers": [CONTAINER]},
        "status": {"phase": "Running", "containerStatuses": [STATUS], "conditions": CONDITIONS},
    },
    Kind.DEPLOYMENTS: {
        "metadata": METADATA,
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "10%"}},
        },
        "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3},
    },
    Kind.REPLICA_SETS: {"metadata": METADATA, "spec": {"replicas": 3, "template": TEMPLATE}, "status": {}},
    Kind.HPAS: {
        "metadata": METADATA,
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": "d"}, "minReplicas": 2, "maxReplicas": 15,
            "metrics": [
                {"type": "Resource",
                 "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 85}}},
            ],
        },
        "status": {
            "currentReplicas": 2, "desiredReplicas": 2, "conditions": CONDITIONS,
            "currentMetrics": [
                {"type": "Resource",
                 "resource": {"name": "cpu", "current": {"averageUtilization": 37, "averageValue": "37m"}}},
            ],
        },
    },
    Kind.SERVICES: {
        "metadata": METADATA,
        "spec": {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": [{"port": 80, "nodePort": 32095}]},
    },
    Kind.EVENTS: {
        "metadata": METADATA, "type": "Warning", "reason": "BackOff", "message": "m", "count": 3,
        "involvedObject": {"kind": "Pod", "name": "x", "uid": "u"}, "lastTimestamp": "2026-01-01T00:00:00Z",
    },
    Kind.NODES: {
        "metadata": METADATA, "spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}, "conditions": CONDITIONS},
    },
    Kind.POD_METRICS: {
        "metadata": METADATA, "timestamp": "2026-01-01T00:00:00Z", "window": "30.5s",
        "containers": [{"name": "c", "usage": {"cpu": "190m", "memory": "64Mi"}}],
    },
    Kind.NODE_METRICS: {
        "metadata": METADATA, "timestamp": "2026-01-01T00:00:00Z", "window": "30s",
        "usage": {"cpu": "1500m", "memory": "1Gi"},
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", list(Kind))
@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_odd_object_never_raises_and_can_be_stored(kind: Kind, data: st.DataObject) -> None:
    raw = data.draw(mutations(OBJECTS[kind]))
    record = project(kind, raw)
    if record is not None:
        store = Store(ManualClock())
        store.put(kind, record)
        store.snapshot()


def test_a_pod_says_what_kubectl_says() -> None:
    pod = project(Kind.PODS, OBJECTS[Kind.PODS])
    assert (pod.name, pod.status, pod.node, pod.owner.name) == ("x", "Running", "n", "o")
    assert pod.is_ready
    main = pod.containers[1]
    assert (main.state, main.restarts, main.last_exit_code, main.last_reason) == (
        "running",
        2,
        137,
        "OOMKilled",
    )
    assert main.started_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert pod.containers[0].sidecar
    assert (pod.resources.cpu_request, pod.resources.memory_limit) == (0.2, 256 << 20)  # with the sidecar's


def test_a_limit_that_one_container_lacks_is_no_limit() -> None:
    raw = {
        "metadata": {"name": "x"},
        "spec": {"containers": [CONTAINER, {"name": "d", "resources": {"requests": {"cpu": "1"}}}]},
    }
    resources = project(Kind.PODS, raw).resources
    assert (resources.cpu_request, resources.cpu_limit, resources.memory_limit) == (1.1, None, None)


def test_a_deployment_names_its_managers_and_what_it_refers_to() -> None:
    deployment = project(Kind.DEPLOYMENTS, OBJECTS[Kind.DEPLOYMENTS])
    assert deployment.managers == ("kubectl", "helm")
    assert deployment.secrets == ("pull", "s", "t", "v")
    assert deployment.config_maps == ("m", "p")
    assert (deployment.revision, deployment.max_surge, deployment.max_unavailable) == (4, "1", "10%")
    assert deployment.restarted_at == datetime(2026, 1, 3, tzinfo=UTC)
    assert "kubectl.kubernetes.io/last-applied-configuration" not in deployment.annotations
    assert deployment.template_hash == project(Kind.REPLICA_SETS, OBJECTS[Kind.REPLICA_SETS]).template_hash
    assert deployment.rollout_done


def test_a_missing_reading_is_no_zero() -> None:
    metrics = {"metadata": {"name": "x"}, "containers": [{"name": "c", "usage": {"cpu": "1m"}}]}
    assert project(Kind.POD_METRICS, metrics) is None
    assert project(Kind.POD_METRICS, {"metadata": {"name": "x"}, "containers": []}) is None
    assert project(Kind.NODE_METRICS, {"metadata": {"name": "x"}, "usage": {}}) is None
    found = project(Kind.POD_METRICS, OBJECTS[Kind.POD_METRICS])
    assert (found.cpu, found.memory, found.window) == (0.19, 64 << 20, 30.5)


def test_what_has_no_name_is_no_object() -> None:
    assert project(Kind.PODS, {"metadata": {}}) is None
    assert project(Kind.PODS, None) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1m10.5s", 70.5), ("2h", 7200), ("15ms", 0.015), ("", None), ("soon", None), ("1", None)],
)
def test_go_durations(text: str, seconds: float | None) -> None:
    assert duration_seconds(text) == seconds


def test_a_relist_keeps_unchanged_objects_and_nothing_else() -> None:
    clock = ManualClock()
    store = Store(clock)
    first = project(Kind.PODS, OBJECTS[Kind.PODS])
    store.replace(Kind.PODS, {"x": first})
    before = store.snapshot()
    store.replace(Kind.PODS, {"x": project(Kind.PODS, OBJECTS[Kind.PODS])})
    assert store.snapshot() is before
    again = {**OBJECTS[Kind.PODS], "metadata": {**METADATA, "uid": "successor"}}
    store.replace(Kind.PODS, {"x": project(Kind.PODS, again)})
    assert store.snapshot().pods["x"].uid == "successor"
    assert before.pods["x"] is first
