"""Puts the known namespace onto a control plane and waits until it runs."""

from __future__ import annotations

from typing import Any

from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane
from tests.cluster.namespace_objects import NAMESPACE, namespace_objects

_PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Service": "/api/v1/namespaces/{}/services",
    "HorizontalPodAutoscaler": "/apis/autoscaling/v2/namespaces/{}/horizontalpodautoscalers",
}


def install(plane: ControlPlane, namespace: str = NAMESPACE) -> str:
    """Create the namespace with everything in it; an older one of that name is deleted first."""
    if plane.api.exists(f"/api/v1/namespaces/{namespace}"):
        plane.delete_namespace(namespace, wait=True)
    plane.create_namespace(namespace)
    for obj in namespace_objects(namespace):
        plane.api.create(_PATHS[obj["kind"]].format(namespace), obj)
    path = _PATHS["Deployment"].format(namespace)
    wait_until(
        lambda: all(_settled(deployment) for deployment in plane.api.get(path)["items"]),
        f"every deployment of {namespace} available",
        within=90,
    )
    return namespace


def _settled(deployment: dict[str, Any]) -> bool:
    desired, status = deployment["spec"]["replicas"], deployment.get("status", {})
    observed: bool = status.get("observedGeneration") == deployment["metadata"]["generation"]
    settled: bool = status.get("availableReplicas", 0) == desired == status.get("replicas", 0)
    return observed and settled
