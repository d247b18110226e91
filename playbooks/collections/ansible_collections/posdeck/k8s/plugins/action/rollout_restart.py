"""Restart a deployment the way ``kubectl rollout restart`` does: a new stamp on its pod template."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import STRATEGIC, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import RESTARTED_AT
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction


class ActionModule(WritingAction):
    """posdeck.k8s.rollout_restart"""

    ACT = "rollout-restart"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "restarted_at": {"type": "str"},
    }

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """The stamp is fixed when a run is planned, so that running the same plan twice changes nothing."""
        name = target["metadata"]["name"]
        if target["spec"].get("paused"):
            raise UsageError(
                f"deployment/{name}", "it is paused and cannot be restarted; resume its rollout first"
            )
        stamp = args.get("restarted_at") or datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: UP017
        present = (target["spec"]["template"].get("metadata") or {}).get("annotations") or {}
        if present.get(RESTARTED_AT) == stamp:
            return None
        body = {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: stamp}}}}}
        return Change("PATCH", body, STRATEGIC, parameters={"restarted_at": stamp})
