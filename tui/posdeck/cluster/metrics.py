"""Pod and node usage, polled since the metrics API cannot be watched; a missing number is never a zero."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterable
from typing import Any

from posdeck.clock import Clock
from posdeck.cluster.listing import collector_paused, in_parts, parse_list
from posdeck.cluster.projection import project
from posdeck.cluster.resources import RESOURCES
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.cluster.store import Store
from posdeck.cluster.transport import Transport
from posdeck.cluster.watching import Backoff, Timing
from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ForbiddenError,
    NotFoundError,
    PosdeckError,
    ThrottledError,
)

_log = logging.getLogger(__name__)
PERIOD = 10.0
NOT_SCRAPED = "the metrics API answers, but has no readings yet"


class MetricsPoller:
    """Keeps one of the two usage kinds of ``store`` fresh.

    ABSENT: the metrics API is not installed. FORBIDDEN: we may not ask. STALE: installed, but not answering.
    LIVE with the reason NOT_SCRAPED: it answers with nothing, as in its first minute.
    """

    def __init__(
        self,
        kind: Kind,
        transport: Transport,
        namespace: str,
        store: Store,
        clock: Clock,
        *,
        rand: random.Random | None = None,
        period: float = PERIOD,
        timing: Timing | None = None,
    ) -> None:
        self.kind = kind
        self._path = RESOURCES[kind].path(namespace)
        self._transport = transport
        self._store = store
        self._clock = clock
        self._random = rand or random.Random()  # noqa: S311 — jitter, not a secret
        self._period = period
        self._timing = timing or Timing()
        self._backoff = Backoff(self._timing, self._random)
        self._had_readings = False

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            try:
                await self._poll()
                self._backoff.reset()
                pause = self._period * self._random.uniform(0.9, 1.1)
            except PosdeckError as error:
                self._report(error)
                pause = self._pause(error)
            except Exception as error:  # a defect of ours must show as missing numbers, not as a dead screen
                _log.exception("reading %s failed", self.kind)
                self._report(ClusterError(self.kind, f"internal error: {error!r}", "Please report it."))
                pause = self._period
            await self._clock.sleep(pause)

    async def _poll(self) -> None:
        response = await self._transport.request("GET", self._path, timeout=self._period)
        try:
            records = await self._read(in_parts(response.body))
        except ClusterError:
            # it is of another form than it was cut for, or no list
            records = await self._read((response.body,))
        self._store.replace(self.kind, records)
        self._had_readings = self._had_readings or bool(records)
        self._store.confirm(self.kind)
        self._store.set_state(self.kind, FeedState.LIVE, "" if records else NOT_SCRAPED)

    async def _read(self, parts: Iterable[bytes]) -> dict[str, Any]:
        records: dict[str, Any] = {}
        for body in parts:
            with collector_paused():
                for raw in parse_list(body, self._path)["items"]:
                    record = project(self.kind, raw)
                    if record is not None:
                        records[record.name] = record
            await asyncio.sleep(0)
        return records

    def _pause(self, error: PosdeckError) -> float:
        if isinstance(error, ThrottledError):
            return error.retry_after + self._backoff.next()
        never_had = isinstance(error, (ForbiddenError, NotFoundError)) and not self._had_readings
        if never_had and not RESOURCES[self.kind].namespaced:
            return self._backoff.next(self._timing.longest_pause_outside)
        return self._backoff.next()

    def _report(self, error: PosdeckError) -> None:
        reason = str(error)
        if isinstance(error, ForbiddenError):
            state = FeedState.FORBIDDEN
            self._store.clear(self.kind)
        elif isinstance(error, NotFoundError):
            state, reason = FeedState.ABSENT, "the metrics API is not installed (metrics-server is missing)"
            self._store.clear(self.kind)
        elif isinstance(error, AuthExpiredError):
            state = FeedState.AUTH_EXPIRED
        else:
            state = FeedState.STALE if self._had_readings else FeedState.CONNECTING
        self._store.set_state(self.kind, state, reason)
