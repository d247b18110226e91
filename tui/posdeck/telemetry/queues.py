"""The numbers of many queues from one source: gauges, rates from counters, and since when nothing is done."""

from __future__ import annotations

import itertools
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from posdeck.clock import Clock
from posdeck.errors import PosdeckError
from posdeck.telemetry.curves import Curve, clipped, rates_of
from posdeck.telemetry.reading import NO_SOURCE, NOT_YET, Absence, Reading, missing
from posdeck.telemetry.source import (
    COUNTERS,
    GAUGES,
    RATES,
    Answer,
    Points,
    QueueReader,
    QueueSource,
    SourceError,
    Track,
)

_log = logging.getLogger(__name__)
__all__ = ["QueueFeed", "QueueNumbers", "QueueSource"]

KEPT = 3600.0  # seconds of the lag's history
HISTORY_STEP = 5.0  # seconds between two points of it at least
RATE_INTERVALS = 2  # a rate is taken over so many scrapes, or RATE_SECONDS where that is longer
RATE_SECONDS = 10.0
GAP_INTERVALS = 3.5  # a hole of more scrapes than this breaks a rate
SLOWEST = 300.0  # seconds a message at most that the usual pace may be
UNITS = {
    "waiting": "messages",
    "unacknowledged": "messages",
    "consumers": "consumers",
    "oldest": "s",
    "dead_letters": "messages",
    "prefetch": "messages",
}


@dataclass(frozen=True, slots=True)
class QueueNumbers:
    """What is known of one queue. Rates are per second. ``idle_since`` is set while there are messages and no
    acknowledgement has been counted, and is never earlier than the messages; ``idle_until`` is the last sample
    that says so. ``active_at`` is the last sample by which something had been acknowledged; ``returning`` counts
    the last intervals in a row in which messages came back. ``pace`` is the usual time from one acknowledgement to
    the next while messages wait, in seconds. ``history`` are (unix seconds, waiting)."""

    readings: Mapping[str, Reading]
    rates: Mapping[str, Reading]
    idle_since: datetime | None = None
    history: Points = ()
    idle_until: datetime | None = None
    pace: float | None = None
    interval: float = 0.0  # seconds between two samples of the source, 0 unknown
    active_at: datetime | None = None
    returning: int = 0

    def reading(self, measure: str) -> Reading:
        """A gauge's reading."""
        return self.readings.get(measure, NO_SOURCE)

    def rate(self, counter: str) -> Reading:
        """A counter's rate."""
        return self.rates.get(counter, NO_SOURCE)


class QueueFeed:
    """Polls one source for all queues. ``numbers`` always has an entry for each."""

    def __init__(self, reader: QueueReader, queues: Sequence[QueueSource], clock: Clock) -> None:
        self._reader = reader
        self._queues = tuple(queues)
        self._clock = clock
        self._histories: dict[str, deque[tuple[float, float]]] = {}
        self._idle: dict[str, float] = {}
        self._pace: dict[str, float] = {}
        self._active: dict[str, float] = {}
        self.failure: PosdeckError | None = None  # why the last poll brought nothing at all
        self.interval = 0.0  # seconds between two samples, 0 unknown
        self.numbers: dict[str, QueueNumbers] = {q.name: _waiting(q) for q in self._queues}

    async def poll(self) -> None:
        """Ask once for everything. Never raises for a source that fails: the readings say so."""
        try:
            answer = await self._reader.read(self._queues, self._clock.now().timestamp())
            self.failure = None
        except PosdeckError as error:
            self.failure, answer = error, {}
        except Exception as error:  # a fault of ours must not leave old numbers standing as if they were new
            _log.exception("%s cannot be read", self._reader.name)
            cause = f"it cannot be read because of a fault in posdeck ({error!r})"
            self.failure, answer = SourceError(self._reader.name, cause, "Please report it."), {}
        for queue in self._queues:
            self.numbers[queue.name] = self._numbers(queue, answer)

    async def backfill(self, seconds: float = KEPT) -> None:
        """Fill the lag's history from the source, where nothing is known yet; a failure leaves it empty, and
        the next poll, which meets the same fault, tells of it."""
        try:
            found = await self._reader.past(self._queues, self._clock.now().timestamp(), seconds)
        except PosdeckError as error:
            self.failure = error
            return
        for name, points in found.items():
            self._histories.setdefault(name, deque(points))

    async def past(
        self, names: Sequence[str], measure: str, seconds: float, step: float
    ) -> Mapping[str, Curve]:
        """The last ``seconds`` of a measure, a counter as its rate per second. What the source does not keep is
        taken from what was seen since the start; a curve without points says why."""
        wanted = [q for q in self._queues if q.name in names]
        ready = RATES.get(measure, "")
        asked = measure if any(measure in q.queries for q in wanted) or not ready else ready
        now = self._clock.now().timestamp()
        step = max(step, self.interval)
        problem = ""
        try:
            found = await self._reader.past(wanted, now, seconds, measure=asked, step=step)
        except PosdeckError as error:
            found, problem = {}, str(error)
        curves = {}
        for queue in wanted:
            points = found.get(queue.name, ())
            apart = max(step, _spacing(points))
            if asked == measure and measure in RATES:
                points = rates_of(points, apart)
            if not points and measure == "waiting":
                points = clipped(tuple(self._histories.get(queue.name, ())), now - seconds, now)
                apart = max(step, _spacing(points), HISTORY_STEP)
            nothing = problem or f"{self._reader.name} keeps no past of {measure.replace('_', ' ')}"
            curves[queue.name] = Curve(queue.name, points, apart, "" if points else nothing)
        return curves

    def _numbers(self, queue: QueueSource, answer: Answer) -> QueueNumbers:
        tracks = {m: self._answered(queue, m, answer) for m in queue.queries}
        intervals = [t.interval for t in tracks.values() if isinstance(t, Track) and t.interval]
        self.interval = max(intervals, default=self.interval)
        gauges = {m: self._gauge(m, tracks[m]) for m in GAUGES if m in tracks}
        rates = {}
        for counter, ready in RATES.items():
            if counter in tracks:
                rates[counter] = self._rate(tracks[counter])
            elif ready in tracks:
                rates[counter] = self._gauge(ready, tracks[ready])
        self._remember(queue.name, tracks.get("waiting"))
        if gauges.get("consumers", NO_SOURCE).value == 0:
            reason = "the broker says that nobody consumes this queue"
            rates["acknowledged_total"] = missing(
                Absence.NO_CONSUMER, reason, source=self._reader.name, unit="/s"
            )
        since, until = self._idleness(queue.name, tracks)
        return QueueNumbers(
            gauges,
            rates,
            _moment(since),
            tuple(self._histories.get(queue.name, ())),
            _moment(until),
            self._pace.get(queue.name),
            max(intervals, default=0.0),
            _moment(self._activity(queue.name, tracks.get("acknowledged_total"))),
            _returning(tracks.get("redelivered_total")),
        )

    def _answered(self, queue: QueueSource, measure: str, answer: Answer) -> Track | Reading:
        if self.failure is not None:
            return missing(Absence.UNREACHABLE, str(self.failure), source=self._reader.name)
        found = answer.get((queue.name, measure))
        if found is None:
            reason = f"{self._reader.name} does not say {measure.replace('_', ' ')}"
            return missing(Absence.NO_SERIES, reason, source=self._reader.name)
        return found

    def _gauge(self, measure: str, track: Track | Reading) -> Reading:
        """The last sample; a count or an age below zero is no number."""
        unit = UNITS.get(measure, "/s")
        if isinstance(track, Reading):
            return track
        source, query = self._reader.name, track.query
        if track.fault or not track.points:
            reason = track.fault or "the series has no sample"
            return missing(Absence.INVALID, reason, source=source, query=query, unit=unit)
        at, value = track.points[-1]
        if value < 0:
            reason = f"the value {value:g} cannot be"
            return missing(Absence.INVALID, reason, source=source, query=query, unit=unit)
        return Reading(value, unit, _moment(at - _doubt(track)), source, query)

    def _rate(self, track: Track | Reading) -> Reading:
        if isinstance(track, Reading):
            return track
        source, query = self._reader.name, track.query
        if track.fault:
            return missing(Absence.INVALID, track.fault, source=source, query=query, unit="/s")
        points = unbroken(track)
        if len(points) < 2:
            reason = "a rate needs two samples of its counter without a gap"
            return missing(Absence.NOT_YET, reason, source=source, query=query, unit="/s")
        least = max(RATE_SECONDS, RATE_INTERVALS * track.interval * 0.9)
        end = points[-1][0]
        start = next(i for i in range(len(points) - 2, -1, -1) if i == 0 or end - points[i][0] >= least)
        seconds = end - points[start][0]
        doubt = _doubt(track)
        since = _moment(points[start][0] - doubt)
        rate = growth(points[start:]) / seconds
        return Reading(rate, "/s", _moment(end - doubt), source, query, since=since)

    def _remember(self, name: str, waiting: Track | Reading | None) -> None:
        if not isinstance(waiting, Track) or waiting.fault:
            return
        kept = self._histories.setdefault(name, deque())
        for at, value in waiting.points:
            if not kept or at >= kept[-1][0] + max(HISTORY_STEP, waiting.interval * 0.5):
                kept.append((at, value))
        while kept and kept[-1][0] - kept[0][0] > KEPT:
            kept.popleft()

    def _idleness(
        self, name: str, tracks: Mapping[str, Track | Reading]
    ) -> tuple[float | None, float | None]:
        """Since when there have been messages without one acknowledged, and until when that is known."""
        done, waiting, held = (tracks.get(m) for m in ("acknowledged_total", "waiting", "unacknowledged"))
        if not isinstance(done, Track) or not isinstance(waiting, Track) or done.fault or waiting.fault:
            return (
                None,
                None,
            )  # what is not known is neither idle nor at work; the mark stays for the next poll
        points = unbroken(done)
        present = _present_since(waiting, held if isinstance(held, Track) else None)
        if len(points) < 2 or present is None:
            self._idle.pop(name, None)
            return None, None
        self._learn(name, points, waiting)
        rises = [b[0] for a, b in itertools.pairwise(points) if b[1] != a[1]]
        start = max(rises[-1] if rises else points[0][0], present)
        if start >= points[-1][0]:
            self._idle.pop(name, None)
            return None, None
        if rises or present > waiting.points[0][0]:  # it began within what we see; else keep an earlier mark
            self._idle[name] = start
        since = self._idle.setdefault(name, start)
        return since, points[-1][0]

    def _activity(self, name: str, done: Track | Reading | None) -> float | None:
        """The last sample at which the counter of acknowledgements had risen, also from before what is asked for."""
        if isinstance(done, Track) and not done.fault:
            rises = [b[0] for a, b in itertools.pairwise(done.points) if b[1] != a[1]]
            if rises:
                self._active[name] = rises[-1]
        return self._active.get(name)

    def _learn(self, name: str, points: Points, waiting: Track) -> None:
        """The usual pace: seconds an acknowledgement over the intervals in which messages waited throughout and
        some was acknowledged."""
        backlog = dict(waiting.points)
        busy, done = 0.0, 0.0
        for (start, before), (end, after) in itertools.pairwise(points):
            if after > before and backlog.get(start, 0) > 0 and backlog.get(end, 0) > 0:
                busy += end - start
                done += after - before
        if done:
            self._pace[name] = min(SLOWEST, busy / done)


def _returning(again: Track | Reading | None) -> int:
    """In how many of the last intervals in a row the counter of redeliveries rose. A restart gives back what was in
    hand once; a message that nobody can handle comes again and again."""
    if not isinstance(again, Track) or again.fault:
        return 0
    count = 0
    points = unbroken(again)
    for (_, before), (_, after) in reversed(list(itertools.pairwise(points))):
        if after <= before:
            break
        count += 1
    return count


def _spacing(points: Points) -> float:
    """The usual time between two points."""
    gaps = sorted(b - a for (a, _), (b, _) in itertools.pairwise(points))
    return gaps[len(gaps) // 2] if gaps else 0.0


def unbroken(track: Track) -> Points:
    """The newest samples of a counter with no gap between them. A fall is a reset: growth goes on from nothing
    where the times are exact, and anew where a sum may merely have lost a part."""
    points = track.points
    limit = GAP_INTERVALS * track.interval if track.interval else float("inf")
    for index in range(len(points) - 1, 0, -1):
        (before, was), (at, value) = points[index - 1], points[index]
        if at - before > limit or (value < was and not track.exact):
            return points[index:]
    return points


def growth(points: Points) -> float:
    """How much a counter rose; after a fall it began at nothing, as Prometheus counts it."""
    pairs = itertools.pairwise(points)
    return sum(after - before if after >= before else after for (_, before), (_, after) in pairs)


def _doubt(track: Track) -> float:
    """Seconds by which a value may be older than its sample says."""
    return 0.0 if track.exact else track.interval


def _present_since(waiting: Track, held: Track | None) -> float | None:
    """The first of the last samples that all show messages; None when the last one shows none."""
    extra = dict(held.points) if held is not None and not held.fault else {}
    since: float | None = None
    for at, value in reversed(waiting.points):
        if value + extra.get(at, 0.0) <= 0:
            break
        since = at
    return since


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def _waiting(queue: QueueSource) -> QueueNumbers:
    rates = {c for c in COUNTERS if c in queue.queries or RATES[c] in queue.queries}
    return QueueNumbers({m: NOT_YET for m in GAUGES if m in queue.queries}, dict.fromkeys(rates, NOT_YET))
