"""Telling whether two pod templates run the same thing: a restart only stamps an annotation, and that stamp
must not look like another version when a revision to go back to is sought."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
POD_TEMPLATE_HASH = "pod-template-hash"


def template_digest(template: Mapping[str, Any] | None) -> str:
    """Sixteen hex digits over a pod template without its restart stamp and the label that replica sets add.

    Takes the raw template of a Deployment or of a ReplicaSet; both give the same digest for one revision.
    Returns "" for a missing or odd template.
    """
    if not isinstance(template, Mapping):
        return ""
    cleaned = dict(template)
    metadata = template.get("metadata")
    if isinstance(metadata, Mapping):
        cleaned["metadata"] = _without_marks(metadata)
    text = json.dumps(cleaned, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def restarted_at(template: Mapping[str, Any] | None) -> str:
    """The restart stamp of a pod template as written (RFC 3339), or ""."""
    if not isinstance(template, Mapping):
        return ""
    metadata = template.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    stamp = annotations.get(RESTARTED_AT) if isinstance(annotations, Mapping) else None
    return stamp if isinstance(stamp, str) else ""


def _without_marks(metadata: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in metadata.items() if k not in {"creationTimestamp"} and v not in ({}, None)}
    for key, mark in (("annotations", RESTARTED_AT), ("labels", POD_TEMPLATE_HASH)):
        entries = kept.get(key)
        if isinstance(entries, Mapping):
            rest = {k: v for k, v in entries.items() if k != mark}
            if rest:
                kept[key] = rest
            else:
                del kept[key]
    return kept
