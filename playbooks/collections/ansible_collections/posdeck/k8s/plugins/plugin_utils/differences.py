"""The difference that a change makes, as Ansible shows it: the object before and after, without the fields
that the API server keeps for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_CONTROLLERS_OWN = ("deployment.kubernetes.io/revision",)


def reduced(item: Mapping[str, Any] | None) -> dict[str, Any]:
    """``item`` without status and the server's bookkeeping; an empty mapping for None."""
    if item is None:
        return {}
    kept = {key: value for key, value in item.items() if key != "status"}
    metadata = {k: v for k, v in (kept.get("metadata") or {}).items() if k not in _SERVERS_OWN}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _CONTROLLERS_OWN}
    metadata["annotations"] = annotations
    if not annotations:
        del metadata["annotations"]
    return {**kept, "metadata": metadata}


def difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, name: str
) -> dict[str, str] | None:
    """Ansible's ``diff`` of a result; None when nothing but bookkeeping differs."""
    old, new = reduced(before), reduced(after)
    if old == new:
        return None
    return {
        "before": yaml.safe_dump(old, sort_keys=True) if old else "",
        "after": yaml.safe_dump(new, sort_keys=True) if new else "",
        "before_header": f"{name} (now)",
        "after_header": f"{name} (then)",
    }
