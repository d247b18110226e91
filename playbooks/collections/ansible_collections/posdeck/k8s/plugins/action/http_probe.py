"""Ask the pods of a deployment over HTTP, each through a port-forward: does it answer, how fast, what does it
count?"""

from __future__ import annotations

import http.client
import re
import time
from typing import Any

from ansible_collections.posdeck.k8s.plugins.plugin_utils.action import CONTEXT_ARGUMENT, KubernetesAction
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import object_path, pods_of
from ansible_collections.posdeck.k8s.plugins.plugin_utils.portforward import get_through

_LIMIT = 1 << 20  # bytes of an answer
_REFUSED = (401, 403)
_LABELS_AND_VALUE = r"(?:\{[^}\n]*\})? (\S+)"


class ActionModule(KubernetesAction):
    """posdeck.k8s.http_probe"""

    ARGUMENTS = {  # noqa: RUF012 - Ansible's own form
        **CONTEXT_ARGUMENT,
        "name": {"type": "str", "required": True},
        "namespace": {"type": "str"},
        "path": {"type": "str", "default": "/"},
        "port": {"type": "int"},
        "limit": {"type": "int", "default": 5},
        "series": {"type": "dict", "default": {}},
        "gauges": {"type": "dict", "default": {}},
        "interval": {"type": "float", "default": 5.0},
    }

    def act(self, args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
        """``probes``: one a pod. ``ok`` is whether every pod that was asked answered below 500."""
        client, namespace = self.connect(args), self.namespace(args)
        found = pods_of(client, client.get(object_path("Deployment", namespace, args["name"])))
        ready = sorted((pod for pod in found if _is_ready(pod)), key=lambda pod: str(pod["metadata"]["name"]))
        asked = ready[: max(1, args["limit"])]
        first = [_ask(client, pod, args) for pod in asked]
        slowest = [probe["milliseconds"] for probe in first if probe["milliseconds"] is not None]
        result: dict[str, Any] = {
            "changed": False,
            "ok": bool(first) and all(probe["ok"] for probe in first),
            "milliseconds": max(slowest) if slowest and len(slowest) == len(first) else None,
            "probes": [
                {key: value for key, value in probe.items() if key not in ("body", "at")} for probe in first
            ],
            "not_ready": len(found) - len(ready),
            "not_asked": len(ready) - len(asked),
            "msg": "" if first else f"no pod of deployment/{args['name']} is ready, so nothing was asked",
        }
        if args["series"] and first:
            time.sleep(args["interval"])
            second = [_ask(client, pod, args) for pod in asked]
            result.update(_counted(first, second, args["series"]))
            result["gauges"] = {name: _sum(second, wanted) for name, wanted in args["gauges"].items()}
            if result["not_asked"]:  # some pods were left out: no total is known
                result.update({key: dict.fromkeys(result[key]) for key in ("rates", "values", "gauges")})
        return result


def _ask(client: Client, pod: dict[str, Any], args: dict[str, Any]) -> dict[str, Any]:
    """One request. What the pod says, or does not say, is a finding; only a refusal by the API server fails."""
    metadata, port = pod["metadata"], args.get("port") or _first_port(pod)
    probe: dict[str, Any] = {"pod": metadata["name"], "port": port, "path": args["path"], "ok": False,
                             "status": None, "milliseconds": None, "error": "", "body": b"", "at": 0.0}  # fmt: skip
    if port is None:
        return {**probe, "error": "its containers name no port; give one"}
    begun = time.monotonic()
    try:
        status, body = get_through(
            client, metadata["namespace"], metadata["name"], port, args["path"], _LIMIT
        )
    except KubeError as error:
        if error.status in _REFUSED:
            raise
        return {**probe, "error": str(error)}
    except TimeoutError:
        return {**probe, "error": f"no answer within {args['request_timeout']:g} s"}
    except (OSError, http.client.HTTPException) as error:
        return {**probe, "error": f"the answer is not HTTP or was cut off ({error or type(error).__name__})"}
    now = time.monotonic()
    taken = {"ok": status < 500, "status": status, "milliseconds": round((now - begun) * 1000, 1)}
    return {**probe, **taken, "body": body, "at": now}


def _is_ready(pod: dict[str, Any]) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)
    return ready and "deletionTimestamp" not in pod["metadata"]


def _first_port(pod: dict[str, Any]) -> int | None:
    ports = (port for container in pod["spec"]["containers"] for port in container.get("ports") or ())
    return next((int(port["containerPort"]) for port in ports if port.get("protocol", "TCP") == "TCP"), None)


def _counted(
    first: list[dict[str, Any]], second: list[dict[str, Any]], series: dict[str, Any]
) -> dict[str, Any]:
    """``rates`` a second over all pods, and ``values`` as they are now. None where a pod did not answer, does not
    count that, or began anew in between: a part is never passed off as the whole."""
    rates: dict[str, float | None] = dict.fromkeys(series)
    for name, wanted in series.items():
        steps = [_step(before, now, wanted) for before, now in zip(first, second, strict=True)]
        known = [step for step in steps if step is not None]
        if len(known) == len(steps):
            rates[name] = round(sum(known), 3)
    return {"rates": rates, "values": {name: _sum(second, wanted) for name, wanted in series.items()}}


def _step(before: dict[str, Any], now: dict[str, Any], name: str) -> float | None:
    old, new = _value(before, name), _value(now, name)
    if old is None or new is None or new < old:
        return None
    return (new - old) / float(now["at"] - before["at"])


def _sum(probes: list[dict[str, Any]], name: str) -> float | None:
    found = [_value(probe, name) for probe in probes]
    known = [value for value in found if value is not None]
    return sum(known) if found and len(known) == len(found) else None


def _value(probe: dict[str, Any], name: str) -> float | None:
    return total(probe["body"], name) if probe["status"] == 200 else None


def total(body: bytes, name: str) -> float | None:
    """A series of a Prometheus exposition, summed over its labels; None when it is not there."""
    line = re.compile(rf"^{re.escape(name)}(?:_total)?" + _LABELS_AND_VALUE, re.MULTILINE)
    found = line.findall(body.decode("utf-8", "replace"))
    try:
        return sum(float(value) for value in found) if found else None
    except ValueError:
        return None
