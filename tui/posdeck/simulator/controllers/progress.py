"""A deployment's status: the counts, and the Available and Progressing conditions with their reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from posdeck.simulator.controllers import rollout
from posdeck.simulator.jsontree import dig
from posdeck.simulator.world import condition, iso

Json = dict[str, Any]


def deployment_status(
    deployment: Json, owned: list[Json], new: Json | None, now: datetime, *, created: bool = False
) -> Json:
    """The status that follows from the replica sets; ``created`` says that ``new`` was made just now."""
    before = deployment.get("status") or {}
    alive, wanted = rollout.total(owned, "availableReplicas"), deployment["spec"].get("replicas", 1)
    status: Json = {"observedGeneration": deployment["metadata"]["generation"]}
    if "collisionCount" in before:
        status["collisionCount"] = before["collisionCount"]
    going = rollout.total(owned, "terminatingReplicas")
    counts = {
        "replicas": rollout.total(owned, "replicas"),
        "updatedReplicas": rollout.total([new] if new else [], "replicas"),
        "readyReplicas": rollout.total(owned, "readyReplicas"),
        "availableReplicas": alive,
        "unavailableReplicas": max(0, max(wanted, sum(rollout.size(rs) for rs in owned)) - alive),
    }
    status |= {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = going
    conditions = _with(before.get("conditions") or [], _available(deployment, alive), now)
    if created and new is not None and deployment["spec"].get("progressDeadlineSeconds") is not None:
        conditions = _with(conditions, _created(new), now)
    status["conditions"] = _progress(deployment, conditions, status, new, now)
    failures = [
        c for rs in owned for c in dig(rs, "status", "conditions") or () if c["type"] == "ReplicaFailure"
    ]
    if failures:
        kept = {k: failures[0][k] for k in ("type", "status", "reason", "message")}
        status["conditions"] = _with(status["conditions"], kept, now)
    else:
        status["conditions"] = [c for c in status["conditions"] if c["type"] != "ReplicaFailure"]
    return status


def _created(new: Json) -> Json:
    return {
        "type": "Progressing",
        "status": "True",
        "reason": "NewReplicaSetCreated",
        "message": f'Created new replica set "{new["metadata"]["name"]}"',
    }


def _available(deployment: Json, alive: int) -> Json:
    _, unavailable = rollout.limits(deployment)
    if alive >= deployment["spec"].get("replicas", 1) - unavailable:
        return {
            "type": "Available",
            "status": "True",
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
    return {
        "type": "Available",
        "status": "False",
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
    }


def _with(conditions: list[Json], new: Json, now: datetime, *, touch: bool = False) -> list[Json]:
    """``new`` among the others; the update time moves with status or reason (or ``touch``), the transition time
    with the status only."""
    old = condition(conditions, new["type"])
    if (
        old is not None
        and old["status"] == new["status"]
        and old.get("reason") == new["reason"]
        and not touch
    ):
        return conditions
    moved = old is None or old["status"] != new["status"]
    made = {
        **new,
        "lastUpdateTime": iso(now),
        "lastTransitionTime": iso(now) if old is None or moved else old["lastTransitionTime"],
    }
    return [*(c for c in conditions if c["type"] != new["type"]), made]


def _progress(
    deployment: Json, conditions: list[Json], status: Json, new: Json | None, now: datetime
) -> list[Json]:
    spec, name = deployment["spec"], deployment["metadata"]["name"]
    deadline = spec.get("progressDeadlineSeconds")
    old = condition(conditions, "Progressing")
    if deadline is None:
        return [c for c in conditions if c["type"] != "Progressing"]

    def made(state: str, reason: str, message: str, *, touch: bool = False) -> list[Json]:
        fresh = {"type": "Progressing", "status": state, "reason": reason, "message": message}
        return _with(conditions, fresh, now, touch=touch)

    if spec.get("paused"):
        return made("Unknown", "DeploymentPaused", "Deployment is paused")
    if old is not None and old.get("reason") == "DeploymentPaused":
        return made("Unknown", "DeploymentResumed", "Deployment is resumed")
    settled = old is not None and old.get("reason") == "NewReplicaSetAvailable"
    if settled and status.get("replicas", 0) == status.get("updatedReplicas", 0):
        return conditions  # scaling an update that was complete is not a rollout
    called = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{name}"'
    if _complete(deployment, status):
        return made("True", "NewReplicaSetAvailable", f"{called} has successfully progressed.")
    if old is None and new is not None:
        return _with(conditions, _created(new), now)
    if _moved(deployment.get("status") or {}, status):
        touch = old is not None and old.get("reason") == "ReplicaSetUpdated"
        return made("True", "ReplicaSetUpdated", f"{called} is progressing.", touch=touch)
    if old is None or settled:
        return conditions
    since = datetime.fromisoformat(old["lastUpdateTime"])
    if (now - since).total_seconds() > deadline:
        return made("False", "ProgressDeadlineExceeded", f"{called} has timed out progressing.")
    return conditions


def _complete(deployment: Json, status: Json) -> bool:
    wanted = deployment["spec"].get("replicas", 1)
    return all(
        status.get(field, 0) == wanted for field in ("updatedReplicas", "replicas", "availableReplicas")
    )


def _moved(before: Json, after: Json) -> bool:
    def old(field: str) -> int:
        return int(before.get(field) or 0)

    def new(field: str) -> int:
        return int(after.get(field) or 0)

    was_old = old("replicas") - old("updatedReplicas")
    is_old = new("replicas") - new("updatedReplicas")
    return (
        new("updatedReplicas") > old("updatedReplicas")
        or is_old < was_old
        or new("readyReplicas") > old("readyReplicas")
        or new("availableReplicas") > old("availableReplicas")
    )
