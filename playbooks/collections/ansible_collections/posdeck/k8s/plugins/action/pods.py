"""Read the pods of a deployment, each with what its containers are doing."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import CONTEXT_ARGUMENT, KubernetesAction
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, pods_of


class ActionModule(KubernetesAction):
    """posdeck.k8s.pods"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """``pods``: one row each, newest first."""
        client = self.connect(args)
        namespace = self.namespace(args)
        found = pods_of(client, client.get(object_path("Deployment", namespace, args["name"])))
        return {"changed": False, "pods": [_row(pod) for pod in found]}


def _row(pod: dict[str, Any]) -> dict[str, Any]:
    status = pod.get("status") or {}
    states = {c["name"]: c for c in status.get("containerStatuses") or ()}
    return {
        "name": pod["metadata"]["name"],
        "phase": status.get("phase", "Unknown"),
        "node": pod["spec"].get("nodeName", ""),
        "ready": any(
            c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ()
        ),
        "restarts": sum(int(c.get("restartCount") or 0) for c in states.values()),
        "started": status.get("startTime", ""),
        "deleting": "deletionTimestamp" in pod["metadata"],
        "containers": [_container(c["name"], states.get(c["name"]) or {}) for c in pod["spec"]["containers"]],
    }


def _container(name: str, status: dict[str, Any]) -> dict[str, Any]:
    state, detail = next(iter((status.get("state") or {}).items()), ("unknown", {}))
    _, last = next(iter((status.get("lastState") or {}).items()), ("", {}))
    return {
        "name": name,
        "image": status.get("image", ""),
        "state": state,
        "reason": detail.get("reason", ""),
        "message": detail.get("message", ""),
        "last_reason": last.get("reason", ""),
        "last_exit_code": last.get("exitCode"),
        "last_finished": last.get("finishedAt", ""),
    }
