"""Let a paused rollout go on."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import MERGE, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction


class ActionModule(WritingAction):
    """posdeck.k8s.rollout_resume"""

    ACT = "rollout-resume"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
    }

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """The field is taken away, not set to false: so the specification is again what it was before the pause."""
        if not target["spec"].get("paused"):
            return None
        return Change("PATCH", {"spec": {"paused": None}}, MERGE)
