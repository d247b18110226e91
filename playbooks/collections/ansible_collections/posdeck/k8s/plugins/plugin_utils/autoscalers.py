"""HPAs as an engineer asks about them: does it see, may it, can it? What it does not say stays unknown (None)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .client import Client
from .errors import UsageError
from .objects import pods_of
from .quantities import quantity

_TARGETS = ("averageUtilization", "averageValue", "value")


def autoscaler_of(client: Client, namespace: str, deployment: str) -> dict[str, Any] | None:
    """The HPA that looks after a deployment, by its scaleTargetRef; None when there is none."""
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    for hpa in client.items(path):
        aimed = (hpa.get("spec") or {}).get("scaleTargetRef") or {}
        if aimed.get("kind") == "Deployment" and aimed.get("name") == deployment:
            return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", **hpa}
    return None


def standing_of(hpa: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds, replicas and metrics; ``at_maximum`` (held by it and wanting more) and ``above_target`` are None
    where the HPA does not say."""
    spec, status = hpa.get("spec") or {}, hpa.get("status") or {}
    metrics = _metrics(spec, status)
    above = [metric["above"] for metric in metrics]
    limited = next((c for c in status.get("conditions") or () if c.get("type") == "ScalingLimited"), None)
    at_maximum = None
    if limited is not None and limited.get("status") in ("True", "False"):
        at_maximum = limited["status"] == "True" and limited.get("reason") == "TooManyReplicas"
    above_target = True if any(above) else (None if None in above or not above else False)
    return {
        "minimum": int(spec.get("minReplicas") or 1),
        "maximum": spec.get("maxReplicas"),
        "current": status.get("currentReplicas"),
        "desired": status.get("desiredReplicas"),
        "last_scale": status.get("lastScaleTime") or "",
        "metrics": metrics,
        "at_maximum": at_maximum,
        "above_target": above_target,
    }


def waiting_pods(client: Client, deployment: Mapping[str, Any]) -> int:
    """Pods that wait for a node, and those that could not even be created (a quota, an admission webhook)."""
    pods = [pod for pod in pods_of(client, deployment) if "deletionTimestamp" not in pod["metadata"]]
    unplaced = sum(
        1
        for pod in pods
        if (pod.get("status") or {}).get("phase") == "Pending" and not pod["spec"].get("nodeName")
    )
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    refused = any(c.get("type") == "ReplicaFailure" and c.get("status") == "True" for c in conditions)
    missing = int(deployment["spec"].get("replicas", 1)) - len(pods) if refused else 0
    return unplaced + max(0, missing)


def _metrics(spec: Mapping[str, Any], status: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each metric of the specification with its own reading, paired by identity and never by position."""
    read = {_identity(each): _values(each, "current") for each in status.get("currentMetrics") or ()}
    rows = []
    for each in spec.get("metrics") or ():
        target, current = _values(each, "target"), read.get(_identity(each)) or {}
        kind = next((name for name in _TARGETS if target.get(name) is not None), "")
        wanted, seen = target.get(kind), current.get(kind)
        rows.append({"name": _name(each), "target": _shown(kind, wanted), "current": _shown(kind, seen),
                     "above": None if wanted is None or seen is None else _exceeds(seen, wanted)})  # fmt: skip
    return rows


def _identity(metric: Mapping[str, Any]) -> tuple[str, str]:
    return str(metric.get("type")), _name(metric)


def _part(metric: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = str(metric.get("type") or "")
    part = metric.get(kind[:1].lower() + kind[1:])
    return part if isinstance(part, Mapping) else {}


def _name(metric: Mapping[str, Any]) -> str:
    part = _part(metric)
    described = part.get("describedObject") or {}
    pieces = (part.get("container"), described.get("kind"), described.get("name"))
    own = part.get("name") or (part.get("metric") or {}).get("name") or "?"
    return "/".join(str(piece) for piece in (*pieces, own) if piece)


def _values(metric: Mapping[str, Any], which: str) -> Mapping[str, Any]:
    values = _part(metric).get(which)
    return values if isinstance(values, Mapping) else {}


def _exceeds(seen: Any, wanted: Any) -> bool | None:
    try:
        return quantity(str(seen)) > quantity(str(wanted))
    except UsageError:
        return None


def _shown(kind: str, value: Any) -> str:
    if value is None:
        return "<unknown>"
    return f"{value}%" if kind == "averageUtilization" else str(value)
