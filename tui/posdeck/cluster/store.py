"""The one mutable picture of the namespace, and the frozen snapshots made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from posdeck.clock import Clock
from posdeck.cluster.snapshot import Connection, Feed, FeedState, Kind, Snapshot

_FIELDS = {
    Kind.PODS: "pods",
    Kind.DEPLOYMENTS: "deployments",
    Kind.REPLICA_SETS: "replica_sets",
    Kind.HPAS: "hpas",
    Kind.SERVICES: "services",
    Kind.EVENTS: "events",
    Kind.NODES: "nodes",
    Kind.POD_METRICS: "pod_usage",
    Kind.NODE_METRICS: "node_usage",
}
PARTS = 0.5  # seconds between snapshots of a kind that comes in parts: drawing each would hold up the next


class Store:
    """Records by kind and name. ``changed`` is set by whatever a screen should see at the next tick."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._objects: dict[Kind, dict[str, Any]] = {kind: {} for kind in Kind}
        self._frozen: dict[Kind, Mapping[str, Any]] = {}
        self._feeds: dict[Kind, Feed] = {}
        self._connection = Connection()
        self._last = Snapshot()
        self._stale = False  # whether _last lacks something
        self._told_part = float("-inf")  # monotonic: when a part was last worth a snapshot
        self.changed = asyncio.Event()

    @property
    def connection(self) -> Connection:
        return self._connection

    @connection.setter
    def connection(self, value: Connection) -> None:
        if value != self._connection:
            self._connection = value
            self._touch()

    def feed(self, kind: Kind) -> Feed:
        """The state of one kind."""
        return self._feeds.get(kind) or Feed(kind)

    def begin_with(self, seen: Snapshot) -> None:
        """Show what a first look found until each kind has been listed: records and when they were read."""
        for kind, field in _FIELDS.items():
            feed = seen.feed(kind)
            if feed.confirmed_at is not None:
                self._objects[kind] = dict(getattr(seen, field))
                self._frozen.pop(kind, None)
                self._feeds[kind] = replace(self.feed(kind), confirmed_at=feed.confirmed_at, total=feed.total)
                self._touch()

    def replace(self, kind: Kind, records: Mapping[str, Any]) -> None:
        """Take ``records`` for all there is of a kind; unchanged ones stay the objects they were."""
        old = self._objects[kind]
        new = {name: _kept(old.get(name), record) for name, record in records.items()}
        if len(new) != len(old) or any(old.get(name) is not record for name, record in new.items()):
            self._objects[kind] = new
            self._frozen.pop(kind, None)
            self._touch()

    def extend(
        self, kind: Kind, records: Mapping[str, Any], total: int | None, *, first: bool = False
    ) -> None:
        """Show a part of a kind not seen whole yet, the ``first`` in place of all that was shown before;
        ``total`` is how many there will be."""
        if first:
            self._objects[kind] = {}
        self._objects[kind].update(records)
        self._frozen.pop(kind, None)
        self._feeds[kind] = replace(self.feed(kind), total=total)
        self._stale = True
        if first or self._clock.monotonic() - self._told_part >= PARTS:
            self._told_part = self._clock.monotonic()
            self._touch()

    def put(self, kind: Kind, record: Any) -> None:
        """Add or replace one record."""
        objects = self._objects[kind]
        old = objects.get(record.name)
        new = _kept(old, record)
        if new is not old:
            objects[record.name] = new
            self._frozen.pop(kind, None)
            self._touch()

    def remove(self, kind: Kind, name: str, uid: str) -> None:
        """Forget one record, unless another object of that name has taken its place."""
        old = self._objects[kind].get(name)
        if old is not None and (not uid or getattr(old, "uid", uid) == uid):
            del self._objects[kind][name]
            self._frozen.pop(kind, None)
            self._touch()

    def clear(self, kind: Kind) -> None:
        """Forget all records of a kind: what may no longer be read must not be shown as if it were so."""
        self.replace(kind, {})

    def confirm(self, kind: Kind, resource_version: str = "") -> None:
        """The server has just confirmed that a kind is up to date. Shown with the next change or probe."""
        feed = self.feed(kind)
        self._feeds[kind] = replace(
            feed, confirmed_at=self._clock.now(), resource_version=resource_version or feed.resource_version
        )
        self._stale = True

    def set_state(self, kind: Kind, state: FeedState, reason: str = "", *, whole: bool = False) -> None:
        """Move a kind to ``state``, since now. ``whole`` ends the showing of a first part."""
        feed = self.feed(kind)
        since = feed.since if feed.state is state and feed.since is not None else self._clock.now()
        total = None if whole else feed.total
        new = replace(feed, state=state, reason=reason, since=since, total=total)
        if new != feed:
            self._feeds[kind] = new
            self._touch()

    def snapshot(self) -> Snapshot:
        """The present picture; the very same object as before when nothing has changed."""
        if not self._stale:
            return self._last
        for kind, objects in self._objects.items():
            if kind not in self._frozen:
                self._frozen[kind] = MappingProxyType(dict(objects))
        self._last = Snapshot(
            revision=self._last.revision + 1,
            taken_at=self._clock.now(),
            connection=self._connection,
            feeds=MappingProxyType(dict(self._feeds)),
            **{field: self._frozen[kind] for kind, field in _FIELDS.items()},
        )
        self._stale = False
        return self._last

    def _touch(self) -> None:
        self._stale = True
        self.changed.set()


def _kept(old: Any, new: Any) -> Any:
    """``old`` where ``new`` says nothing else."""
    if old is None:
        return new
    version = getattr(new, "resource_version", "")
    if version and old.resource_version == version and old.uid == new.uid:
        return old
    return old if old == new else new
