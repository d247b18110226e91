"""The parts that projections have in common; equal ones become the same Python object."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from posdeck.cluster.snapshot import EMPTY, Condition, Owner
from posdeck.kubetext.ages import parse_time
from posdeck.kubetext.fields import items, label_map, text
from posdeck.kubetext.quantities import cpu_cores, memory_bytes

REVISION = "deployment.kubernetes.io/revision"
CHANGE_CAUSE = "kubernetes.io/change-cause"
_LAST_APPLIED = (
    "kubectl.kubernetes.io/last-applied-configuration"  # a copy of the object: large, and not ours to keep
)
_LONGEST_ANNOTATION = 4096

cached_cores = lru_cache(maxsize=4096)(cpu_cores)
cached_bytes = lru_cache(maxsize=4096)(memory_bytes)


@lru_cache(maxsize=4096)
def _shared(pairs: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    return MappingProxyType(dict(pairs))


def labels_of(value: object) -> Mapping[str, str]:
    """A map of strings, read-only and shared between equal ones."""
    found = label_map(value)
    return _shared(tuple(found.items())) if found else EMPTY


def annotation_map(value: object) -> Mapping[str, str]:
    """Annotations without kubectl's copy of the object and without whatever else is too long to be read."""
    found = {
        k: v for k, v in label_map(value).items() if k != _LAST_APPLIED and len(v) <= _LONGEST_ANNOTATION
    }
    return _shared(tuple(found.items())) if found else EMPTY


def owner_of(metadata: Mapping[str, Any]) -> Owner | None:
    """The controlling owner."""
    for reference in items(metadata.get("ownerReferences")):
        if reference.get("controller") is True:
            return _owner(
                text(reference.get("kind")), text(reference.get("name")), text(reference.get("uid"))
            )
    return None


@lru_cache(maxsize=4096)
def _owner(kind: str, name: str, uid: str) -> Owner:
    return Owner(kind, name, uid)


def conditions(value: object) -> tuple[Condition, ...]:
    """Status conditions, in the server's order."""
    return tuple([_condition_of(item) for item in items(value)])


def _condition_of(item: Mapping[str, Any]) -> Condition:
    get = item.get
    said = get("type"), get("status"), get("reason"), get("message"), get("lastTransitionTime")
    try:
        return _condition(*said)
    except TypeError:  # a field that cannot be remembered by is no text either
        return _condition(*map(text, said))


@lru_cache(maxsize=8192)
def _condition(type_: object, status: object, reason: object, message: object, changed: object) -> Condition:
    return Condition(text(type_), text(status), text(reason), text(message), parse_time(changed))


def revision_of(metadata: Mapping[str, Any]) -> int | None:
    """The revision that the deployment controller has noted on an object."""
    written = label_map(metadata.get("annotations")).get(REVISION, "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None
