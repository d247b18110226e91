"""Keeps the number of a replica set's pods, by the rules of the real controller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from posdeck.simulator.jsontree import clone, dig
from posdeck.simulator.registry import DeleteOptions
from posdeck.simulator.resources import PODS, REPLICA_SETS
from posdeck.simulator.status import StatusError
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import (
    CONTROLLER_MANAGER,
    World,
    condition,
    controller_of,
    owner_reference,
    set_condition,
)

Json = dict[str, Any]

BURST = 500
FIRST_RETRY, LONGEST_RETRY = 5.0, 300.0  # seconds
SOURCE = "replicaset-controller"


def is_active(pod: Json) -> bool:
    """Whether a pod counts towards the number wanted."""
    phase = (pod.get("status") or {}).get("phase")
    return phase not in ("Succeeded", "Failed") and "deletionTimestamp" not in pod["metadata"]


def is_ready(pod: Json) -> bool:
    """Whether the pod's Ready condition is true."""
    for each in (pod.get("status") or {}).get("conditions") or ():
        if each["type"] == "Ready":
            return bool(each["status"] == "True")
    return False


class ReplicaSetController:
    """Creates and deletes pods."""

    name = "replicaset"

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        if kind == REPLICA_SETS.key:
            return [(meta["namespace"], meta["name"])]
        if kind == PODS.key:
            owner = controller_of(change.object)
            if owner is not None and owner["kind"] == "ReplicaSet":
                return [(meta["namespace"], owner["name"])]
        return []

    def reconcile(self, key: Key) -> float | None:
        replica_set = self._world.store.get(REPLICA_SETS.key, *key)
        if replica_set is None:
            return None
        owned = [o for k, o in self._world.store.owned(replica_set["metadata"]["uid"]) if k == PODS.key]
        pods = [pod for pod in owned if is_active(pod)]
        failure = None
        if "deletionTimestamp" not in replica_set["metadata"]:
            failure = self._size(replica_set, pods)
        owned = [o for k, o in self._world.store.owned(replica_set["metadata"]["uid"]) if k == PODS.key]
        return self._status(replica_set, owned, failure)

    def _size(self, replica_set: Json, pods: list[Json]) -> StatusError | None:
        wanted = replica_set["spec"].get("replicas", 1)
        if len(pods) < wanted:
            try:
                for _ in range(min(wanted - len(pods), BURST)):
                    self._create(replica_set)
            except StatusError as error:
                self._world.recorder.record(
                    replica_set, "Warning", "FailedCreate", f"Error creating: {error.message}", source=SOURCE
                )
                return error
        spare = max(0, len(pods) - wanted)
        for pod in sorted(pods, key=self._rank)[:spare] if spare else ():
            meta = pod["metadata"]
            self._world.registry.delete(PODS, meta["namespace"], meta["name"], DeleteOptions())
            self._world.recorder.record(
                replica_set, "Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}", source=SOURCE
            )
        return None

    def _create(self, replica_set: Json) -> None:
        template, meta = replica_set["spec"]["template"], replica_set["metadata"]
        head = clone(template.get("metadata") or {})
        head["generateName"] = f"{meta['name']}-"
        head["ownerReferences"] = [owner_reference(replica_set)]
        body = {"metadata": head, "spec": clone(template["spec"])}
        pod = self._world.registry.create(PODS, meta["namespace"], body, CONTROLLER_MANAGER)
        self._world.recorder.record(
            replica_set,
            "Normal",
            "SuccessfulCreate",
            f"Created pod: {pod['metadata']['name']}",
            source=SOURCE,
        )

    @staticmethod
    def _rank(pod: Json) -> tuple[bool, bool, bool, int, float, str]:
        """Who goes first: unassigned, pending, not ready, cheaper, younger."""
        cost = int(
            (pod["metadata"].get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", 0)
        )
        born = datetime.fromisoformat(pod["metadata"]["creationTimestamp"]).timestamp()
        return (
            bool(pod["spec"].get("nodeName")),
            dig(pod, "status", "phase") == "Running",
            is_ready(pod),
            cost,
            -born,
            pod["metadata"]["name"],
        )

    def _status(self, replica_set: Json, owned: list[Json], failure: StatusError | None) -> float | None:
        active = [pod for pod in owned if is_active(pod)]
        ready = [pod for pod in active if is_ready(pod)]
        settled, soonest = available(ready, replica_set["spec"].get("minReadySeconds", 0), self._world)
        labels = (dig(replica_set, "spec", "template", "metadata", "labels") or {}).items()
        full = [p for p in active if all((p["metadata"].get("labels") or {}).get(k) == v for k, v in labels)]
        going = sum("deletionTimestamp" in pod["metadata"] for pod in owned)
        status: Json = {
            "replicas": len(active),
            "observedGeneration": replica_set["metadata"]["generation"],
            "terminatingReplicas": going,
        }
        for name, count in (
            ("fullyLabeledReplicas", len(full)),
            ("readyReplicas", len(ready)),
            ("availableReplicas", settled),
        ):
            if count:
                status[name] = count
        if failure is None:
            self._world.write_status(REPLICA_SETS, replica_set, status)
            return soonest
        conditions = dig(replica_set, "status", "conditions") or []
        failing = condition(conditions, "ReplicaFailure")
        if failing is None or failing["status"] != "True":
            new = {
                "type": "ReplicaFailure",
                "status": "True",
                "reason": "FailedCreate",
                "message": failure.message,
            }
            conditions = set_condition(conditions, new, self._world.now_text())
            failing = condition(conditions, "ReplicaFailure")
        # the first message stays: each attempt names another pod, and a status that changes is looked at again
        self._world.write_status(REPLICA_SETS, replica_set, {**status, "conditions": conditions})
        return self._patience(failing or {})

    def _patience(self, failing: Json) -> float:
        """Seconds until pods are tried again: as long as it has failed, within bounds."""
        since = datetime.fromisoformat(failing["lastTransitionTime"])
        lasted = (self._world.clock.now() - since).total_seconds()
        return min(LONGEST_RETRY, max(FIRST_RETRY, lasted))


def available(ready: list[Json], minimum: int, world: World) -> tuple[int, float | None]:
    """(how many have been ready for ``minimum`` seconds, when the next will have been)."""
    if not minimum:
        return len(ready), None
    now, count, waits = world.clock.now(), 0, []
    for pod in ready:
        since = condition(pod["status"]["conditions"], "Ready") or {}
        held = (now - datetime.fromisoformat(since["lastTransitionTime"])).total_seconds()
        if held >= minimum:
            count += 1
        else:
            waits.append(minimum - held)
    return count, min(waits, default=None)
