"""Our rows and columns of every kind are those that a real API server prints at the same moment."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.cluster.api import ApiError, wait_until
from tests.cluster.control_plane import ControlPlane
from tests.kubetext.namespaced_objects import HPAS, OBJECTS
from tests.kubetext.server_rows import ServerRow, server_columns, server_rows

from posdeck.kubetext.ages import human_duration
from posdeck.kubetext.hpas import hpa_text
from posdeck.kubetext.tables import COLUMNS

pytestmark = pytest.mark.cluster

CLUSTER_PATHS = {"nodes": "/api/v1/nodes", "namespaces": "/api/v1/namespaces"}


@pytest.fixture(scope="module")
def filled(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace with the objects of ``OBJECTS``, their statuses put in where they have one."""
    namespace = control_plane.create_namespace()
    for path, objects in OBJECTS.values():
        for obj in objects:
            control_plane.api.create(path.format(namespace), obj)
            if status := obj.get("status"):
                name = obj["metadata"]["name"]
                control_plane.api.patch(f"{path.format(namespace)}/{name}/status", {"status": status})
    yield namespace
    control_plane.delete_namespace(namespace)


@pytest.fixture(scope="module")
def hpas(control_plane: ControlPlane, filled: str) -> dict[str, ServerRow]:
    """The server's row of every HPA with its readings; the controller finds no target and lets them be."""
    path = OBJECTS["horizontalpodautoscalers"][0].format(filled)
    for name, (_, readings) in HPAS.items():
        if readings:
            status = {"currentReplicas": 2, "desiredReplicas": 2, "currentMetrics": readings}
            put = partial(_put_status, control_plane, f"{path}/{name}", status)
            wait_until(put, f"the status of {name}")
    return {
        r.obj["metadata"]["name"]: r for r in server_rows(control_plane.api, "horizontalpodautoscalers", path)
    }


def _put_status(plane: ControlPlane, path: str, status: dict[str, Any]) -> bool:
    try:
        plane.api.patch(f"{path}/status", {"status": status})
    except ApiError as error:
        if error.code != 409:
            raise
        return False
    return True


def _path(kind: str, namespace: str) -> str:
    special = {
        **CLUSTER_PATHS,
        "pods": f"/api/v1/namespaces/{namespace}/pods",
        "events": f"/api/v1/namespaces/{namespace}/events",
    }
    return special[kind] if kind in special else OBJECTS[kind][0].format(namespace)


@pytest.mark.parametrize("kind", COLUMNS)
def test_columns_are_the_servers(control_plane: ControlPlane, filled: str, kind: str) -> None:
    ours = [(c.name, c.type, c.format, c.priority) for c in COLUMNS[kind]]
    assert ours == server_columns(control_plane.api, _path(kind, filled))
    assert all(c.description for c in COLUMNS[kind])


@pytest.mark.parametrize("kind", COLUMNS)
def test_rows_are_the_servers(control_plane: ControlPlane, filled: str, kind: str) -> None:
    rows = server_rows(control_plane.api, kind, _path(kind, filled))
    if kind != "events":  # whether there are any by now is the controllers' affair; test_ages has its own
        assert {o["metadata"]["name"] for o in OBJECTS.get(kind, ("", []))[1]} <= {
            r.obj["metadata"]["name"] for r in rows
        }
    wrong = {r.obj["metadata"]["name"]: found for r in rows if (found := r.differences())}
    assert wrong == {}


def test_rows_of_the_systems_own_objects_are_the_servers(control_plane: ControlPlane) -> None:
    """kube-system holds what Kubernetes itself makes, not what we thought of."""
    for kind, (path, _) in OBJECTS.items():
        for found in server_rows(control_plane.api, kind, path.format("kube-system")):
            assert found.differences() == [], kind


@pytest.mark.parametrize("name", HPAS)
def test_hpa_cells_are_the_servers(hpas: dict[str, ServerRow], name: str) -> None:
    readings = HPAS[name][1]
    assert len(hpas[name].obj["status"].get("currentMetrics") or []) == len(readings)
    assert hpas[name].differences() == []


def test_hpa_targets_show_every_metric_by_name(hpas: dict[str, ServerRow]) -> None:
    assert hpas["five-metrics"].cells[2] == "cpu: 37%/85%, memory: 107835392/160Mi + 3 more..."
    assert hpa_text(hpas["five-metrics"].obj).targets == (
        "cpu: 37%/85%, memory: 107835392/160Mi, depth: <unknown>/100, requests: 950/1k, hits: <unknown>/2k"
    )


def test_hpa_readings_are_paired_by_identity(hpas: dict[str, ServerRow]) -> None:
    """Where kubectl puts one metric's reading under another's name, we do not."""
    assert hpa_text(hpas["order-changed"].obj).targets == "memory: 107835392/160Mi, cpu: 37%/85%"
    assert hpas["order-changed"].cells[2] == "memory: 185m/160Mi, cpu: <unknown>/85%"
    assert hpa_text(hpas["two-containers"].obj).targets == "cpu[app]: 58%/60%, cpu[proxy]: 12%/50%"
    assert hpas["two-containers"].cells[2] == "cpu: 12%/60%, cpu: 58%/50%"
    assert hpa_text(hpas["metric-removed"].obj).targets == "memory: 107835392/160Mi"


AGES = sorted(
    {
        edge + step
        for edge in (
            0,
            60,
            120,
            600,
            3600,
            3 * 3600,
            8 * 3600,
            86400,
            48 * 3600,
            192 * 3600,
            730 * 86400,
            2920 * 86400,
        )
        for step in (-61, -3, 3, 61, 3700)
    }
)


def test_ages_are_the_servers(control_plane: ControlPlane, namespace: str) -> None:
    """Events carry times of our choice, so the server's own words for many spans can be had from them."""
    path = f"/api/v1/namespaces/{namespace}/events"
    now = datetime.now(UTC)
    for position, seconds in enumerate(AGES):
        moment = (now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        control_plane.api.create(
            path,
            {
                "metadata": {"name": f"e{position}"},
                "involvedObject": {"kind": "Pod", "name": "p", "namespace": namespace},
                "firstTimestamp": moment,
                "lastTimestamp": moment,
            },
        )
    rows = server_rows(control_plane.api, "events", path)
    assert {r.obj["metadata"]["name"]: d for r in rows if (d := r.differences())} == {}
    words = {str(r.cells[0]) for r in rows}
    assert len(words) > 35
    assert "<invalid>" in words
    assert human_duration(-61) == "<invalid>"


def test_events_of_all_forms_are_the_servers(control_plane: ControlPlane, namespace: str) -> None:
    core, new = (
        f"/api/v1/namespaces/{namespace}/events",
        f"/apis/events.k8s.io/v1/namespaces/{namespace}/events",
    )
    about = {"kind": "Pod", "name": "p", "namespace": namespace, "fieldPath": "spec.containers{app}"}
    micro = (datetime.now(UTC) - timedelta(minutes=7)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    later = (datetime.now(UTC) - timedelta(minutes=2, seconds=9)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    moment = (datetime.now(UTC) - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    source = {"component": "kubelet", "host": "kwok-1"}
    plain: dict[str, Any] = {"type": "Warning", "reason": "BackOff", "involvedObject": about}
    old: list[dict[str, Any]] = [
        {
            **plain,
            "message": " Back-off\n",
            "source": source,
            "count": 4,
            "firstTimestamp": moment,
            "lastTimestamp": moment,
        },
        {**plain, "message": "no times"},
        {**plain, "message": "first only", "firstTimestamp": moment, "source": {"component": "kubelet"}},
        {
            "message": "about nobody",
            "involvedObject": {"namespace": namespace},
            "reason": "X",
            "type": "Normal",
        },
    ]
    reporter = {"reportingController": "example.com/c", "reportingInstance": "c-1", "action": "Binding"}
    fresh: dict[str, Any] = {"eventTime": micro, "regarding": about, "type": "Normal", **reporter}
    fresh["reason"] = "Scheduled"
    recent: list[dict[str, Any]] = [
        {**fresh, "note": "once"},
        {**fresh, "note": "a series", "series": {"count": 9, "lastObservedTime": later}},
    ]
    for position, body in enumerate(old):
        control_plane.api.create(core, {"metadata": {"name": f"old{position}"}, **body})
    for position, body in enumerate(recent):
        control_plane.api.create(
            new, {"metadata": {"name": f"new{position}", "namespace": namespace}, **body}
        )
    for path in (core, new):
        rows = server_rows(control_plane.api, "events", path)
        assert len(rows) == len(old) + len(recent)
        assert {r.obj["metadata"]["name"]: d for r in rows if (d := r.differences())} == {}


NODES: dict[str, dict[str, Any]] = {
    "ready": {"status": {"conditions": [{"type": "Ready", "status": "True"}]}},
    "not-ready": {"status": {"conditions": [{"type": "Ready", "status": "False"}]}},
    "unknown": {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
    "no-conditions": {},
    "cordoned": {
        "spec": {"unschedulable": True},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    },
    "roles": {
        "labels": {
            "node-role.kubernetes.io/worker": "",
            "node-role.kubernetes.io/infra": "",
            "kubernetes.io/role": "edge",
        },
        "status": {
            "addresses": [
                {"type": "Hostname", "address": "h"},
                {"type": "ExternalIP", "address": "192.0.2.3"},
                {"type": "InternalIP", "address": "10.0.0.3"},
                {"type": "InternalIP", "address": "10.0.0.4"},
            ],
            "nodeInfo": {
                "kubeletVersion": "v1.33.1",
                "osImage": "Linux",
                "kernelVersion": "6.1.0",
                "containerRuntimeVersion": "containerd://2.0.0",
                "architecture": "arm64",
            },
        },
    },
}


@pytest.fixture
def nodes(control_plane: ControlPlane) -> Iterator[dict[str, str]]:
    """The nodes of ``NODES`` by the name they have on the server; nothing is scheduled on them."""
    made = {}
    for name, node in NODES.items():
        full = f"{name}-{uuid.uuid4().hex[:6]}"
        taint = {"key": "example.com/test", "effect": "NoSchedule"}
        metadata = {"name": full, "labels": node.get("labels", {})}
        spec = {"taints": [taint], **node.get("spec", {})}
        control_plane.api.create("/api/v1/nodes", {"metadata": metadata, "spec": spec})
        if status := node.get("status"):
            status = {"nodeInfo": dict.fromkeys(_NODE_INFO, ""), **status}
            control_plane.api.patch(f"/api/v1/nodes/{full}/status", {"status": status})
        made[full] = name
    yield made
    for full in made:
        control_plane.api.delete(f"/api/v1/nodes/{full}")


_NODE_INFO = ("machineID", "systemUUID", "bootID", "operatingSystem", "kubeProxyVersion")


def test_nodes_are_the_servers(control_plane: ControlPlane, nodes: dict[str, str]) -> None:
    rows = {r.obj["metadata"]["name"]: r for r in server_rows(control_plane.api, "nodes", "/api/v1/nodes")}
    assert {name: d for full, name in nodes.items() if (d := rows[full].differences())} == {}
    assert len({rows[full].cells[1] for full in nodes}) >= 4
