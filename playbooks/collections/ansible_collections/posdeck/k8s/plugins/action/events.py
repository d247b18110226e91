"""Read the events about an object and about what it owns, newest last."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import CONTEXT_ARGUMENT, KubernetesAction
from ansible_collections.posdeck.k8s.plugins.plugin_utils.event_rows import event_row
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, pods_of, replica_sets_of


class ActionModule(KubernetesAction):
    """posdeck.k8s.events"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "kind": {"type": "str", "choices": ["Deployment", "Pod", "HorizontalPodAutoscaler"]},
        "name": {"type": "str"},
        "namespace": {"type": "str"},
        "limit": {"type": "int", "default": 200},
    }
    EXTRA = {"required_together": [["kind", "name"]]}  # noqa: RUF012 - Ansible's own form

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """All events of the namespace, or those about one object, its replica sets and its pods."""
        client = self.connect(args)
        namespace = self.namespace(args)
        found = client.items(f"/api/v1/namespaces/{namespace}/events")
        if args.get("name"):
            target = client.get(object_path(args["kind"], namespace, args["name"]))
            about = {target["metadata"]["uid"]}
            if args["kind"] == "Deployment":
                owned = [*replica_sets_of(client, target), *pods_of(client, target)]
                about |= {item["metadata"]["uid"] for item in owned}
            names = {args["name"]} if args["kind"] == "HorizontalPodAutoscaler" else set()
            found = [e for e in found if _is_about(e, about, args["kind"], names)]
        events = sorted((event_row(event) for event in found), key=lambda row: row["last_seen"])
        return {"changed": False, "events": events[-args["limit"] :], "total": len(events)}


def _is_about(event: dict[str, Any], uids: set[str], kind: str, names: set[str]) -> bool:
    about = event.get("involvedObject") or {}
    return about.get("uid") in uids or (about.get("kind") == kind and about.get("name") in names)
