"""Every kind of the namespace kept live, and one frozen snapshot handed out per tick."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from posdeck.clock import Clock, SystemClock
from posdeck.cluster.identity import is_insecure, missing_namespace, namespace_uid
from posdeck.cluster.kubeconfig import Target
from posdeck.cluster.lineage import Lineage
from posdeck.cluster.metrics import MetricsPoller
from posdeck.cluster.resources import POLLED, WATCHED
from posdeck.cluster.snapshot import Connection, FeedState, Kind, Snapshot
from posdeck.cluster.store import Store
from posdeck.cluster.transport import Transport
from posdeck.cluster.watching import Backoff, Timing, Watcher
from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    PosdeckError,
    ThrottledError,
)

_log = logging.getLogger(__name__)
TICK = 0.1
PROBE_PERIOD = 5.0
LOST_PERIOD = (
    1.0  # between probes of a server that is lost; with the time one waits, recovery within five seconds
)
_PROBE_TIMEOUT = 4.0
_LOST_TIMEOUT = 2.5
_NAMESPACE_EVERY = 3  # probes between two looks at the namespace object
_CLOCK_JUMP = 5.0  # seconds between wall and monotonic time that mean sleep or a set clock

Subscriber = Callable[[Snapshot], None]


class ClusterFeed:
    """Watches a namespace through ``transport`` and recovers by itself; made and used on one event loop.

    Subscribers are called on that loop, at once for the first change after a pause and then at most every
    ``tick`` seconds. They must be quick and must not raise.
    """

    def __init__(
        self,
        transport: Transport,
        target: Target,
        *,
        kinds: Sequence[Kind] = (*WATCHED, *POLLED),
        clock: Clock | None = None,
        rand: random.Random | None = None,
        timing: Timing | None = None,
        tick: float = TICK,
        seen: Snapshot | None = None,
    ) -> None:
        """``seen`` is what a first look has found (``glance``): shown until the lists are there."""
        self._transport = transport
        self._target = target
        self._clock = clock or SystemClock()
        self._random = rand or random.Random()  # noqa: S311 — jitter, not a secret
        self._timing = timing or Timing()
        self._tick = tick
        self._store = Store(self._clock)
        self._subscribers: list[Subscriber] = []
        self._task: asyncio.Task[None] | None = None
        self._store.connection = Connection(
            context=target.context,
            server=target.server.url,
            namespace=target.namespace,
            insecure=is_insecure(target),
        )
        namespace = target.namespace
        watched = [kind for kind in kinds if kind in WATCHED]
        self._lineage = Lineage(transport, target, self._store, self._clock)
        self._watchers = [
            Watcher(
                kind, transport, namespace, self._store, self._clock,
                origin=self._lineage.origin(), rand=self._random, timing=self._timing,
            )
            for kind in watched
        ]  # fmt: skip
        for each in self._watchers:
            each.recovered = self._hurry
        self._pollers = [
            MetricsPoller(
                kind, transport, namespace, self._store, self._clock, rand=self._random, timing=self._timing
            )
            for kind in kinds
            if kind in POLLED
        ]
        for kind in kinds:
            self._store.set_state(kind, FeedState.CONNECTING)
        if seen is not None:
            self._store.begin_with(seen)
        self._store.changed.clear()  # nothing to show yet, and the first page must not wait for a tick

    @property
    def snapshot(self) -> Snapshot:
        """The present picture."""
        return self._store.snapshot()

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call ``subscriber`` with each new snapshot; returns what ends that."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber) if subscriber in self._subscribers else None

    def start(self) -> None:
        """Begin, in a task of its own. Harmless when begun already."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self.run(), name="cluster feed")

    async def stop(self) -> None:
        """End, and wait for the end. The transport stays open."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def run(self) -> None:
        """Keep the picture live until cancelled."""
        while True:
            try:
                await self._run()
            except* (
                Exception
            ) as problems:  # a defect of ours must show as stale data, not as a picture that stands
                _log.exception("the feed failed")
                problem = problems.exceptions[0]
                error = ClusterError(
                    self._target.server.url, f"internal error: {problem!r}", "Please report it."
                )
                for watcher in self._watchers:
                    self._store.set_state(watcher.kind, FeedState.STALE, str(error))
                self._publish()
            await self._clock.sleep(self._timing.longest_pause)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for watcher in self._watchers:
                group.create_task(watcher.run(), name=f"feed {watcher.kind}")
            for poller in self._pollers:
                group.create_task(poller.run(), name=f"feed {poller.kind}")
            group.create_task(self._identify(), name="feed identity")
            group.create_task(self._probe_for_ever(), name="feed probe")
            group.create_task(self._publish_for_ever(), name="feed publisher")

    async def wait_for(self, condition: Callable[[Snapshot], bool]) -> Snapshot:
        """The first snapshot that fulfils ``condition``, the present one included. Bound the wait."""
        found: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()

        def look(snapshot: Snapshot) -> None:
            if not found.done() and condition(snapshot):
                found.set_result(snapshot)

        look(self.snapshot)
        unsubscribe = self.subscribe(look)
        try:
            return await found
        finally:
            unsubscribe()

    async def _publish_for_ever(self) -> None:
        last = float("-inf")
        while True:
            await self._store.changed.wait()
            tick = self._tick if self._settled() else self._tick / 5
            pause = last + tick - self._clock.monotonic()
            if pause > 0:
                await self._clock.sleep(pause)
            self._publish()
            last = self._clock.monotonic()

    def _settled(self) -> bool:
        """Whether every kind has said something; until then snapshots follow faster."""
        feeds = self._store.snapshot().feeds.values()
        return all(feed.state is not FeedState.CONNECTING for feed in feeds)

    def _publish(self) -> None:
        self._store.changed.clear()
        snapshot = self._store.snapshot()
        for subscriber in tuple(self._subscribers):
            subscriber(snapshot)

    async def _identify(self) -> None:
        """Read who and where we are; again until it succeeds."""
        backoff = Backoff(self._timing, self._random)
        while self._lineage.known is None:
            try:
                await self._lineage.identify()
            except PosdeckError as error:
                self._store.connection = replace(self._store.connection, problem=str(error))
                await self._clock.sleep(backoff.next())

    async def _probe_for_ever(self) -> None:
        count, lost = 0, False
        while True:
            await self._until_next_probe(LOST_PERIOD if lost else PROBE_PERIOD)
            count += 1
            lost = await self._probe(was_lost=lost)
            if not lost and count % _NAMESPACE_EVERY == 0:
                await self._look_at_namespace()
            if self._subscribers and not self._store.changed.is_set():
                self._publish()  # confirmations alone do not wake the publisher

    async def _until_next_probe(self, seconds: float) -> None:
        """Sleep, and look each second whether the machine slept as well or its clock was set."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            wall, steady = self._clock.now(), self._clock.monotonic()
            await self._clock.sleep(min(left, LOST_PERIOD))
            slept = (self._clock.now() - wall).total_seconds() - (self._clock.monotonic() - steady)
            if abs(slept) > _CLOCK_JUMP:
                self._reopen_all("this machine slept, or its clock was set")
                return

    async def _probe(self, *, was_lost: bool) -> bool:
        """Ask the server for a sign of life when no stream has brought one; whether it is lost."""
        heard = max((w.heard_at for w in self._watchers), default=float("-inf"))
        if not was_lost and self._clock.monotonic() - heard < PROBE_PERIOD:
            self._confirm_live()
            return False
        timeout = _LOST_TIMEOUT if was_lost else _PROBE_TIMEOUT
        try:
            await self._transport.request("GET", "/version", timeout=timeout)
        except AuthExpiredError as error:
            self._mark_live(FeedState.AUTH_EXPIRED, str(error))
            return True
        except (ForbiddenError, NotFoundError, InvalidError, ThrottledError):
            pass  # it answers, which is all that was asked
        except ClusterError as error:
            self._mark_live(FeedState.STALE, str(error))
            if not was_lost:
                self._transport.doubt()  # the next probe must not wait on what is dead
            return True
        if was_lost:  # what was opened before the break may be dead without knowing it
            self._reopen_all("the connection was lost for a while")
        self._confirm_live()
        return False

    async def _look_at_namespace(self) -> None:
        try:
            uid = await namespace_uid(self._transport, self._target.namespace)
        except ClusterError:
            return  # the watches meet the same fault and report it
        problem = missing_namespace(self._target.namespace) if uid is None else ""
        connection = self._store.connection
        if self._lineage.known is None:
            return
        self._store.connection = replace(connection, problem=problem)
        if uid and connection.namespace_uid and uid != connection.namespace_uid:
            self._reopen_all("the namespace has been made anew")

    def _hurry(self) -> None:
        """The first kind that works again wakes the others: pauses are long for a server that goes on failing."""
        for watcher in self._watchers:
            watcher.hurry()

    def _reopen_all(self, reason: str) -> None:
        for watcher in self._watchers:
            watcher.reopen(reason)

    def _confirm_live(self) -> None:
        for watcher in self._watchers:
            if self._store.feed(watcher.kind).state is FeedState.LIVE:
                self._store.confirm(watcher.kind)

    def _mark_live(self, state: FeedState, reason: str) -> None:
        for watcher in self._watchers:
            if self._store.feed(watcher.kind).state is FeedState.LIVE:
                self._store.set_state(watcher.kind, state, reason)
