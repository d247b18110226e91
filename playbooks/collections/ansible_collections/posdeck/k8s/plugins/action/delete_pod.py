"""Delete one pod of several; its replica set makes a new one."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import JSON, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, pods_of
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, Site, WritingAction


class ActionModule(WritingAction):
    """posdeck.k8s.delete_pod"""

    ACT = "delete-pod"
    KIND = "Pod"
    MISSING = "done"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "deployment": {"type": "str", "required": True},
        "wait_timeout": {"type": "float", "default": 120.0},
        "wait_sleep": {"type": "float", "default": 0.5},
    }

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """Refused for a pod of something else, and for one without which nothing would be at work."""
        name, deployment = f"pod/{args['name']}", args["deployment"]
        owner = client.get(object_path("Deployment", self.namespace(args), deployment))
        pods = pods_of(client, owner)
        if target["metadata"]["uid"] not in {pod["metadata"]["uid"] for pod in pods}:
            raise UsageError(name, f"it is not a pod of deployment/{deployment}")
        if "deletionTimestamp" in target["metadata"]:
            raise UsageError(name, "it is being deleted already")
        if not any(_works(pod) for pod in pods if pod["metadata"]["uid"] != target["metadata"]["uid"]):
            raise UsageError(
                name, f"no other pod of deployment/{deployment} is ready; restart the deployment instead"
            )
        return Change("DELETE", {"apiVersion": "v1", "kind": "DeleteOptions"}, JSON)

    def finish(self, args: dict[str, Any], site: Site) -> None:
        """It ends after its grace period; only then does its absence show."""
        self.wait_until_gone(args, site)


def _works(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]
