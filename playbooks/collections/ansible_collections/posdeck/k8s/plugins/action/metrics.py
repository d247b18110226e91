"""Read what pods or nodes use, beside what their containers request and may use at most."""

from __future__ import annotations

from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import CONTEXT_ARGUMENT, KubernetesAction
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, pods_of
from ansible_collections.posdeck.k8s.plugins.plugin_utils.quantities import quantity

_API = "/apis/metrics.k8s.io/v1beta1"


class ActionModule(KubernetesAction):
    """posdeck.k8s.metrics"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "kind": {"type": "str", "default": "Pod", "choices": ["Pod", "Deployment", "Node"]},
        "name": {"type": "str"},
        "namespace": {"type": "str"},
    }
    EXTRA = {"required_if": [["kind", "Deployment", ["name"]]]}  # noqa: RUF012 - Ansible's own form

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """``resources``: CPU in millicores, memory in bytes; None where there is no reading, never 0."""
        client = self.connect(args)
        if args["kind"] == "Node":
            return self._nodes(client, args.get("name"))
        namespace = self.namespace(args)
        pods = self._pods(client, namespace, args)
        usage, available, problem = _usage(client, f"{_API}/namespaces/{namespace}/pods")
        rows = [_pod_row(pod, usage.get(pod["metadata"]["name"])) for pod in pods]
        return {"changed": False, "available": available, "msg": problem, "resources": rows}

    def _nodes(self, client: Client, name: str | None) -> dict[str, Any]:
        usage, available, problem = _usage(client, f"{_API}/nodes")
        rows = [
            {"name": node, "timestamp": item.get("timestamp", ""), **_amounts(item.get("usage"))}
            for node, item in sorted(usage.items())
            if name in (None, node)
        ]
        return {"changed": False, "available": available, "msg": problem, "resources": rows}

    def _pods(self, client: Client, namespace: str, args: dict[str, Any]) -> list[dict[str, Any]]:
        if args["kind"] == "Deployment":
            return pods_of(client, client.get(object_path("Deployment", namespace, args["name"])))
        if args.get("name"):
            return [client.get(object_path("Pod", namespace, args["name"]))]
        return client.items(f"/api/v1/namespaces/{namespace}/pods")


def _usage(client: Client, path: str) -> tuple[dict[str, Any], bool | None, str]:
    """What is used by name, or why that is not known: not installed, forbidden and down are different
    things."""
    try:
        return {item["metadata"]["name"]: item for item in client.items(path)}, True, ""
    except KubeError as error:
        if error.status == 404:
            return {}, False, "the metrics API is not installed in this cluster (no metrics-server)"
        if error.status == 403:
            return {}, None, f"no access to the metrics API: {error}"
        if error.status >= 500:
            return {}, False, f"the metrics API does not answer: {error}"
        raise


def _pod_row(pod: dict[str, Any], usage: dict[str, Any] | None) -> dict[str, Any]:
    used = {str(c["name"]): c.get("usage") for c in (usage or {}).get("containers") or ()}
    containers = []
    for container in pod["spec"]["containers"]:
        resources = container.get("resources") or {}
        containers.append(
            {
                "name": container["name"],
                **_amounts(used.get(container["name"])),
                "requests": _amounts(resources.get("requests")),
                "limits": _amounts(resources.get("limits")),
            }
        )
    return {
        "name": pod["metadata"]["name"],
        "timestamp": (usage or {}).get("timestamp", ""),
        "window": (usage or {}).get("window", ""),
        "cpu_millicores": _total(containers, "cpu_millicores") if usage else None,
        "memory_bytes": _total(containers, "memory_bytes") if usage else None,
        "containers": containers,
    }


def _total(containers: list[dict[str, Any]], key: str) -> int | None:
    values = [container[key] for container in containers]
    return None if any(value is None for value in values) else sum(values)


def _amounts(quantities: dict[str, Any] | None) -> dict[str, int | None]:
    found = quantities or {}
    cpu, memory = found.get("cpu"), found.get("memory")
    return {
        "cpu_millicores": None if cpu is None else round(quantity(str(cpu)) * 1000),
        "memory_bytes": None if memory is None else round(quantity(str(memory))),
    }
