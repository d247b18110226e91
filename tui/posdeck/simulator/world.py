"""What every controller is handed: the store, the verbs, the clock, chance, and a pen for events."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from posdeck.clock import Clock
from posdeck.simulator.jsontree import clone
from posdeck.simulator.registry import Registry, Write
from posdeck.simulator.resources import BY_KIND, EVENTS, Resource
from posdeck.simulator.seed import Seed
from posdeck.simulator.status import StatusError
from posdeck.simulator.store import Store

Json = dict[str, Any]

CONTROLLER_MANAGER = Write("kube-controller-manager")
KUBELET = Write("kubelet")


def iso(moment: datetime) -> str:
    """A moment as ``metav1.Time`` writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class World:
    """The parts the controllers share."""

    seed: Seed
    store: Store
    registry: Registry
    clock: Clock
    rng: random.Random
    recorder: Recorder

    def now_text(self) -> str:
        """Now, as the API writes it."""
        return iso(self.clock.now())

    def write_status(
        self, resource: Resource, obj: Json, status: Json, write: Write = CONTROLLER_MANAGER
    ) -> Json:
        """Store a new status for ``obj``; nothing happens when it is the same."""
        current = self.store.get(resource.key, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        if (
            current is None
            or current["metadata"]["uid"] != obj["metadata"]["uid"]
            or current["status"] == status
        ):
            return current or obj
        changed = {**current, "status": clone(status)}
        return self.registry.update(
            resource, obj["metadata"].get("namespace", ""), changed, replace(write, subresource="status")
        )

    def change(self, resource: Resource, obj: Json, write: Write = CONTROLLER_MANAGER) -> Json:
        """Store a changed copy of an object (not its status)."""
        return self.registry.update(resource, obj["metadata"].get("namespace", ""), obj, write)


class Recorder:
    """Writes events; the same event again raises the count of the one that is there."""

    KEPT_SECONDS = 3600.0

    def __init__(self, store: Store, registry: Registry, clock: Clock) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._seen: dict[tuple[str, str, str, str], str] = {}

    def record(
        self, about: Json, kind: str, reason: str, message: str, *, source: str, host: str = ""
    ) -> None:
        """One event on ``about``; ``kind`` is Normal or Warning, ``source`` the component that says so."""
        meta = about["metadata"]
        namespace = meta.get("namespace") or "default"
        now = iso(self._clock.now())
        key = (meta["uid"], kind, reason, message)
        before = self._store.get("events", namespace, self._seen.get(key, ""))
        if before is not None:
            again = {**before, "count": before["count"] + 1, "lastTimestamp": now}
            self._store.put("events", {**again, "metadata": dict(before["metadata"])})
            return
        name = f"{meta['name']}.{self._stamp():x}"
        reference = {
            "kind": about["kind"],
            "namespace": meta.get("namespace", ""),
            "name": meta["name"],
            "uid": meta["uid"],
            "apiVersion": about["apiVersion"],
            "resourceVersion": meta.get("resourceVersion", ""),
        }
        origin: Json = {"component": source, **({"host": host} if host else {})}
        event = {
            "metadata": {"name": name},
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "source": origin,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "reportingComponent": source,
            "reportingInstance": host,
        }
        try:
            self._registry.create(EVENTS, namespace, event, Write(source))
        except StatusError as error:
            if error.code not in (403, 404):  # the namespace is going, or was never there
                raise
            return
        self._seen[key] = name

    def _stamp(self) -> int:
        return int(self._clock.now().timestamp() * 1e9) + self._store.version

    def forget(self) -> None:
        """Drop events older than an hour, as the API server does."""
        horizon = self._clock.now().timestamp() - self.KEPT_SECONDS
        for event in self._store.each("events"):
            last = (
                event.get("lastTimestamp") or event.get("eventTime") or event["metadata"]["creationTimestamp"]
            )
            if datetime.fromisoformat(last).timestamp() < horizon:
                meta = event["metadata"]
                self._store.remove("events", meta["namespace"], meta["name"])
        alive = {e["metadata"]["name"] for e in self._store.each("events")}
        self._seen = {key: name for key, name in self._seen.items() if name in alive}


def controller_of(obj: Json) -> Json | None:
    """The owner reference of the controller, or None."""
    return next((o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), None)


def owner_reference(owner: Json) -> Json:
    """A controlling owner reference to ``owner``."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def resource_of(obj: Json) -> Resource | None:
    """The resource of an object, by its apiVersion and kind."""
    group, _, _ = obj.get("apiVersion", "").rpartition("/")
    return BY_KIND.get((group, obj.get("kind", "")))


def set_condition(conditions: list[Json], new: Json, now: str) -> list[Json]:
    """``conditions`` with ``new`` in its place; the transition time moves only when the status does."""
    result, found = [], False
    for old in conditions:
        if old["type"] != new["type"]:
            result.append(old)
            continue
        found = True
        moved = now if old["status"] != new["status"] else old.get("lastTransitionTime", now)
        result.append({**new, "lastTransitionTime": moved})
    return result if found else [*result, {**new, "lastTransitionTime": now}]


def condition(conditions: list[Json] | None, kind: str) -> Json | None:
    """The condition of that type, or None."""
    for each in conditions or ():
        if each["type"] == kind:
            return each
    return None
