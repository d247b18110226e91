"""Which cluster the versions of each kind are of: the server behind an address may be exchanged at any moment, and
versions of one cluster mean nothing in another, though both would take them.

A list and the watch that follows it are two requests. What they brought is of one cluster only if that cluster's
identity was read before the list and, unchanged, after the watch was open.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from posdeck.clock import Clock
from posdeck.cluster.identity import namespace_uid, read_connection
from posdeck.cluster.kubeconfig import Target
from posdeck.cluster.store import Store
from posdeck.cluster.transport import Transport

Uids = tuple[str, str]  # of the namespace and of kube-system; "" for what may not be read


class Origin(Protocol):
    """Of which cluster one kind is."""

    async def begin(self, since: float | None) -> None:
        """A list begins: what it brings counts as the cluster's that is there after the monotonic time ``since``;
        None where nothing has broken yet, and then nothing is waited for. Raises the ClusterError tree."""
        ...

    async def same(self, since: float) -> bool | None:
        """Whether the cluster, asked after ``since``, is the one that was there when the list began; None where no
        UID may be read, so that it cannot be told. Raises the ClusterError tree."""
        ...


class Lineage:
    """Reads the identity of the cluster, into ``store.connection`` as well, and compares it for each kind."""

    def __init__(self, transport: Transport, target: Target, store: Store, clock: Clock) -> None:
        self.known: Uids | None = None  # the identity read last
        self._transport = transport
        self._target = target
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._asked_at = float("-inf")

    def origin(self) -> Origin:
        """For one kind."""
        return _Origin(self)

    async def identify(self) -> None:
        """Read who and where we are for the first time. Raises the ClusterError tree."""
        async with self._lock:
            await self._read()

    async def present(self, since: float) -> Uids:
        """The identity asked after ``since``; one answer serves all who need none younger. Raises the ClusterError
        tree."""
        async with self._lock:
            if self.known is None or self._asked_at < since:
                return await self._read()
            return self.known

    async def _read(self) -> Uids:
        """The two UIDs are enough while they are those known already."""
        asked_at = self._clock.monotonic()
        if self.known is None or await self._read_uids() != self.known:
            connection = await read_connection(self._transport, self._target)
            self._store.connection = connection
            self.known = connection.namespace_uid, connection.cluster_uid
        self._asked_at = asked_at
        return self.known

    async def _read_uids(self) -> Uids:
        namespace, cluster = await asyncio.gather(
            namespace_uid(self._transport, self._target.namespace),
            namespace_uid(self._transport, "kube-system"),
        )
        return namespace or "", cluster or ""


class _Origin:
    def __init__(self, lineage: Lineage) -> None:
        self._lineage = lineage
        self._held: Uids | None = None

    async def begin(self, since: float | None) -> None:
        self._held = self._lineage.known if since is None else await self._lineage.present(since)

    async def same(self, since: float) -> bool | None:
        if self._held is None:  # the first list and the first identity are asked for at the same time
            self._held = self._lineage.known
        now = await self._lineage.present(since)
        if self._held != now:
            return False
        return True if any(now) else None
