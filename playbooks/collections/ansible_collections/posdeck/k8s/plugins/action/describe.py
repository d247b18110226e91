"""Read what an object is: its manifest, age, conditions and events; for an HPA, also what holds it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import (
    CONTEXT_ARGUMENT,
    KubernetesAction,
    fail,
)
from ansible_collections.posdeck.k8s.plugins.plugin_utils.autoscalers import (
    autoscaler_of,
    standing_of,
    waiting_pods,
)
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.event_rows import event_row
from ansible_collections.posdeck.k8s.plugins.plugin_utils.manifests import readable
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path

_HPA = "HorizontalPodAutoscaler"


class ActionModule(KubernetesAction):
    """posdeck.k8s.describe"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "kind": {"type": "str", "default": "Deployment", "choices": ["Deployment", "Pod", "Service", _HPA]},
        "name": {"type": "str"},
        "scale_target": {"type": "str"},
        "namespace": {"type": "str"},
    }
    EXTRA = {"required_one_of": [["name", "scale_target"]]}  # noqa: RUF012 - Ansible's own form

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """``present`` is false for an object that does not exist; then there is nothing else."""
        client, kind = self.connect(args), args["kind"]
        namespace = self.namespace(args)
        if args.get("scale_target") and kind != _HPA:
            raise fail(f"scale_target looks for an HPA; kind is {kind}")
        found = _find(client, namespace, args)
        if found is None:
            return {"changed": False, "kind": kind, "present": False, "name": args.get("name") or ""}
        metadata = found["metadata"]
        result: dict[str, Any] = {
            "changed": False,
            "kind": kind,
            "present": True,
            "name": metadata["name"],
            "age_seconds": _age(metadata.get("creationTimestamp")),
            "manifest": _redactor()(readable(found)),
            "conditions": [_condition(each) for each in (found.get("status") or {}).get("conditions") or ()],
            "events": _events(client, namespace, kind, metadata),
        }
        if kind == _HPA:
            result["autoscaler"] = {**standing_of(found), "pods_pending": _waiting(client, namespace, found)}
        if kind == "Deployment":
            result["workload"] = _workload(client, namespace, found)
        return result


def _find(client: Client, namespace: str, args: dict[str, Any]) -> dict[str, Any] | None:
    if args.get("scale_target"):
        return autoscaler_of(client, namespace, args["scale_target"])
    try:
        return client.get(object_path(args["kind"], namespace, args["name"]))
    except KubeError as error:
        if error.status != 404:
            raise
        return None


def _waiting(client: Client, namespace: str, hpa: dict[str, Any]) -> int | None:
    aimed = hpa["spec"]["scaleTargetRef"]
    if aimed.get("kind") != "Deployment":
        return None
    return waiting_pods(client, client.get(object_path("Deployment", namespace, aimed["name"])))


def _workload(client: Client, namespace: str, deployment: dict[str, Any]) -> dict[str, Any]:
    """Replicas, and by name what else decides about them; None where that may not be read."""
    labels = (deployment["spec"]["template"].get("metadata") or {}).get("labels") or {}
    budgets: list[str] | None = []
    try:
        for each in client.items(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"):
            if _selects((each.get("spec") or {}).get("selector"), labels):
                budgets.append(each["metadata"]["name"])  # type: ignore[union-attr]
    except KubeError as error:
        if error.status not in (403, 404):
            raise
        budgets = None
    try:
        hpa = autoscaler_of(client, namespace, deployment["metadata"]["name"])
        autoscaler: str | None = "" if hpa is None else str(hpa["metadata"]["name"])
    except KubeError as error:
        if error.status != 403:
            raise
        autoscaler = None
    return {
        "replicas": int(deployment["spec"].get("replicas", 1)),
        "paused": bool(deployment["spec"].get("paused")),
        "disruption_budgets": budgets,
        "autoscaler": autoscaler,
    }


def _selects(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    """Whether a label selector takes pods with these labels; an empty one takes every pod, a missing one none."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for each in selector.get("matchExpressions") or ():
        value, values = labels.get(each["key"]), each.get("values") or ()
        answers = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not answers.get(each.get("operator"), False):
            return False
    return True


def _condition(condition: dict[str, Any]) -> dict[str, str]:
    since = condition.get("lastTransitionTime") or ""
    fields = ("type", "status", "reason", "message")
    return {**{key: str(condition.get(key) or "") for key in fields}, "since": str(since)}


def _events(client: Client, namespace: str, kind: str, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    query = {"fieldSelector": f"involvedObject.name={metadata['name']},involvedObject.kind={kind}"}
    found = client.items(f"/api/v1/namespaces/{namespace}/events", query)
    return sorted((event_row(event) for event in found), key=lambda row: str(row["last_seen"]))


def _age(created: Any) -> int | None:
    if not created:
        return None
    moment = datetime.fromisoformat(str(created).replace("Z", "+00:00"))
    return int((datetime.now(timezone.utc) - moment).total_seconds())  # noqa: UP017 - as Ansible's own code writes it


def _redactor() -> Any:
    """posdeck's own redaction: a manifest must not reach a terminal or a file without it."""
    try:
        from posdeck.config import load_settings
        from posdeck.redaction.redactor import Redactor
    except ImportError as error:
        raise fail(
            f"posdeck cannot be imported by Ansible's Python ({error}), and a manifest is not shown without "
            "its redaction; use the ansible-playbook that is installed with posdeck"
        ) from error
    return Redactor(load_settings().redaction_patterns).text
