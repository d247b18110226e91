"""What an act is going to do, and the hash that a confirmation or an approval binds to.

The hash covers the definition, the variables (with the restart stamp, fixed when planning), the identity of
each object and what changes in it. Replicas enter only where the plan changes them, so an HPA at work voids
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import JsonValue

from posdeck.runbooks.digests import canonical

RESTART_STAMP = "posdeck_restarted_at"

_VOLATILE = (
    "/status/",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/managedFields/",
    "/metadata/creationTimestamp",
    "/metadata/selfLink",
    "/metadata/annotations/deployment.kubernetes.io~1revision",
)


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an object: a JSON pointer, and both values as JSON text; None where it is absent."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """One object that the act touches. ``template_hash`` leaves the pod template's restart stamp out."""

    kind: str
    namespace: str
    name: str
    uid: str
    template_hash: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A previewed act. ``notes`` (what it hits, who else owns the object) are for people and not hashed;
    ``before`` is what a rollback may ask for as ``before.name``."""

    playbook: str
    target: str
    variables: Mapping[str, JsonValue]
    objects: tuple[PlannedObject, ...]
    notes: tuple[str, ...] = ()
    before: Mapping[str, JsonValue] = field(default_factory=dict)


def plan_hash(definition: str, plan: Plan) -> str:
    """SHA-256 in hex of a plan under a definition's digest."""
    objects = sorted(
        (
            [each.kind, each.namespace, each.name, each.uid, each.template_hash],
            sorted([change.path, change.before, change.after] for change in each.changes),
        )
        for each in plan.objects
    )
    whole = {
        "definition": definition,
        "playbook": plan.playbook,
        "target": plan.target,
        "variables": dict(plan.variables),
        "objects": objects,
    }
    return hashlib.sha256(canonical(whole)).hexdigest()


def changes_between(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> tuple[Change, ...]:
    """What a (dry) run changed in an object, by field, without what the server itself counts up.

    None stands for an object that does not exist: created or deleted.
    """
    old = dict(_leaves(before, "")) if before is not None else {}
    new = dict(_leaves(after, "")) if after is not None else {}
    return tuple(
        Change(path, old.get(path), new.get(path))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path) and not f"{path}/".startswith(_VOLATILE)
    )


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _leaves(part, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list | tuple) and value:
        for index, part in enumerate(value):
            yield from _leaves(part, f"{path}/{index}")
    else:
        yield path, canonical(value).decode()
