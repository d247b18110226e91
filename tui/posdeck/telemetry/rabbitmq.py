"""The queues of a namespace from RabbitMQ's management API: one request for a whole virtual host.

The broker keeps samples with times of its own (every 5 s of the last minute, every minute of the last hour); they
are asked for, so that rates are right from the first answer on. A queue nobody ever used has no statistics at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from posdeck.errors import PosdeckError
from posdeck.telemetry.reading import Absence, Reading, missing
from posdeck.telemetry.source import LONGEST_ANSWER, Answer, Fetch, Points, QueueSource, SourceError, Track

STEP = 5  # seconds between the broker's samples of the last minute
AGE = 60
KEPT = 3600  # seconds of samples that the broker keeps of a queue
GAUGES = {"waiting": "messages_ready", "unacknowledged": "messages_unacknowledged"}
# consumers that acknowledge automatically are counted apart by the broker
COUNTERS = {
    "acknowledged_total": ("ack", "deliver_no_ack", "get_no_ack"),
    "published_total": ("publish",),
    "redelivered_total": ("redeliver",),
}
BUILT_IN = frozenset({*GAUGES, *COUNTERS, "consumers", "oldest", "prefetch"})


class RabbitQueues:
    """Reads queues of one virtual host. A template of a queue source is the name of a measure's queue: only
    ``dead_letters`` needs one ("$queue.dead")."""

    def __init__(self, fetch: Fetch, name: str, *, vhost: str = "/") -> None:
        self.name = name
        self.skew = 0.0  # seconds by which the broker's clock is ahead of ours
        self._fetch = fetch
        self._path = f"/api/queues/{quote(vhost, safe='')}"
        self._consumers_path = f"/api/consumers/{quote(vhost, safe='')}"

    async def read(self, queues: Sequence[QueueSource], now: float) -> Answer:
        rows = await self._rows(AGE, STEP)
        self.skew = _newest(rows) - now if rows and _newest(rows) else 0.0
        if abs(self.skew) <= 2 * STEP:
            self.skew = 0.0  # the newest sample may be that old
        found: dict[tuple[str, str], Track | Reading] = {}
        asked = any("prefetch" in q.queries for q in queues)
        held: Mapping[str, list[float]] | PosdeckError = await self._prefetch() if asked else {}
        for queue in queues:
            for measure in queue.queries:
                if measure == "prefetch":
                    found[queue.name, measure] = self._held(queue.queue, held, now)
                    continue
                wanted = _queue_of(measure, queue)
                found[queue.name, measure] = self._measure(measure, wanted, rows, now)
        return found

    async def past(
        self,
        queues: Sequence[QueueSource],
        now: float,
        seconds: float,
        *,
        measure: str = "waiting",
        step: float = 0.0,
    ) -> Mapping[str, Points]:
        """See QueueReader. The broker keeps an hour of each queue, a sample a minute, and no number of consumers."""
        rows = await self._rows(int(min(seconds, KEPT)), 60)
        found: dict[str, Points] = {}
        for queue in queues:
            row = rows.get(_queue_of(measure, queue))
            try:
                points = _past(measure, row) if row else ()
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise SourceError(self.name, f"its samples cannot be read ({error!r})") from error
            if points:
                found[queue.name] = tuple((at - self.skew, value) for at, value in points)
        return found

    async def _rows(self, age: int, step: int) -> dict[str, Mapping[str, Any]]:
        ages = [
            ("lengths_age", age),
            ("lengths_incr", step),
            ("msg_rates_age", age),
            ("msg_rates_incr", step),
        ]
        body = await self._fetch(self._path, [(k, str(v)) for k, v in ages])
        if len(body) > LONGEST_ANSWER:
            raise SourceError(self.name, f"its answer has {len(body):,} bytes", "Ask one virtual host only.")
        try:
            rows = orjson.loads(body)
            if not isinstance(rows, list):
                said = (
                    rows.get("reason") or rows.get("error") if isinstance(rows, dict) else type(rows).__name__
                )
                raise SourceError(self.name, f"it refuses the queues: {said}", "Check user and virtual host.")
            return {str(row["name"]): row for row in rows}
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            cause = f"it does not answer as RabbitMQ's management API ({error})"
            raise SourceError(self.name, cause, "Check its address.") from error

    async def _prefetch(self) -> Mapping[str, list[float]] | PosdeckError:
        """How many messages each consumer may hold unacknowledged, by queue (0 is without a limit); that it cannot
        be read spoils no other number."""
        try:
            rows = orjson.loads(await self._fetch(self._consumers_path, []))
            found: dict[str, list[float]] = {}
            for row in rows:
                found.setdefault(str(row["queue"]["name"]), []).append(_number(row["prefetch_count"]))
        except PosdeckError as error:
            return error
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            return SourceError(self.name, f"its consumers cannot be read ({error!r})")
        return found

    def _held(
        self, queue: str, found: Mapping[str, list[float]] | PosdeckError, now: float
    ) -> Track | Reading:
        if isinstance(found, PosdeckError):
            return self._missing(Absence.UNREACHABLE, str(found), "prefetch", queue)
        if not found.get(queue):
            return self._missing(Absence.NO_SERIES, f"nobody consumes {queue}", "prefetch", queue)
        return Track(((now, sum(found[queue]) / len(found[queue])),), f"consumers of {queue}", float(STEP))

    def _measure(
        self, measure: str, queue: str, rows: Mapping[str, Mapping[str, Any]], now: float
    ) -> Track | Reading:
        row = rows.get(queue)
        if row is None:
            return self._missing(Absence.NO_SERIES, f"{self.name} has no queue {queue}", measure, queue)
        if row.get("state") in ("down", "stopped", "crashed"):
            return self._missing(Absence.INVALID, f"the queue is {row['state']}", measure, queue)
        try:
            points = self._points(measure, row, now)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return self._missing(Absence.INVALID, f"its answer cannot be read ({error!r})", measure, queue)
        if points is None:
            reason = f"{self.name} does not say {measure.replace('_', ' ')} of {queue}"
            return self._missing(Absence.NO_SERIES, reason, measure, queue)
        shifted = tuple((at - self.skew, value) for at, value in points)
        return Track(shifted, f"queue {queue}", float(STEP))

    def _missing(self, absence: Absence, reason: str, measure: str, queue: str) -> Reading:
        return missing(absence, reason, source=self.name, query=f"{measure} of queue {queue}")

    def _points(self, measure: str, row: Mapping[str, Any], now: float) -> Points | None:
        at = now + self.skew
        if measure in ("waiting", "unacknowledged", "dead_letters"):
            name = GAUGES.get(measure, "messages")
            return _with_present(_samples(row, f"{name}_details"), at, row.get(name))
        if measure == "consumers":
            return None if row.get("consumers") is None else ((at, _number(row["consumers"])),)
        if measure == "oldest":
            head = row.get("head_message_timestamp")
            return None if head in (None, "") else ((at, max(0.0, at - _number(head))),)
        if measure in COUNTERS and row.get("messages_ready") is not None:
            return _counter(row.get("message_stats") or {}, COUNTERS[measure], at)
        return None


def _queue_of(measure: str, queue: QueueSource) -> str:
    """The queue that a measure of a consumer is read from: dead letters lie in one of their own."""
    if measure == "dead_letters" and measure in queue.queries:
        return queue.queries[measure].replace("$queue", queue.queue)
    return queue.queue


def _past(measure: str, row: Mapping[str, Any]) -> Points:
    if measure in COUNTERS:
        statistics = row.get("message_stats") or {}
        tracks = [t for n in COUNTERS[measure] if (t := dict(_samples(statistics, f"{n}_details")))]
        times = sorted(set.intersection(*(set(t) for t in tracks))) if tracks else []
        return tuple((moment, sum(t[moment] for t in tracks)) for moment in times)
    name = GAUGES.get(measure, "messages" if measure == "dead_letters" else "")
    return _samples(row, f"{name}_details") if name else ()


def _counter(statistics: Mapping[str, Any], names: Sequence[str], at: float) -> Points:
    """The sum of counters as it stood at the broker's samples. A counter that never counted is not listed: 0. One
    that has just begun is ahead of its samples, which still say 0: then there is no past to take a rate from."""
    total = sum(_number(statistics.get(n, 0)) for n in names)
    tracks = [t for n in names if (t := dict(_samples(statistics, f"{n}_details")))]
    if not tracks:
        return ((at - STEP, total), (at, total)) if statistics else ((at, total),)
    times = sorted(set.intersection(*(set(t) for t in tracks)))
    points = tuple((moment, sum(t[moment] for t in tracks)) for moment in times)
    return points if points and (points[-1][1] or not total) else ((at, total),)


def _samples(holder: Mapping[str, Any], name: str) -> Points:
    samples = (holder.get(name) or {}).get("samples") or []
    pairs = sorted((_number(s["timestamp"]) / 1000, _number(s["sample"])) for s in samples)
    return tuple(pairs)


def _with_present(points: Points, at: float, value: Any) -> Points | None:
    """The samples, ending in the broker's present value."""
    if value is None:
        return points or None
    return (*(p for p in points if p[0] < at), (at, _number(value)))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.40} is no number")
    return float(value)


def _newest(rows: Mapping[str, Mapping[str, Any]]) -> float:
    """The time of the broker's newest sample, in unix seconds; 0 without one."""
    newest = 0.0
    for row in rows.values():
        try:
            points = _samples(row, "messages_ready_details")
        except (KeyError, TypeError, AttributeError):
            continue  # told where the queue itself is read
        newest = max(newest, points[-1][0] if points else 0.0)
    return newest
