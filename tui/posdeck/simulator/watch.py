"""Watches. The subscription is made before history is replayed, or what happens in between would be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from aiohttp import web

from posdeck.clock import Clock
from posdeck.simulator import views
from posdeck.simulator.request import Target, Wanted, flag, number
from posdeck.simulator.selectors import Test, both
from posdeck.simulator.status import StatusError, bad_request
from posdeck.simulator.store import Change, Store, Subscription

Json = dict[str, Any]

BOOKMARK_SECONDS = 30.0
DEFAULT_SECONDS = 1800
INITIAL_END = "k8s.io/initial-events-end"


class Watch:
    """One client's watch. ``lines`` gives what to send; the server does the sending."""

    def __init__(
        self, store: Store, clock: Clock, target: Target, query: Mapping[str, str], wanted: Wanted
    ) -> None:
        self._store = store
        self._clock = clock
        self._target = target
        self._wanted = wanted
        self._bookmarks = flag(query, "allowWatchBookmarks")
        self._seconds = number(query, "timeoutSeconds") or DEFAULT_SECONDS
        self._test: Test | None = both(
            query.get("labelSelector", ""), query.get("fieldSelector", ""), target.resource.key
        )
        self._initial_end = flag(query, "sendInitialEvents")
        if self._initial_end and query.get("resourceVersionMatch") != "NotOlderThan":
            raise StatusError(
                422,
                "Invalid",
                "sendInitialEvents: Forbidden: resourceVersionMatch must be "
                "NotOlderThan when sendInitialEvents is set",
            )
        text = query.get("resourceVersion", "")
        if text and not text.isdigit():
            raise bad_request(
                f'invalid resource version "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
            )
        self._from = int(text or 0)
        if self._from > store.version:
            raise StatusError(
                504, "Timeout", f"Too large resource version: {self._from}, current: {store.version}"
            )

    def _concerns(self, obj: Json | None) -> bool:
        if obj is None:
            return False
        namespace, name = self._target.namespace, self._target.name
        meta = obj["metadata"]
        if (namespace and meta.get("namespace") != namespace) or (name and meta["name"] != name):
            return False
        return self._test is None or self._test(obj)

    def _seen_as(self, change: Change) -> tuple[str, Json] | None:
        """The change as a client with this selector sees it; leaving the selection is a deletion."""
        before = self._concerns(change.previous)
        if change.type == "DELETED":
            return ("DELETED", change.object) if before else None
        after = self._concerns(change.object)
        if after:
            return ("MODIFIED" if before else "ADDED"), change.object
        if before and change.previous is not None:
            meta = {**change.previous["metadata"], "resourceVersion": str(change.version)}
            return "DELETED", {**change.previous, "metadata": meta}
        return None

    def _encode(self, kind: str, obj: Json) -> bytes:
        shown = views.one(self._target.resource, obj, self._wanted, self._clock.now())
        return orjson.dumps({"type": kind, "object": shown}) + b"\n"

    def _bookmark(self, version: int, *, initial_end: bool = False) -> bytes:
        meta: Json = {"resourceVersion": str(version), "creationTimestamp": None}
        if initial_end:
            meta["annotations"] = {INITIAL_END: "true"}
        obj: Json = {
            "kind": self._target.resource.kind,
            "apiVersion": self._target.resource.api_version,
            "metadata": meta,
        }
        if self._wanted.table:
            obj = {
                "kind": "Table",
                "apiVersion": "meta.k8s.io/v1",
                "metadata": {"resourceVersion": str(version)},
                "columnDefinitions": None,
                "rows": [],
            }
        return orjson.dumps({"type": "BOOKMARK", "object": obj}) + b"\n"

    def _beginning(self) -> Iterator[bytes]:
        kind = self._target.resource.key
        if self._from and not self._initial_end:
            for change in self._store.since(kind, self._from):
                if (seen := self._seen_as(change)) is not None:
                    yield self._encode(*seen)
            return
        for obj in self._store.all(kind, self._target.namespace):
            if self._concerns(obj):
                yield self._encode("ADDED", obj)
        if self._initial_end:
            yield self._bookmark(self._store.version, initial_end=True)

    async def run(self, send: Callable[[bytes], Any]) -> None:
        """Send events until the time is over or the server ends. ``send`` is awaited. Raises 410 first, if at all."""
        kind = self._target.resource.key
        subscription = self._store.subscribe(kind)
        try:
            beginning = b"".join(self._beginning())
            subscription.take()  # nothing was awaited in between, so these are in the beginning already
            if beginning:
                await send(beginning)
            await self._follow(subscription, send)
        finally:
            self._store.unsubscribe(kind, subscription)

    async def _follow(self, subscription: Subscription, send: Callable[[bytes], Any]) -> None:
        end = self._clock.monotonic() + self._seconds
        next_bookmark = self._clock.monotonic() + BOOKMARK_SECONDS
        while not subscription.closed:
            now = self._clock.monotonic()
            if now >= end:
                return
            if await _within(subscription, self._clock, min(end, next_bookmark) - now):
                if subscription.overflowed:
                    return
                seen = [self._seen_as(change) for change in subscription.take()]
                if data := b"".join(self._encode(*event) for event in seen if event is not None):
                    await send(data)
            elif self._clock.monotonic() >= next_bookmark:
                next_bookmark = self._clock.monotonic() + BOOKMARK_SECONDS
                if self._bookmarks:
                    await send(self._bookmark(self._store.version))


async def _within(subscription: Subscription, clock: Clock, seconds: float) -> bool:
    """Whether something came within ``seconds`` of ``clock``."""
    arrived = asyncio.ensure_future(subscription.wait())
    over = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({arrived, over}, return_when=asyncio.FIRST_COMPLETED)
        return arrived.done()
    finally:
        arrived.cancel()
        over.cancel()


async def serve(request: web.Request, watch: Watch) -> web.StreamResponse:
    """Answer ``request`` with ``watch``. A 410 becomes an ERROR event, as the API server sends it."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    await response.prepare(request)

    async def send(data: bytes) -> None:
        await response.write(data)

    try:
        await watch.run(send)
    except StatusError as error:
        await response.write(orjson.dumps({"type": "ERROR", "object": error.status()}) + b"\n")
    except ConnectionError:
        return response  # the client has left
    return response
