"""Change some fields of an object by a merge patch."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import fail
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import MERGE, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction

KINDS = ["Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject", "Service"]
_NOT_HERE = ("apiVersion", "kind", "status")


class ActionModule(WritingAction):
    """posdeck.k8s.patch"""

    ACT = "patch"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "kind": {"type": "str", "required": True, "choices": KINDS},
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "definition": {"type": "dict", "required": True},
    }

    def kind(self, args: dict[str, Any]) -> str:
        """As the task says."""
        return str(args["kind"])

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """Nothing to do when every field has its value already."""
        wanted = args["definition"]
        if any(key in wanted for key in _NOT_HERE) or set(wanted.get("metadata") or {}) - {
            "labels",
            "annotations",
        }:
            raise fail("definition: give spec, or labels and annotations of metadata, and nothing else")
        if _holds(target, wanted):
            return None
        return Change("PATCH", wanted, MERGE, parameters={"patch": wanted})


def _holds(present: Any, wanted: Any) -> bool:
    """Whether a merge patch would change nothing: null takes a field away."""
    if not isinstance(wanted, dict):
        return bool(present == wanted)
    if not isinstance(present, dict):
        return False
    return all(
        key not in present if value is None else key in present and _holds(present[key], value)
        for key, value in wanted.items()
    )
