"""Delete an object, with what brings it back saved first."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import JSON, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.manifests import save
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, Site, WritingAction

KINDS = ["Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject", "Service"]


class ActionModule(WritingAction):
    """posdeck.k8s.delete"""

    ACT = "delete"
    MISSING = "done"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "kind": {"type": "str", "required": True, "choices": KINDS},
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "current_replicas": {"type": "int"},
        "save_to": {"type": "path"},
        "wait_timeout": {"type": "float", "default": 120.0},
        "wait_sleep": {"type": "float", "default": 0.5},
    }

    def kind(self, args: dict[str, Any]) -> str:
        """As the task says."""
        return str(args["kind"])

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """Refused when it has other replicas than expected: a worker that was woken is not to be deleted."""
        expected, present = args.get("current_replicas"), target["spec"].get("replicas")
        if expected is not None and present != expected:
            raise UsageError(
                f"{args['kind'].lower()}/{args['name']}",
                f"it has {present} replicas, not the {expected} expected",
            )
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        return Change("DELETE", body, JSON)

    def prepare(self, args: dict[str, Any], site: Site) -> None:
        """Nothing is deleted before its manifest is on the disk, where a file was asked for."""
        if args.get("save_to") and site.before is not None:
            save(args["save_to"], site.before)

    def finish(self, args: dict[str, Any], site: Site) -> None:
        """Deletion only begins when the server answers: finalizers and grace periods come first."""
        self.wait_until_gone(args, site)
