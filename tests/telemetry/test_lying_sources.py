"""Sources that fail or lie: a number is either right or absent with its reason."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from tests.telemetry.conftest import ScriptedSource

from posdeck.clock import ManualClock
from posdeck.telemetry.prometheus import Prometheus, placeholder_of
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed, QueueNumbers, QueueSource, growth
from posdeck.telemetry.reading import Absence
from posdeck.telemetry.source import LONGEST_ANSWER, SourceError

QUERIES = {"waiting": "ready", "acknowledged_total": "acked", "published_total": "published"}
STEADY = [(60.0, "100"), (45.0, "160"), (30.0, "220"), (15.0, "280"), (0.0, "340")]  # 4 a second
SOME = [(ago, "5") for ago, _ in STEADY]


@pytest.fixture
def feed(source: ScriptedSource, clock: ManualClock) -> QueueFeed:
    reader = PrometheusQueues(Prometheus(source, "P"), clock, scrape_seconds=15)
    return QueueFeed(reader, [QueueSource("order", "pos.order", QUERIES)], clock)


async def polled(feed: QueueFeed) -> QueueNumbers:
    await feed.poll()
    return feed.numbers["order"]


def healthy(source: ScriptedSource) -> None:
    source.series.clear()
    source.say("ready", SOME)
    source.say("acked", STEADY)
    source.say("published", STEADY)


async def test_a_sound_source_is_read_at_the_first_poll(feed: QueueFeed, source: ScriptedSource) -> None:
    healthy(source)
    numbers = await polled(feed)
    assert numbers.rate("acknowledged_total").value == pytest.approx(4.0)
    assert numbers.reading("waiting").value == 5
    assert numbers.idle_since is None
    assert numbers.pace == pytest.approx(0.25)


@pytest.mark.parametrize("lie", ["NaN", "+Inf", "-Inf"])
async def test_what_is_no_number_is_no_number(feed: QueueFeed, source: ScriptedSource, lie: str) -> None:
    healthy(source)
    source.series["ready"] = []
    source.say("ready", [(15.0, "5"), (0.0, lie)])
    reading = (await polled(feed)).reading("waiting")
    assert (reading.value, reading.absence) == (None, Absence.INVALID)


async def test_a_negative_depth_is_no_depth(feed: QueueFeed, source: ScriptedSource) -> None:
    healthy(source)
    source.series["ready"] = []
    source.say("ready", [(15.0, "5"), (0.0, "-3")])
    assert (await polled(feed)).reading("waiting").absence is Absence.INVALID


async def test_a_gap_breaks_the_rate_and_is_not_bridged(feed: QueueFeed, source: ScriptedSource) -> None:
    healthy(source)
    source.series["acked"] = []
    source.say("acked", [(240.0, "0"), (225.0, "60"), (0.0, "5000")])
    rate = (await polled(feed)).rate("acknowledged_total")
    assert (rate.value, rate.absence) == (None, Absence.NOT_YET)


async def test_a_counter_reset_is_neither_negative_nor_a_burst(
    feed: QueueFeed, source: ScriptedSource
) -> None:
    healthy(source)
    source.series["acked"] = []
    source.say("acked", [(30.0, "9000"), (15.0, "9060"), (0.0, "30")])
    assert (await polled(feed)).rate("acknowledged_total").value == pytest.approx(90 / 30)


async def test_an_old_sample_is_not_shown_as_the_present(feed: QueueFeed, source: ScriptedSource) -> None:
    """Prometheus keeps answering for five minutes after the last scrape."""
    healthy(source)
    source.series["ready"] = []
    source.say("ready", [(120.0, "5"), (105.0, "5")])
    reading = (await polled(feed)).reading("waiting")
    assert reading.absence is Absence.INVALID
    assert "no sample for 105 s" in reading.reason


@pytest.mark.parametrize("skew", [-7200.0, -30.0, 30.0, 7200.0])
async def test_a_clock_that_goes_wrong_changes_nothing(
    feed: QueueFeed, source: ScriptedSource, clock: ManualClock, skew: float
) -> None:
    source.skew = skew
    healthy(source)
    numbers = await polled(feed)
    assert numbers.rate("acknowledged_total").value == pytest.approx(4.0)
    at = numbers.reading("waiting").at
    assert at is not None
    assert abs(at - clock.now()) < timedelta(seconds=1)


async def test_two_series_for_one_queue_are_no_number(feed: QueueFeed, source: ScriptedSource) -> None:
    healthy(source)
    source.series["ready"] = []
    source.say("ready", SOME, instance="a")
    source.say("ready", SOME, instance="b")
    reading = (await polled(feed)).reading("waiting")
    assert reading.absence is Absence.INVALID
    assert "instance" in reading.reason


async def test_a_series_that_moved_to_another_label_is_followed(
    feed: QueueFeed, source: ScriptedSource
) -> None:
    healthy(source)
    source.series["ready"] = []
    source.say("ready", [(120.0, "9"), (105.0, "9")], pod="old")
    source.say("ready", [(30.0, "3"), (15.0, "3"), (0.0, "4")], pod="new")
    assert (await polled(feed)).reading("waiting").value == 4


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Sign in</html>",
        b"[]",
        b'{"status": "success"}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": 7}}',
        b'{"status": "success", "data": {"resultType": "vector", "result": []}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1]]}]}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, 5]]}]}}',
        b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": 3, "values": [["x", "1"]]}]}}',
        b'{"status": "error", "errorType": "timeout", "error": "query timed out"}',
        b"[" * 100_000,
        b" " * (LONGEST_ANSWER + 1),
    ],
    ids=range(12),
)
async def test_any_other_answer_is_a_reason_and_never_a_crash(
    feed: QueueFeed, source: ScriptedSource, body: bytes
) -> None:
    source.body = body
    numbers = await polled(feed)
    for reading in (numbers.reading("waiting"), numbers.rate("acknowledged_total")):
        assert (reading.value, reading.absence) == (None, Absence.UNREACHABLE)
        assert reading.reason
        assert len(reading.reason) < 1000


async def test_a_source_that_is_gone_says_so_and_recovers(feed: QueueFeed, source: ScriptedSource) -> None:
    healthy(source)
    source.failure = SourceError("P", "no answer within 8 s", "Check its load.")
    reading = (await polled(feed)).reading("waiting")
    assert (reading.absence, reading.reason) == (
        Absence.UNREACHABLE,
        "P: no answer within 8 s. Check its load.",
    )
    assert feed.failure is source.failure
    source.failure = None
    assert (await polled(feed)).reading("waiting").value == 5


async def test_a_message_that_came_just_now_makes_nobody_idle(
    feed: QueueFeed, source: ScriptedSource
) -> None:
    """Nothing was acknowledged for an hour because there was nothing to do."""
    source.say("ready", [(30.0, "0"), (15.0, "0"), (0.0, "1")])
    source.say("acked", [(30.0, "50"), (15.0, "50"), (0.0, "50")])
    numbers = await polled(feed)
    assert numbers.idle_since is None


async def test_idleness_is_counted_from_the_last_acknowledgement_and_survives_the_window(
    feed: QueueFeed, source: ScriptedSource, clock: ManualClock
) -> None:
    source.say("ready", SOME)
    source.say("acked", [(60.0, "40"), (45.0, "50"), (30.0, "50"), (15.0, "50"), (0.0, "50")])
    since = (await polled(feed)).idle_since
    assert since == clock.now() - timedelta(seconds=45)
    await clock.advance(600)
    source.series.clear()
    source.say("ready", SOME)
    source.say("acked", [(ago, "50") for ago, _ in STEADY])
    assert (await polled(feed)).idle_since == since


def test_growth_counts_a_reset_as_prometheus_does() -> None:
    assert growth(((0, 10), (1, 15), (2, 3), (3, 4))) == 5 + 3 + 1


def test_one_query_asks_for_all_queues_and_escapes_their_names() -> None:
    place = placeholder_of('ready{job="x", queue="$queue.dead"}')
    assert place is not None
    assert place.value("pos.order") == "pos.order.dead"
    together = place.for_all('ready{job="x", queue="$queue.dead"}', ["pos.order", "pos-b"])
    assert together == 'ready{job="x", queue=~"pos\\\\.order\\\\.dead|pos-b\\\\.dead"}'
    assert place.for_all("x", ['a"} or up{x="']) is None


@pytest.mark.parametrize("template", ["ready", 'a{q="$queue"} + b{q="$queue"}', 'label_replace(a, "$queue")'])
def test_other_templates_are_asked_one_by_one(template: str) -> None:
    assert placeholder_of(template) is None


async def test_ten_megabytes_are_not_parsed(source: ScriptedSource) -> None:
    source.body = orjson.dumps({"status": "success", "data": "x" * LONGEST_ANSWER})
    with pytest.raises(SourceError, match="bytes"):
        await Prometheus(source, "P").query("up")


async def test_a_range_query_stands_in_and_its_times_are_not_trusted_further_than_a_scrape(
    source: ScriptedSource, clock: ManualClock
) -> None:
    """A reading's time is never later than that of its value: else an old number would prove a repair."""
    queries = {m: f"sum({q})" for m, q in QUERIES.items()}
    reader = PrometheusQueues(Prometheus(source, "P"), clock, scrape_seconds=15)
    feed = QueueFeed(reader, [QueueSource("order", "pos.order", queries)], clock)
    source.say("sum(ready)", SOME)
    source.say("sum(acked)", STEADY)
    source.say("sum(published)", STEADY)
    numbers = await polled(feed)
    rate = numbers.rate("acknowledged_total")
    assert rate.value == pytest.approx(4.0)
    assert rate.at == numbers.reading("waiting").at == clock.now() - timedelta(seconds=15)
    assert rate.since == clock.now() - timedelta(seconds=45)
    assert {path for path, asked in source.asked if asked["query"] != "1"} == {"/api/v1/query_range"}


async def test_a_part_of_a_sum_that_is_gone_is_not_read_as_a_reset(
    source: ScriptedSource, clock: ManualClock
) -> None:
    """The sum falls from 9000 to 4000 because a pod left: nobody did 4000 in 15 s."""
    reader = PrometheusQueues(Prometheus(source, "P"), clock, scrape_seconds=15)
    queries = {"waiting": "ready", "acknowledged_total": "sum(acked)"}
    feed = QueueFeed(reader, [QueueSource("order", "pos.order", queries)], clock)
    source.say("ready", SOME)
    source.say("sum(acked)", [(30.0, "8940"), (15.0, "9000"), (0.0, "4000")])
    assert (await polled(feed)).rate("acknowledged_total").absence is Absence.NOT_YET


async def test_a_fault_of_our_own_does_not_leave_old_numbers_standing(
    feed: QueueFeed, source: ScriptedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    healthy(source)
    assert (await polled(feed)).reading("waiting").value == 5

    async def broken(*_: object) -> float:
        raise ZeroDivisionError

    monkeypatch.setattr(Prometheus, "clock", broken)
    reading = (await polled(feed)).reading("waiting")
    assert (reading.value, reading.absence) == (None, Absence.UNREACHABLE)
    assert "a fault in posdeck" in reading.reason
