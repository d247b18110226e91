"""Take a deployment back to an earlier revision, as ``kubectl rollout undo`` does, but never to one that
differs from the present by a restart only."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import JSON_PATCH, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import (
    plain_template,
    previous_revision,
    replica_sets_of,
    revision_of,
)
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction


class ActionModule(WritingAction):
    """posdeck.k8s.rollout_undo"""

    ACT = "rollout-undo"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "to_revision": {"type": "int", "default": 0},
    }

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """Replace the whole pod template by that of the chosen replica set."""
        if target["spec"].get("paused"):
            name = target["metadata"]["name"]
            raise UsageError(
                f"deployment/{name}", "it is paused and cannot be rolled back; resume its rollout first"
            )
        chosen = previous_revision(target, replica_sets_of(client, target), args["to_revision"])
        template = plain_template(chosen)
        if template == plain_template(target):
            return None
        body = [{"op": "replace", "path": "/spec/template", "value": template}]
        return Change("PATCH", body, JSON_PATCH, parameters={"revision": revision_of(chosen)})
