"""What an OpenTelemetry collector says of itself on its metrics port: spans taken, refused, handed on and lost, and how
full the queue in front of the backend is. Two looks at its counters make the rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from posdeck.telemetry.exposition import Metric, total
from posdeck.telemetry.reading import NOT_YET, Absence, Reading, missing

# its own names; each also ends in _total, by version
COUNTERS = {
    "accepted": "otelcol_receiver_accepted_spans",
    "refused": "otelcol_receiver_refused_spans",
    "sent": "otelcol_exporter_sent_spans",
    "failed": "otelcol_exporter_send_failed_spans",
    "dropped": "otelcol_exporter_enqueue_failed_spans",
}
GAUGES = {"queued": "otelcol_exporter_queue_size", "capacity": "otelcol_exporter_queue_capacity"}
NEAR_FULL = 0.8  # share of the queue from which it counts as nearly full
LEAST = 0.01  # spans a second below which nothing is said to happen


class TraceState(StrEnum):
    """How the collection of traces stands."""

    KEEPING_UP = "keeping up"
    FALLING_BEHIND = "falling behind"
    NEARLY_FULL = "queue nearly full"
    EXPORT_FAILING = "export failing"
    REFUSING = "refusing spans"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class Counts:
    """One look at one collector, at unix seconds ``at``; a name it does not serve is None."""

    at: float
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class TraceNumbers:
    """What two looks say. Rates are spans per second; ``queued`` and ``capacity`` are batches, as the collector
    counts them; ``growth`` is batches per second."""

    accepted: Reading = NOT_YET
    refused: Reading = NOT_YET
    sent: Reading = NOT_YET
    failed: Reading = NOT_YET
    dropped: Reading = NOT_YET
    queued: Reading = NOT_YET
    capacity: Reading = NOT_YET
    growth: Reading = NOT_YET

    @property
    def fill(self) -> float | None:
        """The share of the queue that is taken; None where it is not known."""
        if self.queued.value is None or not self.capacity.value:
            return None
        return self.queued.value / self.capacity.value


def counts_of(metrics: Sequence[Metric], at: float) -> Counts:
    """One look, from the lines of the metrics port."""
    held = list(metrics)
    return Counts(at, {name: total(held, metric) for name, metric in {**COUNTERS, **GAUGES}.items()})


def together(looks: Sequence[Counts]) -> Counts:
    """Several collectors as one; a number that one of them lacks is not known of all."""
    values: dict[str, float | None] = {}
    for name in {**COUNTERS, **GAUGES}:
        found = [look.values.get(name) for look in looks]
        known = [v for v in found if v is not None]
        values[name] = sum(known) if known and len(known) == len(found) else None
    return Counts(min(look.at for look in looks), values)


def numbers_between(before: Counts | None, now: Counts, source: str) -> TraceNumbers:
    """The numbers of the time between two looks; without an earlier one there are no rates yet."""
    found = {name: _gauge(name, now, source) for name in GAUGES}
    for name in COUNTERS:
        found[name] = _rate(name, before, now, source)
    found["growth"] = _growth(before, now, source)
    return TraceNumbers(**found)


def judge_traces(numbers: TraceNumbers) -> tuple[TraceState, str]:
    """How it stands, with the numbers that say so."""
    if _some(numbers.refused):
        return TraceState.REFUSING, f"{numbers.refused.value:,.1f} spans a second are refused: they are lost"
    lost = (numbers.failed.value or 0.0) + (numbers.dropped.value or 0.0)
    if lost > LEAST:
        return TraceState.EXPORT_FAILING, f"{lost:,.1f} spans a second cannot be handed on to the backend"
    fill, growth = numbers.fill, numbers.growth.value
    queued = numbers.queued.value
    if fill is not None and fill >= NEAR_FULL:
        return TraceState.NEARLY_FULL, f"{fill:.0%} of the queue is taken; when it is full, spans are lost"
    if (
        fill is not None
        and growth is not None
        and growth > 0
        and numbers.capacity.value
        and queued is not None
    ):
        left = (numbers.capacity.value - queued) / growth
        if left < 3600 and fill > 0.05:
            return (
                TraceState.FALLING_BEHIND,
                f"the queue grows by {growth:.2f} batches a second, full in {left / 60:.0f} min",
            )
    if numbers.accepted.value is None or numbers.sent.value is None:
        lacking = numbers.accepted if numbers.accepted.value is None else numbers.sent
        return TraceState.CANNOT_TELL, lacking.reason or "the rate of spans is not known"
    return (
        TraceState.KEEPING_UP,
        f"{numbers.accepted.value:,.1f} spans a second come in, {numbers.sent.value:,.1f} go out, none is lost",
    )


def _some(reading: Reading) -> bool:
    return reading.value is not None and reading.value > LEAST


def _gauge(name: str, now: Counts, source: str) -> Reading:
    value = now.values.get(name)
    query = GAUGES[name]
    if value is None or value < 0:
        return missing(
            Absence.NO_SERIES, f"there is no {query} in {source}", source=source, query=query, unit="batches"
        )
    return Reading(value, "batches", datetime.fromtimestamp(now.at, UTC), source, query)


def _rate(name: str, before: Counts | None, now: Counts, source: str) -> Reading:
    value, query = now.values.get(name), COUNTERS[name]
    if value is None:
        return missing(
            Absence.NO_SERIES, f"there is no {query} in {source}", source=source, query=query, unit="/s"
        )
    was = before.values.get(name) if before is not None else None
    if before is None or was is None or now.at <= before.at:
        return missing(
            Absence.NOT_YET, "a rate needs two looks at its counter", source=source, query=query, unit="/s"
        )
    grown = value - was if value >= was else value  # a fall is a restart of the collector
    at, since = (datetime.fromtimestamp(t, UTC) for t in (now.at, before.at))
    return Reading(grown / (now.at - before.at), "/s", at, source, query, since=since)


def _growth(before: Counts | None, now: Counts, source: str) -> Reading:
    value, was = now.values.get("queued"), before.values.get("queued") if before else None
    if value is None or was is None or before is None or now.at <= before.at:
        return missing(Absence.NOT_YET, "a change needs two looks", source=source, unit="batches/s")
    return Reading(
        (value - was) / (now.at - before.at), "batches/s", datetime.fromtimestamp(now.at, UTC), source
    )
