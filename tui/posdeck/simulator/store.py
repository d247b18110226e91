"""The objects, their versions and their history: what etcd is to an API server.

An object that is in the store is never changed; a write puts a new one in its place. So a reader may keep what
it was given, a page of a list costs only references, and a watcher can be handed the very objects.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from posdeck.simulator.status import gone

Json = dict[str, Any]
Key = tuple[str, str]  # namespace ("" at cluster scope), name


@dataclass(frozen=True, slots=True)
class Change:
    """One write. ``type`` is ADDED, MODIFIED or DELETED; ``previous`` is what was there before."""

    version: int
    type: str
    object: Json
    previous: Json | None


class Subscription:
    """The changes of one kind since it was made, in order. A reader that falls too far behind is cut off."""

    LIMIT = 50_000

    def __init__(self) -> None:
        self._pending: deque[Change] = deque()
        self._filled = asyncio.Event()
        self.overflowed = False
        self.closed = False

    def push(self, change: Change) -> None:
        """Called by the store."""
        if len(self._pending) >= self.LIMIT:
            self.overflowed = True
            self._pending.clear()
        if not self.overflowed:
            self._pending.append(change)
        self._filled.set()

    def close(self) -> None:
        """Wake the reader for the last time."""
        self.closed = True
        self._filled.set()

    def take(self) -> list[Change]:
        """What is there now, without waiting."""
        changes = list(self._pending)
        self._pending.clear()
        self._filled.clear()
        return changes

    async def wait(self) -> None:
        """Return when there is something to take, or the subscription ended."""
        if not self.closed and not self.overflowed:
            await self._filled.wait()


class Store:
    """Objects by kind and (namespace, name), one counter of versions for all."""

    FIRST_VERSION = 480_000

    def __init__(self, *, history: int = 20_000) -> None:
        self.version = self.FIRST_VERSION
        self._history = history
        self._objects: dict[str, dict[Key, Json]] = {}
        self._changes: dict[str, deque[Change]] = {}
        self._floor: dict[str, int] = {}  # changes up to this version are forgotten
        self._compacted = self.FIRST_VERSION
        self._subscriptions: dict[str, set[Subscription]] = {}
        self._listeners: list[Callable[[str, Change], None]] = []
        self._owned: dict[str, set[tuple[str, Key]]] = {}

    def listen(self, callback: Callable[[str, Change], None]) -> None:
        """Have ``callback(kind, change)`` called within every write; it must not write itself."""
        self._listeners.append(callback)

    def get(self, kind: str, namespace: str, name: str) -> Json | None:
        """The object, or None. It must not be changed."""
        return self._objects.get(kind, {}).get((namespace, name))

    def all(self, kind: str, namespace: str = "") -> list[Json]:
        """All of a kind in the order of their keys; ``namespace`` "" means every one."""
        found = self._objects.get(kind, {})
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def each(self, kind: str) -> Iterator[Json]:
        """All of a kind in no particular order."""
        return iter(list(self._objects.get(kind, {}).values()))

    def count(self, kind: str) -> int:
        """How many there are."""
        return len(self._objects.get(kind, {}))

    def owned(self, uid: str) -> list[tuple[str, Json]]:
        """(kind, object) of everything that names ``uid`` among its owners."""
        return [(kind, self._objects[kind][key]) for kind, key in sorted(self._owned.get(uid, ()))]

    def put(self, kind: str, obj: Json) -> Json:
        """Store ``obj`` (which belongs to the store from now on) under its own name with a new version."""
        meta = obj["metadata"]
        key = (meta.get("namespace", ""), meta["name"])
        previous = self._objects.setdefault(kind, {}).get(key)
        self.version += 1
        meta["resourceVersion"] = str(self.version)
        self._objects[kind][key] = obj
        self._index(kind, key, previous, obj)
        self._announce(kind, Change(self.version, "MODIFIED" if previous else "ADDED", obj, previous))
        return obj

    def remove(self, kind: str, namespace: str, name: str) -> Json | None:
        """Take an object out; the one returned carries the version of its removal."""
        previous = self._objects.get(kind, {}).pop((namespace, name), None)
        if previous is None:
            return None
        self.version += 1
        last = {**previous, "metadata": {**previous["metadata"], "resourceVersion": str(self.version)}}
        self._index(kind, (namespace, name), previous, None)
        self._announce(kind, Change(self.version, "DELETED", last, previous))
        return last

    def subscribe(self, kind: str) -> Subscription:
        """Start to collect changes of ``kind``; end it with ``unsubscribe``."""
        subscription = Subscription()
        self._subscriptions.setdefault(kind, set()).add(subscription)
        return subscription

    def unsubscribe(self, kind: str, subscription: Subscription) -> None:
        """Stop collecting."""
        self._subscriptions.get(kind, set()).discard(subscription)

    def close(self) -> None:
        """End every subscription."""
        for subscriptions in self._subscriptions.values():
            for subscription in subscriptions:
                subscription.close()

    def since(self, kind: str, version: int) -> list[Change]:
        """The changes after ``version``. Raises 410 when they are no longer known."""
        oldest = max(self._floor.get(kind, self.FIRST_VERSION), self._compacted)
        if version < oldest:
            raise gone(version, oldest)
        return [change for change in self._changes.get(kind, ()) if change.version > version]

    def compact(self) -> None:
        """Forget all history up to now."""
        self._compacted = self.version
        for changes in self._changes.values():
            changes.clear()

    @property
    def compacted(self) -> int:
        """The version up to which history was last forgotten."""
        return self._compacted

    def _announce(self, kind: str, change: Change) -> None:
        changes = self._changes.setdefault(kind, deque())
        changes.append(change)
        if len(changes) > self._history:
            self._floor[kind] = changes.popleft().version
        for subscription in self._subscriptions.get(kind, ()):
            subscription.push(change)
        for callback in self._listeners:
            callback(kind, change)

    def _index(self, kind: str, key: Key, before: Json | None, after: Json | None) -> None:
        old = {o.get("uid", "") for o in (before or {}).get("metadata", {}).get("ownerReferences") or ()}
        new = {o.get("uid", "") for o in (after or {}).get("metadata", {}).get("ownerReferences") or ()}
        for uid in old - new:
            self._owned.get(uid, set()).discard((kind, key))
        for uid in new - old:
            self._owned.setdefault(uid, set()).add((kind, key))
