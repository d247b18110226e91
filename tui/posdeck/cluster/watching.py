"""One kind, listed and then watched for ever: whatever breaks is shown, waited out and made good.

A break never loses an event: the watch goes on from the last version seen, or the list is read again when
the server has dropped that version, or when it cannot be proved to be the same cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from posdeck.clock import Clock
from posdeck.cluster.lineage import Origin
from posdeck.cluster.listing import PAGE, collector_paused, list_pages
from posdeck.cluster.projection import project
from posdeck.cluster.resources import RESOURCES
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.cluster.store import Store
from posdeck.cluster.transport import Transport, failure_of_status, lines
from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ForbiddenError,
    NotFoundError,
    PosdeckError,
    ResourceVersionExpiredError,
    ThrottledError,
    UnreachableError,
)

T = TypeVar("T")

_log = logging.getLogger(__name__)
# What makes the version reached worthless, or the right to it: list anew, and say why meanwhile.
_ANEW = (AuthExpiredError, ForbiddenError, NotFoundError, ResourceVersionExpiredError)
_BURST = 50  # events taken in before the event loop gets its turn, about 5 ms
_SLICE = 100  # objects projected before the event loop gets its turn, about 10 ms


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to wait for what, in seconds.

    The server ends a watch after ``watch`` (and, where anything happened, sends a bookmark two seconds
    before), so no stream is silent for longer without being dead; lost rights come to light as soon.
    """

    watch: float = 30.0
    grace: float = 10.0  # how much longer than ``watch`` a stream may be silent
    connect: float = 10.0
    first_pause: float = 0.25
    longest_pause: float = 4.0  # recovery within five seconds of a fault's end
    longest_pause_outside: float = 30.0  # for what lies outside of the namespace and was never to be had


class Backoff:
    """Pauses that double up to a limit, with full jitter, so that many clients do not return as one."""

    def __init__(self, timing: Timing, rand: random.Random) -> None:
        self._timing = timing
        self._random = rand
        self._failures = 0

    def reset(self) -> None:
        self._failures = 0

    def next(self, longest: float | None = None) -> float:
        """The next pause in seconds."""
        limit = self._timing.longest_pause if longest is None else longest
        bound = min(limit, self._timing.first_pause * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return self._random.uniform(0, bound)


class Watcher:
    """Keeps one kind of ``store`` equal to the server.

    ``origin`` is asked after a break whether a version seen before it still means anything: unless it does, the
    list is read anew. It is asked again when a watch is open, since that may have reached another cluster than the
    list did. Errors are waited out.
    """

    def __init__(
        self,
        kind: Kind,
        transport: Transport,
        namespace: str,
        store: Store,
        clock: Clock,
        *,
        origin: Origin,
        rand: random.Random | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.kind = kind
        self.recovered: Callable[[], None] = lambda: None  # called when what had failed works again
        self.heard_at = float("-inf")  # monotonic: when the server last sent anything about this kind
        self._resource = RESOURCES[kind]
        self._path = self._resource.path(namespace)
        self._namespace = namespace
        self._transport = transport
        self._store = store
        self._clock = clock
        self._origin = origin
        self._random = rand or random.Random()  # noqa: S311 — jitter, not a secret
        self._timing = timing or Timing()
        self._backoff = Backoff(self._timing, self._random)
        self._seen_whole = False
        self._break: asyncio.Future[str] | None = None
        self._awake = asyncio.Event()
        self._version = ""
        self._broke_at: float | None = None  # monotonic: the last failure
        self._failing = False
        self._list_began = float("-inf")  # monotonic: the list in progress
        self._proved = False  # whether list and watch are known to be of one cluster

    def hurry(self) -> None:
        """Something else of this server works again: what has failed is tried now, not after its pause."""
        if self._failing and self._resource.namespaced:
            self._awake.set()

    def reopen(self, reason: str) -> None:
        """Break off what is open, a stream or a list, since it may be dead without knowing, and pause no longer. A
        list that has not waited for long goes on: a slow server must not be asked from the beginning each time."""
        self._backoff.reset()
        self._awake.set()
        if self._clock.monotonic() - self._list_began < self._timing.connect:
            return
        if self._break is not None and not self._break.done():
            self._break.set_result(reason)

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                self._list_began = self._clock.monotonic()
                try:
                    await self._breakable(self._list())
                finally:
                    self._list_began = float("-inf")
                await self._follow()
                continue
            except PosdeckError as error:
                self._report(error)
                pause = self._pause(error)
            except Exception as error:  # a defect of ours must show as stale data, not as a dead screen
                _log.exception("watching %s failed", self.kind)
                self._report(ClusterError(self.kind, f"internal error: {error!r}", "Please report it."))
                pause = self._backoff.next()
            await self._rest(pause)

    async def _rest(self, seconds: float) -> None:
        """Pause, unless there is reason to believe that it works again."""
        self._awake.clear()
        pause = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._awake.wait())
        try:
            await asyncio.wait({pause, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pause.cancel()
            woken.cancel()
            await asyncio.gather(pause, woken, return_exceptions=True)

    async def _breakable(self, work: Coroutine[Any, Any, T]) -> T:
        """Do ``work`` unless ``reopen`` breaks it off, which raises UnreachableError."""
        self._break = broken = asyncio.get_running_loop().create_future()
        working = asyncio.ensure_future(work)
        try:
            await asyncio.wait({working, broken}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                self._transport.doubt()  # what is silent here is silent in the pool as well
                raise UnreachableError(self._transport.server, broken.result(), "It is opened anew.")
            return working.result()
        finally:
            self._break = None
            working.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _list(self) -> None:
        self._proved = False
        await self._origin.begin(self._broke_at)
        records: dict[str, Any] = {}
        version = ""
        found = list_pages(self._transport, self._resource, self._namespace, limit=PAGE)
        async with contextlib.aclosing(found) as pages:
            async for page in pages:
                if page.first:
                    records = {}
                part = await self._projected(page.items)
                records.update(part)
                version = page.resource_version
                self._heard()
                if not self._seen_whole and not page.last:
                    total = None if page.remaining is None else len(records) + page.remaining
                    self._store.extend(self.kind, part, total, first=page.first)
        self._store.replace(self.kind, records)
        self._seen_whole = True
        self._version = version
        self._live()

    async def _projected(self, items: Sequence[Any]) -> dict[str, Any]:
        """The records of one page by name; the loop gets its turn between slices."""
        part: dict[str, Any] = {}
        for start in range(0, len(items), _SLICE):
            with collector_paused():
                for raw in items[start : start + _SLICE]:
                    record = project(self.kind, raw)
                    if record is not None:
                        part[record.name] = record
            await asyncio.sleep(0)
        return part

    async def _follow(self) -> None:
        """Watch from the version reached; returns when the list has to be read again."""
        while True:
            try:
                broken = await self._watch()
            except _ANEW:
                raise
            except ClusterError as error:
                self._report(error)
                await self._rest(self._pause(error))
                broken = True
            if broken:
                self._broke_at = self._clock.monotonic()
            if not self._proved or (broken and not await self._resumable()):
                return

    async def _resumable(self) -> bool:
        """Whether the version reached before a break still means the same; waits until that can be told."""
        broken_at = self._clock.monotonic()
        while True:
            try:
                return bool(await self._breakable(self._origin.same(broken_at)))
            except _ANEW:
                raise
            except ClusterError as error:
                self._report(error)
                await self._rest(self._pause(error))

    async def _watch(self) -> bool:
        """One watch request, broken off when it is silent too long; whether it ended before its time."""
        seconds = self._timing.watch * self._random.uniform(0.8, 1.0)
        began = self._clock.monotonic()
        self._heard()
        guarding = asyncio.ensure_future(self._guard(seconds + self._timing.grace))
        try:
            await self._breakable(self._stream(seconds))
        finally:
            guarding.cancel()
            await asyncio.gather(guarding, return_exceptions=True)
            if self._clock.monotonic() - began > self._timing.longest_pause:
                self._backoff.reset()
        lasted = self._clock.monotonic() - began
        if lasted < 1.0:  # a server that hangs up at once must not be asked in a tight loop
            await self._rest(self._backoff.next())
        return lasted < seconds * 0.75

    async def _stream(self, seconds: float) -> None:
        """Take in one watch, and make sure that it is of the cluster that was listed."""
        is_open = asyncio.Event()
        reading = asyncio.ensure_future(self._read(seconds, is_open))
        comparing = asyncio.ensure_future(self._compare(is_open))
        try:
            await asyncio.wait({reading, comparing}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():  # the comparison has ended first
                comparing.result()
                await reading
            reading.result()
        finally:
            reading.cancel()
            comparing.cancel()
            await asyncio.gather(reading, comparing, return_exceptions=True)

    async def _compare(self, is_open: asyncio.Event) -> None:
        """Raise ResourceVersionExpiredError when the open watch has reached another cluster than the list."""
        await is_open.wait()
        opened_at, backoff = self._clock.monotonic(), Backoff(self._timing, self._random)
        while True:
            try:
                same = await self._origin.same(opened_at)
            except ClusterError:
                await self._clock.sleep(backoff.next())  # the watch meets the same fault and reports it
                continue
            if same is False:
                raise ResourceVersionExpiredError(
                    self._path, "another cluster or namespace answers now", "It is listed anew."
                )
            self._proved = True
            return

    async def _read(self, seconds: float, is_open: asyncio.Event) -> None:
        params = [
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("resourceVersion", self._version),
            ("timeoutSeconds", str(max(1, round(seconds)))),
        ]
        stream = self._transport.stream("GET", self._path, params=params, timeout=self._timing.connect)
        async with stream as chunks:
            self._live()
            is_open.set()
            count = 0
            async for line in lines(self._heard_chunks(chunks)):
                if line:
                    self._event(line)
                    count += 1
                    if not count % _BURST:
                        await asyncio.sleep(0)  # a thousand events in one chunk must not keep keys waiting

    async def _guard(self, limit: float) -> None:
        while (left := self.heard_at + limit - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
        self.reopen(f"the watch has been silent for {limit:.0f} s")

    def _event(self, line: bytes) -> None:
        """Take in one event of the watch."""
        try:
            event = orjson.loads(line)
            kind, raw = event["type"], event["object"]
            metadata = raw.get("metadata") or {}
            version = str(metadata.get("resourceVersion") or self._version)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            raise ClusterError(
                self._path, "the watch sent something that is no event", "It is opened anew."
            ) from None
        if kind == "ERROR":
            raise failure_of_status(raw, path=self._path, params=(("watch", "1"),))
        if kind == "DELETED":
            self._store.remove(self.kind, str(metadata.get("name") or ""), str(metadata.get("uid") or ""))
        elif kind in ("ADDED", "MODIFIED"):
            record = project(self.kind, raw)
            if record is not None:
                self._store.put(self.kind, record)
        self._version = version
        self._store.confirm(self.kind, version)
        self._backoff.reset()

    async def _heard_chunks(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self._heard()
            yield chunk

    def _heard(self) -> None:
        self.heard_at = self._clock.monotonic()

    def _live(self) -> None:
        self._heard()
        self._store.confirm(self.kind, self._version)
        self._store.set_state(self.kind, FeedState.LIVE, whole=True)
        if self._failing:
            self._failing = False
            self.recovered()

    def _pause(self, error: PosdeckError) -> float:
        if isinstance(error, ThrottledError):
            return error.retry_after + self._backoff.next()
        if isinstance(error, AuthExpiredError):  # a plugin that failed is not run again for a while as it is
            return self._backoff.next(self._timing.longest_pause / 2)
        never_had = isinstance(error, (ForbiddenError, NotFoundError)) and not self._seen_whole
        if never_had and not self._resource.namespaced:
            return self._backoff.next(self._timing.longest_pause_outside)
        return self._backoff.next()

    def _report(self, error: PosdeckError) -> None:
        self._broke_at, self._failing = self._clock.monotonic(), True
        if isinstance(error, (ForbiddenError, NotFoundError)):
            state = FeedState.FORBIDDEN if isinstance(error, ForbiddenError) else FeedState.ABSENT
            self._store.clear(self.kind)
        elif isinstance(error, AuthExpiredError):
            state = FeedState.AUTH_EXPIRED
        else:
            state = FeedState.STALE if self._seen_whole else FeedState.CONNECTING
        self._store.set_state(self.kind, state, str(error))
