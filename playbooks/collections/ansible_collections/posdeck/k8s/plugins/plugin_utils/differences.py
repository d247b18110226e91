"""The difference that a change makes, as Ansible shows it: the object before and after, without the fields
that the API server keeps for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

_SERVERS_OWN = ("managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink")
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the same text, in C where PyYAML was built with it
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


def differ(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> bool:
    """Whether more than bookkeeping differs."""
    return reduced(before) != reduced(after)


def difference(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, name: str
) -> dict[str, str]:
    """Ansible's ``diff`` of a result. Writing an object out takes longer than changing it: only for who asked."""
    return {
        "before": _written(reduced(before)),
        "after": _written(reduced(after)),
        "before_header": f"{name} (now)",
        "after_header": f"{name} (then)",
    }


def _written(item: Mapping[str, Any]) -> str:
    text: str = yaml.dump(dict(item), Dumper=_DUMPER, sort_keys=True) if item else ""
    return text
