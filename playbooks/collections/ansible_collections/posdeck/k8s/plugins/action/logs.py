"""Read the logs of a pod, or of every pod of a deployment, with patient and payment data taken out."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import (
    CONTEXT_ARGUMENT,
    KubernetesAction,
    fail,
)
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, pods_of


class ActionModule(KubernetesAction):
    """posdeck.k8s.logs"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "kind": {"type": "str", "default": "Pod", "choices": ["Pod", "Deployment"]},
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "container": {"type": "str"},
        "previous": {"type": "bool", "default": False},
        "tail_lines": {"type": "int"},
        "since_seconds": {"type": "int"},
        "search": {"type": "list", "elements": "str", "default": []},
        "search_without": {"type": "list", "elements": "str", "default": []},
        "limit_bytes": {"type": "int", "default": 4 * 1024 * 1024},
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """``logs``: one entry per container; ``matches``: the lines that hold one of the words searched
        for."""
        client = self.connect(args)
        namespace = self.namespace(args)
        target = client.get(object_path(args["kind"], namespace, args["name"]))
        pods = [target] if args["kind"] == "Pod" else pods_of(client, target)
        redact = _redactor()
        logs = [
            _read(client, pod, container, args, redact)
            for pod in pods
            for container in _containers(pod, args.get("container"))
        ]
        words, without = ([word.lower() for word in args[key]] for key in ("search", "search_without"))
        matches = [
            {"pod": log["pod"], "container": log["container"], "line": line}
            for log in logs
            for line in log["log_lines"]
            if any(word in line.lower() for word in words)
            and not any(word in line.lower() for word in without)
        ]
        result: dict[str, Any] = {"changed": False, "logs": logs, "matches": matches}
        if len(logs) == 1:
            result.update(log="\n".join(logs[0]["log_lines"]), log_lines=logs[0]["log_lines"])
        failures = [log["error"] for log in logs if log["error"]]
        if logs and len(failures) == len(logs):
            result.update(failed=True, msg=failures[0])
        return result


def _containers(pod: dict[str, Any], wanted: str | None) -> list[str]:
    names = [str(container["name"]) for container in pod["spec"]["containers"]]
    if wanted is None:
        return names
    every = names + [str(container["name"]) for container in pod["spec"].get("initContainers") or ()]
    if wanted not in every:
        raise fail(f"pod/{pod['metadata']['name']} has no container {wanted!r}; it has {', '.join(every)}")
    return [wanted]


def _read(
    client: Client, pod: dict[str, Any], container: str, args: dict[str, Any], redact: Any
) -> dict[str, Any]:
    """One container's log. A container that has no log (not started, no previous run) says so and fails
    nothing."""
    metadata = pod["metadata"]
    query = {
        "container": container,
        "tailLines": args.get("tail_lines"),
        "sinceSeconds": args.get("since_seconds"),
        "limitBytes": args["limit_bytes"],
        "previous": "true" if args["previous"] else None,
    }
    entry: dict[str, Any] = {"pod": metadata["name"], "container": container, "previous": args["previous"]}
    try:
        path = object_path("Pod", metadata["namespace"], metadata["name"])
        text = client.text(f"{path}/log", query)
    except KubeError as error:
        if error.status not in (400, 404):
            raise
        return {**entry, "log_lines": [], "truncated": False, "error": str(error)}
    cut = len(text.encode("utf-8", "replace")) >= args["limit_bytes"]
    return {**entry, "log_lines": redact(text).splitlines(), "truncated": cut, "error": ""}


def _redactor() -> Any:
    """posdeck's own redaction: a log must not reach a terminal or a file without it."""
    try:
        from posdeck.config import load_settings
        from posdeck.redaction.redactor import Redactor
    except ImportError as error:
        raise fail(
            f"posdeck cannot be imported by Ansible's Python ({error}), and a log is not shown without its "
            "redaction; use the ansible-playbook that is installed with posdeck"
        ) from error
    return Redactor(load_settings().redaction_patterns).text
