"""Manifests: as people read them, with secrets covered, and as they are kept to bring an object back."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .differences import reduced
from .errors import UsageError

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
COVERED = "(not shown)"
_SECRET = re.compile(
    r"pass(word|wd|phrase)?|secret|token|credential|api_?key|private|dsn|_url$|_uri$", re.IGNORECASE
)
_SERVERS_OWN = (
    "ownerReferences",
    "finalizers",
    "generateName",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
)


def readable(item: Mapping[str, Any]) -> str:
    """An object as YAML for people: without the server's bookkeeping, values that look like secrets covered."""
    known = {**reduced(item), "status": item.get("status") or {}}
    first = [key for key in ("apiVersion", "kind", "metadata") if key in known]
    ordered = {key: known[key] for key in (*first, *(key for key in known if key not in first))}
    return yaml.safe_dump(_covered(ordered), sort_keys=False)


def restorable(item: Mapping[str, Any]) -> dict[str, Any]:
    """An object as it has to be applied to exist again: its kind, name, labels, annotations and everything that is
    specified, without what the server, its controllers and its former owner added."""
    kept = reduced(item)
    metadata = {key: value for key, value in kept["metadata"].items() if key not in _SERVERS_OWN}
    return {**kept, "metadata": metadata}


def save(path: str, item: Mapping[str, Any]) -> None:
    """Write what brings ``item`` back to a private file, as the variable ``manifest``, for ``-e @FILE``. Raises
    UsageError; an existing file is never overwritten."""
    text = yaml.safe_dump({"manifest": restorable(item)}, sort_keys=True)
    try:
        descriptor = os.open(Path(path), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise UsageError(path, f"the manifest cannot be saved there ({error.strerror})") from error


def _covered(value: Any) -> Any:
    if isinstance(value, Mapping):
        named = value.get("name")
        secret = isinstance(named, str) and isinstance(value.get("value"), str) and _SECRET.search(named)
        found = {key: _covered(part) for key, part in value.items() if key != LAST_APPLIED}
        if secret:
            found["value"] = COVERED
        return found
    if isinstance(value, list):
        return [_covered(part) for part in value]
    return value
