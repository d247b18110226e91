"""The verdict of a consumer and its arithmetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from posdeck.catalogue.model import Workload, WorkloadState
from posdeck.cluster.snapshot import Deployment
from posdeck.operations.processing import consumer_view, judge, patience
from posdeck.operations.spans import span
from posdeck.operations.view import Verdict
from posdeck.telemetry.queues import QueueNumbers
from posdeck.telemetry.reading import Absence, Reading, missing

NOW = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
BULK = Workload("bulk", "spc--bulk--prod", "bulk", 3, 1, 6)


def deployment(ready: int = 3, desired: int = 3) -> Deployment:
    return Deployment(
        "spc--bulk--prod", "u", "1", 1, 1, NOW, desired, ready, ready, updated=ready, available=ready
    )


def numbers(
    waiting: float | None = 0.0,
    arriving: float | None = 4.0,
    out: float | None = 4.0,
    *,
    held: float = 0.0,
    consumers: float | None = 3.0,
    idle: float | None = None,
    pace: float | None = None,
) -> QueueNumbers:
    def reading(value: float | None) -> Reading:
        return missing(Absence.UNREACHABLE, "P: no answer") if value is None else Reading(value, at=NOW)

    return QueueNumbers(
        {"waiting": reading(waiting), "unacknowledged": reading(held), "consumers": reading(consumers)},
        {"published_total": reading(arriving), "acknowledged_total": reading(out)},
        idle_since=NOW - timedelta(seconds=idle) if idle is not None else None,
        idle_until=NOW if idle is not None else None,
        pace=pace,
        interval=15.0,
    )


def test_keeping_up_and_catching_up() -> None:
    assert judge(BULK, deployment(), numbers()) == (
        Verdict.KEEPING_UP,
        "4.0 in, 4.0 out a second, nothing waits",
    )
    verdict, because = judge(BULK, deployment(), numbers(720.0, 4.0, 10.0))
    assert verdict is Verdict.KEEPING_UP
    assert because.endswith("720 wait, caught up in 2 min")


def test_falling_behind_says_when_how_many_replicas_have_caught_up() -> None:
    """9 a second by 3 replicas is 3 each; 4 make 12 and 2 to spare, 6 make 18 and 8 to spare."""
    verdict, because = judge(BULK, deployment(), numbers(1440.0, 10.0, 6.0 * 1.5))
    assert (verdict, because) == (
        Verdict.KEEPING_UP,
        "10.0 in, 9.0 out a second, 1,440 wait",
    )  # chance, so far
    verdict, because = judge(BULK, deployment(), numbers(1440.0, 15.0, 9.0))
    assert verdict is Verdict.FALLING_BEHIND
    assert (
        because
        == "15.0 in, 9.0 out a second: 6.0 a second more, 1,440 wait; caught up in 8 min at 6 replicas"
    )
    verdict, because = judge(BULK, deployment(2), numbers(1440.0, 20.0, 12.0, consumers=2.0))
    assert because.endswith("; caught up in 6 min at 4 replicas, in 2 min at 6")


def test_more_replicas_than_the_inventory_allows_are_not_proposed() -> None:
    _, because = judge(BULK, deployment(), numbers(1440.0, 30.0, 9.0))
    assert because.endswith("; 11 replicas would be needed, the inventory allows 6")


def test_replicas_that_are_not_connected_are_the_cause_not_their_number() -> None:
    _, because = judge(BULK, deployment(), numbers(1440.0, 30.0, 9.0, consumers=1.0))
    assert because.endswith("; only 1 of 3 ready replicas are connected")


def test_a_backlog_that_does_not_shrink_is_not_called_keeping_up() -> None:
    verdict, because = judge(BULK, deployment(), numbers(10_000.0, 4.0, 4.0))
    assert verdict is Verdict.FALLING_BEHIND
    assert "10,000 wait and get no fewer" in because


def test_stuck_speaks_of_what_the_samples_show() -> None:
    assert judge(BULK, deployment(), numbers(184.0, 4.0, 0.0, held=30.0, idle=45.0)) == (
        Verdict.STUCK,
        "184 messages wait, 30 are taken, none acknowledged for 45 s",
    )


def test_a_slow_consumer_gets_its_usual_time() -> None:
    slow = numbers(4.0, 0.02, 0.0, idle=40.0, pace=20.0)
    assert patience(slow) == 100.0
    assert judge(BULK, deployment(), slow)[0] is Verdict.KEEPING_UP
    assert patience(numbers(4.0, idle=40.0, pace=1000.0)) == 300.0


def test_one_long_job_is_not_stuck_at_once() -> None:
    assert judge(BULK, deployment(), numbers(0.0, 0.0, 0.0, held=1.0, idle=30.0))[0] is Verdict.KEEPING_UP
    verdict, because = judge(BULK, deployment(), numbers(0.0, 0.0, 0.0, held=1.0, idle=75.0))
    assert (verdict, because) == (Verdict.STUCK, "1 is taken, none acknowledged for 75 s")


def test_a_large_backlog_that_nobody_touches_is_not_judged_too_soon() -> None:
    assert judge(BULK, deployment(), numbers(184.0, 4.0, 0.0, idle=5.0))[0] is Verdict.CANNOT_TELL


def test_no_consumer_and_nothing_to_do_are_told_apart() -> None:
    gone = QueueNumbers(
        {"waiting": Reading(12.0)}, {"acknowledged_total": missing(Absence.NO_CONSUMER, "nobody")}
    )
    assert judge(BULK, deployment(), gone) == (
        Verdict.NO_CONSUMER,
        "12 messages wait and nobody consumes the queue",
    )


def test_zero_replicas_are_asleep_by_plan_and_paused_otherwise() -> None:
    asleep = Workload("w", "d", "p", 0, 0, 1, state=WorkloadState.ASLEEP)
    assert judge(asleep, deployment(0, 0), numbers()) == (Verdict.ASLEEP, "scaled to zero, nothing waits")
    assert judge(BULK, deployment(0, 0), numbers(7.0)) == (
        Verdict.PAUSED,
        "scaled to zero, 3 expected, 7 messages wait",
    )
    assert consumer_view(BULK, deployment(0, 0), None, 0.0).verdict is Verdict.PAUSED


@pytest.mark.parametrize("lacking", ["waiting", "arriving", "out"])
def test_without_a_number_it_cannot_be_told_and_says_why(lacking: str) -> None:
    known: dict[str, float | None] = {"waiting": 5.0, "arriving": 4.0, "out": 4.0, lacking: None}
    verdict, because = judge(BULK, deployment(), numbers(**known))  # type: ignore[arg-type]
    assert (verdict, because) == (Verdict.CANNOT_TELL, "P: no answer")


def test_no_source_is_a_reason_of_its_own() -> None:
    view = consumer_view(BULK, deployment(), None, 0.0)
    assert (view.verdict, view.lag.absence) == (Verdict.CANNOT_TELL, Absence.NO_SOURCE)


def test_spans_are_rounded_for_people() -> None:
    assert [span(s) for s in (45, 720, 12_600, 1_000_000)] == ["45 s", "12 min", "3.5 h", "12 days"]


def test_numbers_that_nobody_renewed_carry_no_verdict() -> None:
    """The machine slept, or the source hangs: what was so five minutes ago may not be so now."""
    five_minutes_on = NOW.timestamp() + 300
    view = consumer_view(BULK, deployment(), numbers(), five_minutes_on)
    assert (view.verdict, view.because) == (Verdict.CANNOT_TELL, "the last numbers are 5 min old")
    assert consumer_view(BULK, deployment(), numbers(), NOW.timestamp() + 70).verdict is Verdict.KEEPING_UP
