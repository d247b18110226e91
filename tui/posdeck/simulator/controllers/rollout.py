"""The arithmetic of a rolling update, apart from its objects: how many pods of which replica set there should be.

The rules are those of the deployment controller (pkg/controller/deployment/util in Kubernetes).
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

import orjson

from posdeck.simulator.jsontree import clone, dig
from posdeck.simulator.registry import NAME_ALPHABET

Json = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
HASH_LABEL = "pod-template-hash"


def _bare(template: Json) -> Json:
    copied: Json = clone(template)
    labels = dig(copied, "metadata", "labels")
    if labels:
        labels.pop(HASH_LABEL, None)
    return copied


def same_template(one: Json, other: Json) -> bool:
    """Whether two pod templates are equal but for the hash label."""
    return _bare(one) == _bare(other)


def template_hash(template: Json, collisions: int = 0) -> str:
    """The pod-template-hash: the same for equal templates, however their keys are ordered."""
    text = orjson.dumps(_bare(template), option=orjson.OPT_SORT_KEYS) + (
        str(collisions).encode() if collisions else b""
    )
    number = str(int.from_bytes(hashlib.sha256(text).digest()[:4], "big"))
    return "".join(NAME_ALPHABET[ord(digit) % len(NAME_ALPHABET)] for digit in number)


def _amount(value: Any, of: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * of / 100
        return math.ceil(exact) if up else math.floor(exact)
    return int(value or 0)


def limits(deployment: Json) -> tuple[int, int]:
    """(max surge, max unavailable) in pods."""
    spec = deployment["spec"]
    wanted = spec.get("replicas", 1)
    if spec["strategy"]["type"] == "Recreate":
        return 0, wanted
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = _amount(rolling.get("maxSurge"), wanted, up=True)
    unavailable = _amount(rolling.get("maxUnavailable"), wanted, up=False)
    if not surge and not unavailable:
        unavailable = 1
    return surge, min(unavailable, wanted)


def size(replica_set: Json) -> int:
    """The replicas a replica set is asked for."""
    return int(replica_set["spec"].get("replicas", 0))


def total(replica_sets: list[Json], field: str) -> int:
    """The sum of a status field."""
    return sum(int(dig(rs, "status", field) or 0) for rs in replica_sets)


def revision(obj: Json) -> int:
    """The revision annotation, 0 when it is absent or odd."""
    text = (obj["metadata"].get("annotations") or {}).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def new_size(deployment: Json, new: Json, every: list[Json]) -> int:
    """How large the new replica set may be now: as far as the surge allows."""
    wanted = deployment["spec"].get("replicas", 1)
    if deployment["spec"]["strategy"]["type"] == "Recreate":
        return int(wanted)
    surge, _ = limits(deployment)
    room = wanted + surge - sum(size(rs) for rs in every)
    if size(new) > wanted:
        return int(wanted)
    return int(size(new) + max(0, min(room, wanted - size(new))))


def old_sizes(deployment: Json, new: Json, old: list[Json]) -> dict[str, int]:
    """{name: size} for the old replica sets: unhealthy pods go first, healthy ones as far as availability allows."""
    wanted = deployment["spec"].get("replicas", 1)
    _, unavailable = limits(deployment)
    sizes = {rs["metadata"]["name"]: size(rs) for rs in old}
    if not sum(sizes.values()):
        return sizes
    least = wanted - unavailable
    new_missing = size(new) - int(dig(new, "status", "availableReplicas") or 0)
    budget = sum(sizes.values()) + size(new) - least - new_missing
    ordered = sorted(old, key=lambda rs: rs["metadata"]["creationTimestamp"])
    for rs in ordered:
        name = rs["metadata"]["name"]
        broken = sizes[name] - int(dig(rs, "status", "availableReplicas") or 0)
        cut = max(0, min(budget, broken))
        sizes[name] -= cut
        budget -= cut
    alive = total([new, *old], "availableReplicas")
    spare = alive - least
    for rs in ordered:
        name = rs["metadata"]["name"]
        cut = max(0, min(spare, sizes[name]))
        sizes[name] -= cut
        spare -= cut
    return sizes


def proportional(deployment: Json, active: list[Json]) -> dict[str, int]:
    """{name: size} when the number wanted changes in the middle of a rollout: each keeps its share."""
    wanted = deployment["spec"].get("replicas", 1)
    surge, _ = limits(deployment)
    allowed = wanted + surge if wanted else 0
    current = sum(size(rs) for rs in active)
    to_add = allowed - current
    result: dict[str, int] = {}
    added = 0
    for rs in sorted(active, key=size, reverse=to_add > 0):
        before = int((rs["metadata"].get("annotations") or {}).get(MAXIMUM, "0")) or wanted or 1
        share = round(size(rs) * allowed / before) - size(rs) if to_add else 0
        share = min(share, to_add - added) if to_add > 0 else max(share, to_add - added)
        result[rs["metadata"]["name"]] = max(0, size(rs) + share)
        added += share
    largest = max(active, key=size)["metadata"]["name"]
    result[largest] = max(0, result[largest] + to_add - added)
    return result
