"""A control plane with as many pods as a measurement wants, in the one namespace that is looked at."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster import build, startup
from tests.cluster.control_plane import ControlPlane

NAMESPACE = "spc--pos"
PER_DEPLOYMENT = 500
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
REAL = (
    "spc--pos--be--consumer-order--prod"  # the first two pods belong to a deployment that the inventory knows
)


@contextmanager
def control_plane(binary: Path | None = None) -> Iterator[ControlPlane]:
    """A control plane with the empty namespace, marked as simulated; gone at the end."""
    plane = startup.start(binary or build.binary())
    try:
        plane.create_namespace(NAMESPACE)
        plane.api.patch(
            f"/api/v1/namespaces/{NAMESPACE}", {"metadata": {"labels": {"posdeck/simulated": "true"}}}
        )
        yield plane
    finally:
        plane.close()


def grow(plane: ControlPlane, total: int, *, within: float = 600.0) -> float:
    """Have exactly ``total`` pods running; the seconds it took."""
    began = time.perf_counter()
    wanted = {REAL: min(total, 2)}
    left, number = total - wanted[REAL], 0
    while left > 0:
        wanted[f"load-{number}"] = min(left, PER_DEPLOYMENT)
        left -= PER_DEPLOYMENT
        number += 1
    present = {d["metadata"]["name"]: d for d in plane.api.get(_DEPLOYMENTS)["items"]}
    for name, replicas in wanted.items():
        if name not in present:
            plane.api.create(_DEPLOYMENTS, _deployment(name, replicas))
        elif present[name]["spec"]["replicas"] != replicas:
            plane.api.patch(f"{_DEPLOYMENTS}/{name}", {"spec": {"replicas": replicas}})
    for name in present.keys() - wanted.keys():
        plane.api.delete(f"{_DEPLOYMENTS}/{name}")
    while not _settled(plane, wanted):
        if time.perf_counter() - began > within:
            raise TimeoutError(f"{total} pods do not run after {within:.0f} s")
        time.sleep(1.0)
    return time.perf_counter() - began


def pods(plane: ControlPlane, limit: int = 500) -> list[str]:
    """The names of the first pods."""
    return [pod["metadata"]["name"] for pod in plane.api.get(f"{_PODS}?limit={limit}")["items"]]


def mark(plane: ControlPlane, pod: str, reason: str) -> None:
    """Write ``reason`` into a pod's status, which every dashboard shows."""
    plane.api.patch(f"{_PODS}/{pod}/status", {"status": {"reason": reason}})


def _settled(plane: ControlPlane, wanted: dict[str, int]) -> bool:
    found = plane.api.get(_DEPLOYMENTS)["items"]
    ready = {d["metadata"]["name"]: d.get("status", {}).get("readyReplicas", 0) for d in found}
    if {name: ready.get(name, 0) for name in wanted} != wanted or len(found) != len(wanted):
        return False
    page = plane.api.get(f"{_PODS}?limit=1")
    there = len(page["items"]) + int(page["metadata"].get("remainingItemCount") or 0)
    return there == sum(wanted.values())


def _deployment(name: str, replicas: int) -> dict[str, Any]:
    container = {
        "name": "app",
        "image": "registry.example/pos/app:1.2.3",
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "env": [{"name": f"SETTING_{i}", "value": "x" * 20} for i in range(10)],
    }
    template = {
        "metadata": {"labels": {"app": name}, "annotations": {"kwok.x-k8s.io/usage-cpu": "5m"}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
    }
