"""Hold a deployment's rollout where it is."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import MERGE, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction


class ActionModule(WritingAction):
    """posdeck.k8s.rollout_pause"""

    ACT = "rollout-pause"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
    }

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """Nothing to do when it is paused already."""
        if target["spec"].get("paused"):
            return None
        return Change("PATCH", {"spec": {"paused": True}}, MERGE)
