"""Many logs as one, in the order of the server's times, with every dropped line counted."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from posdeck.clock import Clock
from posdeck.cluster.logs import LogItem, LogMark, LogStream
from posdeck.errors import PosdeckError

HOLD = 0.25
CAPACITY = 100_000
_EPOCH = datetime.min.replace(tzinfo=UTC)
_Entry = tuple[datetime, int, float, LogItem]  # time, order of arrival, monotonic arrival, the item


class LogMerge:
    """The logs of ``streams`` merged.

    Lines are held for ``hold`` seconds, so that one that came late still falls into its place; beyond
    ``capacity`` waiting lines the oldest are dropped and counted in ``dropped``.
    """

    def __init__(
        self, streams: Sequence[LogStream], clock: Clock, *, hold: float = HOLD, capacity: int = CAPACITY
    ) -> None:
        self.dropped = 0
        self._streams = list(streams)
        self._clock = clock
        self._hold = hold
        self._capacity = capacity
        self._heap: list[_Entry] = []
        self._order = itertools.count()
        self._arrived = asyncio.Event()
        self._open = len(self._streams)

    async def follow(self) -> AsyncIterator[list[LogItem]]:
        """Merged batches until every stream has ended; one that fails leaves a mark, the rest goes on."""
        tasks = [asyncio.ensure_future(self._pump(stream)) for stream in self._streams]
        try:
            while True:
                await self._arrived.wait()
                self._arrived.clear()
                while self._heap:
                    if self._open:
                        await self._clock.sleep(self._hold)
                    if batch := self._due():
                        yield batch
                if not self._open:
                    return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _pump(self, stream: LogStream) -> None:
        last = _EPOCH
        try:
            async for batch in stream.follow():
                for item in batch:
                    # What has no time stays behind what came before it, and so does a mark of our own clock.
                    last = max(last, item.time or last) if isinstance(item, LogMark) else item.time or last
                    self._push(last, item)
        except PosdeckError as error:
            now = self._clock.now()
            self._push(now, LogMark(stream.pod, stream.container, now, str(error)))
        finally:
            self._open -= 1
            self._arrived.set()

    def _push(self, time: datetime, item: LogItem) -> None:
        heapq.heappush(self._heap, (time, next(self._order), self._clock.monotonic(), item))
        if len(self._heap) > self._capacity:
            heapq.heappop(self._heap)
            self.dropped += 1
        self._arrived.set()

    def _due(self) -> list[LogItem]:
        """What has waited long enough, and all that is older than that."""
        if not self._open:
            return [heapq.heappop(self._heap)[3] for _ in range(len(self._heap))]
        now = self._clock.monotonic()
        ripe = [entry[:2] for entry in self._heap if now - entry[2] >= self._hold]
        if not ripe:
            return []
        newest = max(ripe)
        found = []
        while self._heap and self._heap[0][:2] <= newest:
            found.append(heapq.heappop(self._heap)[3])
        return found
