"""Looking back at sources that fail or lie: a plot says why it is empty, and never draws what is no number."""

from __future__ import annotations

import math

import orjson
import pytest
from tests.telemetry.conftest import ScriptedSource

from posdeck.clock import ManualClock
from posdeck.errors import PosdeckError
from posdeck.operations.charts import past_of
from posdeck.telemetry.curves import highest
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed, QueueSource
from posdeck.telemetry.rabbitmq import RabbitQueues
from posdeck.telemetry.source import LONGEST_ANSWER, SourceError

QUERIES = {"waiting": "ready", "acknowledged_total": "acked"}
STEADY = [(60.0, "100"), (45.0, "160"), (30.0, "220"), (15.0, "280"), (0.0, "340")]
LIES = [
    b"",
    b"<html>Sign in</html>",
    b"[" * 100_000,
    b'{"status": "success", "data": {"resultType": "vector", "result": []}}',
    b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "values": [[1, 5]]}]}}',
    b" " * (LONGEST_ANSWER + 1),
]


@pytest.fixture
def feed(source: ScriptedSource, clock: ManualClock) -> QueueFeed:
    reader = PrometheusQueues(Prometheus(source, "P"), clock, scrape_seconds=15)
    return QueueFeed(reader, [QueueSource("order", "pos.order", QUERIES)], clock)


@pytest.mark.parametrize("lie", LIES, ids=range(len(LIES)))
async def test_a_lie_is_a_reason_and_no_curve(
    feed: QueueFeed, source: ScriptedSource, clock: ManualClock, lie: bytes
) -> None:
    source.body = lie
    for measure in QUERIES:
        curve = (await feed.past(["order"], measure, 900.0, 15.0))["order"]
        assert curve.points == ()
        assert 0 < len(curve.reason) < 1000
    curve = await past_of(Prometheus(source, "P"), "x", "x", clock.now().timestamp(), 900.0, 15.0)
    assert curve.points == ()
    assert 0 < len(curve.reason) < 1000


async def test_what_is_no_number_is_left_out_and_a_reset_is_no_burst(
    feed: QueueFeed, source: ScriptedSource
) -> None:
    source.say("ready", [(45.0, "5"), (30.0, "NaN"), (15.0, "+Inf"), (0.0, "7")])
    source.say("acked", [(45.0, "9000"), (30.0, "9060"), (15.0, "30"), (0.0, "90")])
    waiting = (await feed.past(["order"], "waiting", 900.0, 15.0))["order"]
    assert [v for _, v in waiting.points] == [5, 7]
    rates = (await feed.past(["order"], "acknowledged_total", 900.0, 15.0))["order"]
    assert [v for _, v in rates.points] == [4.0, 2.0, 4.0]
    assert math.isfinite(highest([waiting, rates]))


@pytest.mark.parametrize("skew", [-7200.0, 7200.0])
async def test_a_clock_that_goes_wrong_moves_no_curve(
    feed: QueueFeed, source: ScriptedSource, clock: ManualClock, skew: float
) -> None:
    source.skew = skew
    source.say("ready", STEADY)
    curve = (await feed.past(["order"], "waiting", 900.0, 15.0))["order"]
    assert curve.points[-1][0] == pytest.approx(clock.now().timestamp(), abs=1)


async def test_a_source_that_is_gone_leaves_what_was_seen(feed: QueueFeed, source: ScriptedSource) -> None:
    """The lag that was polled since the start is still there; of the rates nothing is known."""
    source.say("ready", STEADY)
    source.say("acked", STEADY)
    await feed.poll()
    source.failure = SourceError("P", "no answer within 8 s", "Check its load.")
    found = await feed.past(["order"], "waiting", 900.0, 15.0)
    assert [v for _, v in found["order"].points] == [100, 160, 220, 280, 340]
    found = await feed.past(["order"], "acknowledged_total", 900.0, 15.0)
    assert "no answer within 8 s" in found["order"].reason


@pytest.mark.parametrize(
    "rows",
    [
        [{"name": "pos.order", "messages_ready_details": {"samples": [{"sample": "x", "timestamp": 1}]}}],
        [{"name": "pos.order", "messages_ready_details": {"samples": 7}}],
        [{"name": "pos.order", "messages_ready_details": 7}],
        {"error": "not_authorised"},
        [7],
    ],
    ids=range(5),
)
async def test_a_broker_that_lies_about_its_past(clock: ManualClock, rows: object) -> None:
    async def fetch(path: str, parameters: object) -> bytes:
        return orjson.dumps(rows)

    reader = RabbitQueues(fetch, "B")
    with pytest.raises(PosdeckError, match="B"):
        await reader.past(
            [QueueSource("order", "pos.order", {"waiting": "$queue"})], clock.now().timestamp(), 600.0
        )
