"""Errors per minute and the last sign of life out of the logs, for consumers whose errors no metric counts. Read once
in a while, the last minute only, a few pods at a time; lines are counted and never kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from posdeck.cluster.logs import LogMark, LogOptions, LogStream
from posdeck.errors import PosdeckError
from posdeck.operations.forward_ports import pods_of
from posdeck.operations.log_levels import level_of
from posdeck.telemetry.reading import NO_SOURCE, Absence, Reading, missing

if TYPE_CHECKING:
    from posdeck.clock import Clock
    from posdeck.cluster.snapshot import Snapshot
    from posdeck.cluster.transport import Transport
    from posdeck.operations.view import ConsumerView

PERIOD = 30.0  # seconds between two looks
FIRST = 3.0  # seconds until the first: a command that only looks once is done by then
MINUTE = 60.0
AT_ONCE = 3  # logs read at one time
MOST_PODS = 6  # of one consumer
MOST_LINES = 2_000  # of one pod; a log that is longer gives only a lower bound, which is no number


@dataclass(frozen=True, slots=True)
class Heard:
    """What the log of one consumer told: errors a minute, and the time of its last line."""

    errors: Reading = NO_SOURCE
    last_line: datetime | None = None


class LogErrors:
    """Looks at the logs of consumers by short name; ``deployments`` gives their full names."""

    def __init__(
        self,
        transport: Transport,
        namespace: str,
        clock: Clock,
        snapshot: Callable[[], Snapshot],
        deployments: Mapping[str, str],
    ) -> None:
        self._transport = transport
        self._namespace = namespace
        self._clock = clock
        self._snapshot = snapshot
        self._deployments = deployments
        self._limit = asyncio.Semaphore(AT_ONCE)
        self._heard: dict[str, Heard] = {}

    def of(self, name: str) -> Heard:
        """What was heard of a consumer last."""
        return self._heard.get(name, Heard())

    async def run(self, changed: Callable[[], None]) -> None:
        """Look again and again until cancelled."""
        await self._clock.sleep(FIRST)
        while self._deployments:
            await self.look()
            changed()
            await self._clock.sleep(PERIOD)

    async def look(self) -> None:
        """Look once. Never raises for a log that cannot be read: the reading says so."""
        names = list(self._deployments)
        heard = await asyncio.gather(*(self._listen(self._deployments[n]) for n in names))
        self._heard = dict(zip(names, heard, strict=True))

    async def _listen(self, deployment: str) -> Heard:
        snapshot = self._snapshot()
        pods = [p for p in pods_of(snapshot, "deployment", deployment) if p.phase == "Running"]
        sources = [(p.name, c.name) for p in pods[:MOST_PODS] for c in p.containers if not c.init]
        if not sources:
            return Heard(missing(Absence.NO_SERIES, "no pod of it runs", source="log", unit="/min"))
        since = self._clock.now() - timedelta(seconds=MINUTE)
        try:
            found = await asyncio.gather(*(self._count(pod, container, since) for pod, container in sources))
        except PosdeckError as error:
            return Heard(missing(Absence.UNREACHABLE, str(error), source="log", unit="/min"))
        last = max((at for _, _, at in found if at is not None), default=None)
        if len(pods) > MOST_PODS or any(lines >= MOST_LINES for lines, _, _ in found):
            reason = f"its log has more than {MOST_LINES:,} lines a minute, or it more than {MOST_PODS} pods"
            return Heard(missing(Absence.INVALID, reason, source="log", unit="/min"), last)
        errors = float(sum(count for _, count, _ in found))
        return Heard(
            Reading(errors, "/min", self._clock.now(), "log", "lines of level error", since=since), last
        )

    async def _count(self, pod: str, container: str, since: datetime) -> tuple[int, int, datetime | None]:
        """Lines, those that tell of an error, and the time of the last one."""
        options = LogOptions(tail=MOST_LINES, since=since)
        stream = LogStream(self._transport, self._namespace, pod, container, self._clock, options=options)
        lines = errors = 0
        last: datetime | None = None
        async with self._limit:
            async for batch in stream.read():
                for item in batch:
                    if isinstance(item, LogMark):
                        continue
                    lines += 1
                    errors += level_of(item.text) == "error"
                    last = item.time or last
                await asyncio.sleep(0)
        return lines, errors, last


def with_log(view: ConsumerView, heard: Heard) -> ConsumerView:
    """A consumer whose errors or last activity nothing else tells, with what its log tells."""
    if view.errors.absence is Absence.NO_SOURCE and heard.errors is not NO_SOURCE:
        view = replace(view, errors=heard.errors)
    if view.active_at is None and heard.last_line is not None:
        view = replace(view, active_at=heard.last_line, active_by="log")
    return view
