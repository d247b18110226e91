"""A real Prometheus that scrapes a tiny exporter every second: each verdict within two scrapes, and its lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.telemetry.exporter import Exporter, exporter
from tests.telemetry.load import WORKLOAD, reaches, within
from tests.telemetry.servers import prometheus

from posdeck.clock import SystemClock
from posdeck.operations.view import Verdict
from posdeck.telemetry.direct import Access, direct
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed, QueueSource

PLAIN = {
    "waiting": 'rabbitmq_queue_messages_ready{queue="$queue"}',
    "unacknowledged": 'rabbitmq_queue_messages_unacked{queue="$queue"}',
    "consumers": 'rabbitmq_queue_consumers{queue="$queue"}',
    "acknowledged_total": 'rabbitmq_queue_messages_acked_total{queue="$queue"}',
    "published_total": 'rabbitmq_queue_messages_published_total{queue="$queue"}',
}
SUMMED = {measure: f"sum by (queue) ({query})" for measure, query in PLAIN.items()}
SOON = 25.0  # seconds: STUCK_AFTER, two scrapes, and what a busy machine may take


@pytest.fixture
async def broker() -> AsyncIterator[Exporter]:
    async with exporter() as started:
        started.queue("pos.order", 20.0, 40.0)
        started.queue("pos.other", 5.0, 10.0)
        yield started


def feed_of(port: int, queries: dict[str, str]) -> QueueFeed:
    clock = SystemClock()
    client = Prometheus(direct(Access(f"http://127.0.0.1:{port}"), "Prometheus"), "Prometheus")
    sources = [QueueSource(WORKLOAD.name, "pos.order", queries), QueueSource("other", "pos.other", queries)]
    return QueueFeed(PrometheusQueues(client, clock, scrape_seconds=1.0), sources, clock)


@pytest.mark.parametrize("queries", [PLAIN, SUMMED], ids=["raw samples", "expressions"])
async def test_every_verdict_of_a_real_prometheus(
    broker: Exporter, tmp_path: Path, queries: dict[str, str]
) -> None:
    with prometheus(tmp_path, broker.port) as port:
        feed = feed_of(port, queries)
        await reaches(feed, Verdict.KEEPING_UP, 30)
        broker.queue("pos.order", 20.0, 0.0)
        assert "none acknowledged for" in await reaches(feed, Verdict.STUCK, SOON)
        broker.queue("pos.order", 30.0, 10.0)
        assert "a second more" in await reaches(feed, Verdict.FALLING_BEHIND, SOON)
        broker.consumers["pos.order"] = 0
        await reaches(feed, Verdict.NO_CONSUMER, SOON)
        broker.consumers["pos.order"] = 1
        broker.queue("pos.order", 10.0, 200.0)
        await reaches(feed, Verdict.KEEPING_UP, SOON)


async def test_numbers_are_the_exporters_and_a_restart_of_the_broker_is_no_burst(
    broker: Exporter, tmp_path: Path
) -> None:
    """The counters fall to nothing; the rates stay those of the load."""
    with prometheus(tmp_path, broker.port) as port:
        feed = feed_of(port, PLAIN)
        await reaches(feed, Verdict.KEEPING_UP, 30)

        async def steady() -> bool:
            await feed.poll()
            rate = feed.numbers[WORKLOAD.name].rate("acknowledged_total").value
            return rate is not None and abs(rate - 20.0) < 3.0

        assert await within(SOON, steady)
        broker.restart("pos.order")
        highest = 0.0

        async def over() -> bool:
            nonlocal highest
            await feed.poll()
            highest = max(highest, feed.numbers[WORKLOAD.name].rate("acknowledged_total").value or 0.0)
            waiting = feed.numbers[WORKLOAD.name].reading("waiting")
            return bool(waiting.value is not None and broker.acknowledged["pos.order"] > 100)

        assert await within(SOON, over)
        assert highest < 30.0


async def test_a_target_that_is_gone_is_said_to_be_gone(broker: Exporter, tmp_path: Path) -> None:
    """The last scraped number is not shown as if it were the present one."""
    with prometheus(tmp_path, broker.port) as port:
        feed = feed_of(port, PLAIN)
        await reaches(feed, Verdict.KEEPING_UP, 30)
        broker.text = "nothing 1\n"
        because = await reaches(feed, Verdict.CANNOT_TELL, SOON)
        assert "no sample for" in because


async def test_the_past_hour_comes_from_the_range_query(broker: Exporter, tmp_path: Path) -> None:
    with prometheus(tmp_path, broker.port) as port:
        feed = feed_of(port, PLAIN)
        await reaches(feed, Verdict.KEEPING_UP, 30)
        later = feed_of(port, PLAIN)
        await later.backfill(60.0)
        await later.poll()
        assert len(later.numbers[WORKLOAD.name].history) >= 2
