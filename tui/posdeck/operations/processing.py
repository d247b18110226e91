"""Whether a consumer does its work: a verdict from its numbers, with the arithmetic that led to it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from posdeck.catalogue.model import Workload, WorkloadState
from posdeck.cluster.snapshot import Deployment
from posdeck.operations.scaling import Room, would_help
from posdeck.operations.spans import span
from posdeck.operations.view import ConsumerView, Verdict
from posdeck.telemetry.queues import RATE_INTERVALS, RATE_SECONDS, QueueNumbers
from posdeck.telemetry.reading import Absence, Reading, missing

STUCK_AFTER = (
    10.0  # seconds without an acknowledgement, while messages wait, before a consumer is called stuck
)
HELD_AFTER = 60.0  # the same where none waits and some are in the consumers' hands: one long job is no fault
PACES = 5.0  # a consumer that is slow by nature gets so many times its usual pace instead
LONGEST_PATIENCE = 300.0
OUTDATED = 60.0  # seconds after which numbers no longer carry a verdict, or so many scrapes
OUTDATED_INTERVALS = 5.0
NOISE = 0.05  # messages a second below which two rates count as equal
DEVIATIONS = 2.0  # a difference of rates within so many standard deviations of chance is none
TREND = 900.0  # seconds of the lag's history that are drawn
RETURNS = 2  # intervals in a row in which messages came back: once is a restart
RETURN_SHARE = 0.25  # of all that is handled, from which what comes back counts as poison
RETURN_LEAST = 0.1  # a second
TOO_MANY = 300.0  # a backlog of so many seconds' work that does not shrink counts as falling behind


def _unknown_room() -> Room:
    return Room(None, "the nodes were not looked at")


def consumer_view(
    workload: Workload,
    deployment: Deployment | None,
    numbers: QueueNumbers | None,
    now: float,
    room: Callable[[], Room] = _unknown_room,
) -> ConsumerView:
    """The numbers of one consumer and what they mean. ``now`` is unix seconds; ``room`` is asked only where more
    replicas are in question."""
    if numbers is None:
        verdict, because = _without_numbers(workload, deployment)
        return ConsumerView(workload.name, verdict=verdict, because=because, tier=workload.tier)
    verdict, because = _outdated(numbers, now) or judge(workload, deployment, numbers)
    free = room() if verdict is Verdict.FALLING_BEHIND else _unknown_room()
    return ConsumerView(
        name=workload.name,
        lag=numbers.reading("waiting"),
        unacknowledged=numbers.reading("unacknowledged"),
        rate_in=numbers.rate("published_total"),
        rate_out=numbers.rate("acknowledged_total"),
        redelivered=numbers.rate("redelivered_total"),
        dead_letters=numbers.reading("dead_letters"),
        errors=_per_minute(numbers.rate("errors_total")),
        oldest=_oldest(numbers),
        connected=numbers.reading("consumers"),
        lag_history=tuple(value for at, value in numbers.history if at > now - TREND),
        idle_since=numbers.idle_since,
        verdict=verdict,
        because=because,
        prefetch=numbers.reading("prefetch"),
        active_at=numbers.active_at,
        active_by="acknowledged" if numbers.active_at else "",
        tier=workload.tier,
        help=would_help(workload, deployment, numbers, verdict, free),
    )


def _oldest(numbers: QueueNumbers) -> Reading:
    """The age of the message that waits longest; there is none while none waits, whatever a source still says."""
    oldest = numbers.reading("oldest")
    if numbers.reading("waiting").value == 0 and oldest.absence is not Absence.NO_SOURCE:
        return missing(Absence.NO_SERIES, "nothing waits", source=oldest.source, query=oldest.query, unit="s")
    return oldest


def _outdated(numbers: QueueNumbers, now: float) -> tuple[Verdict, str] | None:
    """Numbers that nobody renewed, because the source hangs or this machine slept, are no base for a verdict."""
    at = numbers.reading("waiting").at
    age = now - at.timestamp() if at is not None else 0.0
    if age <= max(OUTDATED, OUTDATED_INTERVALS * numbers.interval):
        return None
    return Verdict.CANNOT_TELL, f"the last numbers are {span(age)} old"


def judge(workload: Workload, deployment: Deployment | None, numbers: QueueNumbers) -> tuple[Verdict, str]:
    """The verdict and its arithmetic."""
    waiting, out = numbers.reading("waiting"), numbers.rate("acknowledged_total")
    if deployment is not None and deployment.desired == 0:
        return _at_zero(workload, waiting)
    if waiting.value is None:
        return Verdict.CANNOT_TELL, waiting.reason or "the queue depth is not known"
    if out.absence is Absence.NO_CONSUMER:
        return Verdict.NO_CONSUMER, f"{_messages(waiting.value)} and nobody consumes the queue"
    returning = _returning(deployment, numbers)
    if returning:
        return Verdict.RETURNING, returning
    held = numbers.reading("unacknowledged").value or 0.0
    idle = _idle(numbers)
    if idle is not None and idle >= patience(numbers):
        return Verdict.STUCK, f"{_messages(waiting.value, held)}, none acknowledged for {span(idle)}"
    if out.value is None:
        return Verdict.CANNOT_TELL, out.reason or "the rate of acknowledgements is not known"
    return _from_rates(workload, deployment, numbers)


def _returning(deployment: Deployment | None, numbers: QueueNumbers) -> str:
    """How many messages come back, where that is no restart: what pods held goes back once when they end."""
    again = numbers.rate("redelivered_total").value
    done = numbers.rate("acknowledged_total").value
    if again is None or done is None or numbers.returning < RETURNS:
        return ""
    replaced = deployment is not None and (
        deployment.updated < deployment.desired or deployment.unavailable > 0
    )
    if replaced or again < RETURN_LEAST or again < RETURN_SHARE * (again + done):
        return ""
    share = again / (again + done)
    waiting = numbers.reading("waiting").value or 0.0
    return (
        f"{again:.1f} a second come back unacknowledged, {done:.1f} are done: {share:.0%} of the work is on "
        f"messages that return, {_messages(waiting)}"
    )


def patience(numbers: QueueNumbers) -> float:
    """Seconds without an acknowledgement after which this consumer counts as stuck."""
    least = STUCK_AFTER if numbers.reading("waiting").value else HELD_AFTER
    return max(least, min(LONGEST_PATIENCE, PACES * (numbers.pace or 0.0)))


def _idle(numbers: QueueNumbers) -> float | None:
    """Seconds for which the samples show messages and no acknowledgement; nothing is said of the time since."""
    since: datetime | None = numbers.idle_since
    if since is None or numbers.idle_until is None:
        return None
    return (numbers.idle_until - since).total_seconds()


def _from_rates(
    workload: Workload, deployment: Deployment | None, numbers: QueueNumbers
) -> tuple[Verdict, str]:
    waiting = numbers.reading("waiting").value or 0.0
    out = numbers.rate("acknowledged_total").value or 0.0
    arriving = numbers.rate("published_total")
    if arriving.value is None:
        return Verdict.CANNOT_TELL, arriving.reason or "the rate of arrivals is not known"
    if out == 0 and waiting > 20:
        return (
            Verdict.CANNOT_TELL,
            f"{_messages(waiting)}, none acknowledged so far, for too short a time to tell",
        )
    growth = arriving.value - out
    rates = f"{arriving.value:.1f} in, {out:.1f} out a second"
    seconds = max(RATE_SECONDS, RATE_INTERVALS * numbers.interval)
    noise = max(NOISE, DEVIATIONS * math.sqrt((arriving.value + out) / seconds))
    if growth > noise and waiting > max(20.0, 5 * arriving.value):
        cure = _cure(workload, deployment, numbers)
        more = f"{growth:.1f} a second more, {waiting:,.0f} wait"
        return Verdict.FALLING_BEHIND, f"{rates}: {more}{cure}"
    if growth < -noise and waiting > 0:
        return Verdict.KEEPING_UP, f"{rates}, {waiting:,.0f} wait, caught up in {span(waiting / -growth)}"
    if waiting > max(20.0, TOO_MANY * max(out, arriving.value)):
        cure = _cure(workload, deployment, numbers)
        return Verdict.FALLING_BEHIND, f"{rates}: {waiting:,.0f} wait and get no fewer{cure}"
    if waiting == 0:
        return Verdict.KEEPING_UP, f"{rates}, nothing waits"
    return Verdict.KEEPING_UP, f"{rates}, {waiting:,.0f} wait"


def _cure(workload: Workload, deployment: Deployment | None, numbers: QueueNumbers) -> str:
    """How long until caught up with more replicas, if each does what one does now. A replica that is ready and
    not connected does nothing, and then more replicas are no answer."""
    waiting = numbers.reading("waiting").value or 0.0
    arriving = numbers.rate("published_total").value or 0.0
    out = numbers.rate("acknowledged_total").value or 0.0
    if deployment is None or deployment.ready <= 0 or out <= 0:
        return ""
    connected = numbers.reading("consumers").value
    if connected is not None and connected < deployment.ready:
        return f"; only {connected:.0f} of {deployment.ready} ready replicas are connected"
    each = out / deployment.ready
    first = max(deployment.ready + 1, math.floor(arriving / each) + 1)
    if first > workload.maximum:
        return f"; {first} replicas would be needed, the inventory allows {workload.maximum}"
    text = f"; caught up in {span(waiting / (each * first - arriving))} at {first} replicas"
    second = min(2 * first, workload.maximum)
    if second > first:
        text += f", in {span(waiting / (each * second - arriving))} at {second}"
    return text


def _at_zero(workload: Workload, waiting: Reading) -> tuple[Verdict, str]:
    """Nobody runs: as the catalogue expects it, or because somebody stopped it."""
    left = f", {_messages(waiting.value)}" if waiting.value is not None else ""
    if workload.state is WorkloadState.ASLEEP:
        return Verdict.ASLEEP, f"scaled to zero{left}"
    return Verdict.PAUSED, f"scaled to zero, {workload.replicas} expected{left}"


def _without_numbers(workload: Workload, deployment: Deployment | None) -> tuple[Verdict, str]:
    if deployment is not None and deployment.desired == 0:
        return _at_zero(workload, Reading(None))
    return Verdict.CANNOT_TELL, "no source is configured in the inventory"


def _per_minute(reading: Reading) -> Reading:
    if reading.value is None:
        return reading
    return replace(reading, value=reading.value * 60, unit="/min")


def _messages(waiting: float, held: float = 0.0) -> str:
    taken = f"{held:,.0f} {'is' if held == 1 else 'are'} taken" if held else ""
    if not waiting:
        return taken or "nothing waits"
    text = "1 message waits" if waiting == 1 else f"{waiting:,.0f} messages wait"
    return f"{text}, {taken}" if taken else text
