"""Set the number of replicas of a deployment through its scale subresource."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import MERGE, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction


class ActionModule(WritingAction):
    """posdeck.k8s.scale"""

    ACT = "scale"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "replicas": {"type": "int", "required": True},
        "current_replicas": {"type": "int"},
    }

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """Nothing to do when the number is right already; refused when it is not the expected one."""
        wanted, present = args["replicas"], int(target["spec"].get("replicas", 1))
        name = f"deployment/{target['metadata']['name']}"
        if wanted < 0:
            raise UsageError(name, "replicas cannot be negative")
        if wanted == present:
            return None
        expected = args.get("current_replicas")
        if expected is not None and expected != present:
            raise UsageError(name, f"it has {present} replicas, not the {expected} that were expected")
        return Change("PATCH", {"spec": {"replicas": wanted}}, MERGE, "scale", {"replicas": wanted})
