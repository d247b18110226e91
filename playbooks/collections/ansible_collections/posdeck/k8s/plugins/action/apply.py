"""Create an object, or bring it to a definition, by server-side apply; a field that somebody else owns is never
taken from them."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import fail
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import APPLY, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction

KINDS = ("Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject", "Service")


class ActionModule(WritingAction):
    """posdeck.k8s.apply"""

    ACT = "apply"
    MISSING = "created"
    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        "definition": {"type": "dict", "required": True},
        "namespace": {"type": "str"},
        "create_only": {"type": "bool", "default": False},
    }

    def kind(self, args: dict[str, Any]) -> str:
        """As the definition says."""
        kind = str(args["definition"].get("kind") or "")
        if kind not in KINDS:
            raise fail(f"definition: kind {kind or '(none)'} is none of {', '.join(KINDS)}")
        return kind

    def object_name(self, args: dict[str, Any]) -> str:
        """As the definition says."""
        name = (args["definition"].get("metadata") or {}).get("name")
        if not name:
            raise fail("definition: it has no metadata.name")
        return str(name)

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        """The whole definition; the server says whether anything differs."""
        kind, wanted = self.kind(args), dict(args["definition"])
        namespace, name = self.namespace(args), self.object_name(args)
        if target and args["create_only"]:
            raise fail(f"{kind.lower()}/{name} exists already, and was to be created; look at it first")
        metadata = dict(wanted.get("metadata") or {})
        if metadata.get("namespace") not in (None, namespace):
            raise fail(f"definition: its namespace is {metadata['namespace']}, and the task's is {namespace}")
        version = object_path(kind, namespace, name).split("/namespaces/")[0].split("/", 2)[2]
        if wanted.setdefault("apiVersion", version) != version:
            raise fail(f"definition: apiVersion of a {kind} is {version}")
        wanted.pop("status", None)
        for key in ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation"):
            metadata.pop(key, None)
        wanted["metadata"] = {**metadata, "namespace": namespace}
        return Change("PATCH", wanted, APPLY, parameters={"definition": wanted})
