"""The logs of containers: bounded rings, current and previous, and the ``log`` subresource that reads them."""

from __future__ import annotations

import asyncio
import functools
import itertools
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from posdeck.clock import Clock
from posdeck.simulator.jsontree import dig
from posdeck.simulator.request import Target, flag, number
from posdeck.simulator.resources import PODS
from posdeck.simulator.status import bad_request, not_found
from posdeck.simulator.store import Store

Json = dict[str, Any]
Entry = tuple[int, datetime, str]  # running number, moment, text

KEPT_LINES = 4000


@dataclass(slots=True)
class Ring:
    """One container's lines; ``following`` are set at each new one."""

    current: deque[Entry] = field(default_factory=lambda: deque(maxlen=KEPT_LINES))
    previous: deque[Entry] | None = None
    count: int = 0
    closed: bool = False
    following: set[asyncio.Event] = field(default_factory=set)

    def wake(self) -> None:
        """Tell the followers."""
        for event in self.following:
            event.set()


class LogBook:
    """Lines by pod and container."""

    def __init__(self) -> None:
        self._rings: dict[tuple[str, str], Ring] = {}

    def ring(self, uid: str, container: str) -> Ring:
        """The ring of one container."""
        return self._rings.setdefault((uid, container), Ring())

    def last(self, uid: str, container: str) -> datetime:
        """When the newest line was written; the beginning of time where there is none."""
        lines = self.ring(uid, container).current
        return lines[-1][1] if lines else datetime.min.replace(tzinfo=UTC)

    def write(self, uid: str, container: str, moment: datetime, text: str) -> None:
        """Add one line."""
        ring = self.ring(uid, container)
        ring.count += 1
        ring.current.append((ring.count, moment, text))
        ring.wake()

    def rotate(self, uid: str) -> None:
        """The containers of a pod were started anew: what they wrote so far becomes the previous log."""
        for (owner, _), ring in self._rings.items():
            if owner == uid:
                ring.previous, ring.current = ring.current, deque(maxlen=KEPT_LINES)
                ring.wake()

    def close(self, uid: str) -> None:
        """The pod has gone: followers end, the lines are dropped."""
        for key in [key for key in self._rings if key[0] == uid]:
            ring = self._rings.pop(key)
            ring.closed = True
            ring.wake()

    def close_all(self) -> None:
        """The cluster ends: every follower ends."""
        for uid in {owner for owner, _ in self._rings}:
            self.close(uid)


@dataclass(frozen=True, slots=True)
class Options:
    """The query of the ``log`` subresource."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    tail: int | None = None
    since: datetime | None = None
    limit: int | None = None


def parse(query: Mapping[str, str], now: datetime) -> Options:
    """The options of a request. Raises 400."""
    seconds, since = number(query, "sinceSeconds"), None
    if seconds is not None and query.get("sinceTime"):
        raise bad_request("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if seconds is not None:
        if seconds < 1:
            raise bad_request("sinceSeconds: Invalid value: must be greater than 0")
        since = now - timedelta(seconds=seconds)
    elif query.get("sinceTime"):
        try:
            since = datetime.fromisoformat(query["sinceTime"])
        except ValueError:
            raise bad_request(f"sinceTime: Invalid value: {query['sinceTime']!r}") from None
    tail, limit = number(query, "tailLines"), number(query, "limitBytes")
    if tail is not None and tail < 0:
        raise bad_request("tailLines: Invalid value: must be greater than or equal to 0")
    return Options(
        query.get("container", ""),
        flag(query, "follow"),
        flag(query, "previous"),
        flag(query, "timestamps"),
        tail,
        since,
        limit,
    )


def _line(entry: Entry, options: Options) -> bytes:
    _, moment, text = entry
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z ") if options.timestamps else ""
    return f"{stamp}{text}\n".encode()


def select(entries: list[Entry], options: Options) -> list[Entry]:
    """The lines that since and tail leave."""
    if options.since is not None:
        entries = [e for e in entries if e[1] >= options.since]
    if options.tail is not None:
        entries = entries[max(0, len(entries) - options.tail) :]
    return entries


class LogEndpoint:
    """``GET …/pods/NAME/log``."""

    def __init__(self, store: Store, clock: Clock, book: LogBook) -> None:
        self._store = store
        self._clock = clock
        self._book = book

    async def __call__(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Answer with the log as text, following it when asked to."""
        pod = self._store.get(PODS.key, target.namespace, target.name)
        if pod is None:
            raise not_found("pods", "", target.name)
        options = parse(request.query, self._clock.now())
        container = _container(pod, options.container)
        _require_started(pod, container, options)
        ring = self._book.ring(pod["metadata"]["uid"], container)
        source = ring.previous if options.previous else ring.current
        entries = select(list(source or ()), options)
        last = ring.count
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        body, full = _limited(b"".join(_line(e, options) for e in entries), options.limit)
        try:
            await response.write(body)
            if options.follow and not options.previous and not full:
                await self._follow(response, ring, options, last, len(body))
        except ConnectionError:
            return response  # the client has left
        return response

    async def _follow(
        self, response: web.StreamResponse, ring: Ring, options: Options, last: int, sent: int
    ) -> None:
        news = asyncio.Event()
        ring.following.add(news)
        try:
            while True:
                fresh = list(itertools.takewhile(functools.partial(_newer, last), reversed(ring.current)))[
                    ::-1
                ]
                if fresh:
                    last = fresh[-1][0]
                    room = None if options.limit is None else options.limit - sent
                    data, full = _limited(b"".join(_line(e, options) for e in fresh), room)
                    sent += len(data)
                    await response.write(data)
                    if full:
                        return
                if ring.closed:
                    return
                news.clear()
                await news.wait()
        finally:
            ring.following.discard(news)


def _newer(than: int, entry: Entry) -> bool:
    return entry[0] > than


def _limited(data: bytes, limit: int | None) -> tuple[bytes, bool]:
    return (data, False) if limit is None or len(data) < limit else (data[:limit], True)


def _container(pod: Json, asked: str) -> str:
    containers = [c["name"] for c in pod["spec"].get("containers") or ()]
    every = [*containers, *(c["name"] for c in pod["spec"].get("initContainers") or ())]
    name = pod["metadata"]["name"]
    if not asked:
        if len(every) == 1:
            return str(every[0])
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(every)}]"
        )
    if asked not in every:
        raise bad_request(f"container {asked} is not valid for pod {name}")
    return asked


def _require_started(pod: Json, container: str, options: Options) -> None:
    name = pod["metadata"]["name"]
    states = [
        *(dig(pod, "status", "containerStatuses") or ()),
        *(dig(pod, "status", "initContainerStatuses") or ()),
    ]
    status = next((s for s in states if s["name"] == container), None)
    if status is None:
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
    if options.previous and not (status.get("lastState") or {}).get("terminated"):
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    reason = dig(status, "state", "waiting", "reason")
    if reason and not (status.get("lastState") or {}).get("terminated"):
        shown = "trying and failing to pull image" if "Image" in reason else reason
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {shown}')
