"""What an act left behind, as a digest of each object's specification, so that taking it back can tell whether
somebody else has changed the object since. Replicas count only where the act itself set them: an HPA at work is
nobody else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.runbooks.digests import canonical
from posdeck.runbooks.plan import Plan

GONE = "gone"
_WHOLE, _BUT_REPLICAS = "spec", "spec-but-replicas"
_OWN = ("posdeck", "kube-controller-manager", "deployment-controller")


def aftermath(plan: Plan, results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Each object that the plan names and that a write of the run returned: "Kind/name" → digest, or ``gone``.

    ``results`` are what the writing plugins returned, ``write`` and ``result`` among it.
    """
    replicas = {f"{o.kind}/{o.name}": _sets_replicas(o.changes) for o in plan.objects}
    found = {}
    for result in results:
        write = result.get("write")
        if not isinstance(write, Mapping):
            continue
        key = f"{write.get('kind')}/{write.get('name')}"
        if key in replicas:
            found[key] = digest_of(result.get("result"), replicas=replicas[key])
    return found


def aftermath_now(plan: Plan, objects: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    """The same from objects as they are now, right after a run whose results were lost."""
    return {
        key: digest_of(objects[key], replicas=_sets_replicas(o.changes))
        for o in plan.objects
        if (key := f"{o.kind}/{o.name}") in objects
    }


def digest_of(found: Mapping[str, Any] | None, *, replicas: bool) -> str:
    """The digest of a raw object's specification, or ``gone`` where there is none."""
    if not found:
        return GONE
    spec = dict(found.get("spec") or {})
    if not replicas:
        spec.pop("replicas", None)
    scope = _WHOLE if replicas else _BUT_REPLICAS
    return f"{scope}:{hashlib.sha256(canonical(spec)).hexdigest()[:32]}"


def changed_since(left: str, found: Mapping[str, Any] | None) -> str:
    """In words how a raw object differs from what the act left, or "". ``left`` is not empty."""
    if left == GONE:
        return "it exists again, and the act had deleted it" if found else ""
    if not found:
        return "it does not exist any more"
    if digest_of(found, replicas=left.startswith(f"{_WHOLE}:")) == left:
        return ""
    return f"its specification has changed since the act{_by_whom(found)}"


def _by_whom(found: Mapping[str, Any]) -> str:
    """The last that wrote to the specification and is not one of ours, by its managed fields."""
    fields = (found.get("metadata") or {}).get("managedFields") or ()
    others = [
        (str(entry.get("time") or ""), str(entry.get("manager") or ""))
        for entry in fields
        if entry.get("subresource") != "status" and entry.get("manager") not in _OWN
    ]
    at, manager = max(others, default=("", ""))
    return f" ({manager} wrote to it at {at})" if manager and at else ""


def _sets_replicas(changes: Sequence[Any]) -> bool:
    return any(f"{change.path}/".startswith("/spec/replicas/") for change in changes)
