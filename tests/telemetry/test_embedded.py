"""The numbers of the embedded cluster, through the transport that everything else uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.telemetry.embedded_cluster import Embedded, embedded

from posdeck.operations.numbers import Numbers
from posdeck.operations.view import Verdict
from posdeck.simulator.faults import Fault
from posdeck.telemetry.levels import LevelState

CONSUMER = "consumer-pos-order"
SCRAPE = 15.0


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with embedded(tmp_path) as started:
        yield started


async def test_the_first_poll_gives_every_number_of_every_consumer(cluster: Embedded) -> None:
    """Rates need no second poll: the samples of the last minutes are asked for."""
    await cluster.poll()
    for workload in cluster.catalogue.workloads.values():
        if not workload.queue:
            continue
        seen = cluster.consumer(workload.name)
        for reading in (seen.lag, seen.unacknowledged, seen.connected, seen.rate_in, seen.rate_out):
            assert reading.known, (workload.name, reading)
        assert seen.verdict is Verdict.KEEPING_UP, (workload.name, seen.because)


async def test_rates_are_those_of_the_load(cluster: Embedded) -> None:
    await cluster.advance(SCRAPE * 2)
    await cluster.poll()
    expected = float(cluster.catalogue.workload("consumer-orders-bulk-upload").simulated["arrival_rate"])
    rate = cluster.consumer("consumer-orders-bulk-upload").rate_in.value
    assert rate == pytest.approx(expected, rel=0.4)  # a day's swing and chance


@pytest.mark.parametrize(
    ("fault", "verdict"),
    [("consumer-hung", Verdict.STUCK), ("consumer-channel-closed", Verdict.NO_CONSUMER)],
)
async def test_a_consumer_that_stops_is_seen_within_two_scrapes(
    cluster: Embedded, fault: str, verdict: Verdict
) -> None:
    """Pods are running and ready all the while; restarting them ends the fault, and the verdict with it."""
    await cluster.advance(7.0)  # in the middle of a scrape interval
    cluster.simulator.inject(Fault(fault, cluster.catalogue.workload(CONSUMER).deployment))
    await cluster.advance(2 * SCRAPE + 1)
    await cluster.poll()
    seen = cluster.consumer(CONSUMER)
    assert seen.verdict is verdict, seen.because
    assert cluster.consumer("consumer-order").verdict is Verdict.KEEPING_UP
    await cluster.restart(CONSUMER)
    await cluster.advance(60.0)
    await cluster.poll()
    assert cluster.consumer(CONSUMER).verdict is Verdict.KEEPING_UP, cluster.consumer(CONSUMER).because


async def test_a_surge_makes_it_fall_behind_and_says_what_would_help(cluster: Embedded) -> None:
    deployment = cluster.catalogue.workload("consumer-orders-bulk-upload").deployment
    cluster.simulator.inject(Fault("arrival-surge", deployment, {"factor": 4.0}))
    await cluster.advance(4 * SCRAPE)
    await cluster.poll()
    seen = cluster.consumer("consumer-orders-bulk-upload")
    assert seen.verdict is Verdict.FALLING_BEHIND, seen.because
    assert seen.lag_history[-1] > seen.lag_history[0]


async def test_the_last_hour_is_there_from_the_start(cluster: Embedded) -> None:
    for feed in cluster.numbers._feeds.values():
        await feed.backfill()
        await feed.poll()
    numbers = cluster.numbers.of(CONSUMER)
    assert numbers is not None
    first, last = numbers.history[0][0], numbers.history[-1][0]
    assert last - first == pytest.approx(3600, abs=60)


async def test_dead_letters_come_from_the_queue_beside(cluster: Embedded) -> None:
    """``$queue.dead`` is one query for all consumers, as every other measure is."""
    await cluster.advance(SCRAPE)
    await cluster.poll()
    dead = {q.seed.name: q.dead for q in cluster.simulator.load.queues.values()}
    for workload in cluster.catalogue.workloads.values():
        if workload.queue:
            assert cluster.consumer(workload.name).dead_letters.value == pytest.approx(
                dead[workload.queue], abs=3
            )


async def test_service_levels_are_measured_and_say_what_is_lacking(cluster: Embedded) -> None:
    await cluster.advance(SCRAPE)
    await cluster.numbers._levels.poll()
    levels = {level.id: level for level in cluster.numbers.levels}
    assert levels["rate_card_accuracy"].state is LevelState.NO_SOURCE
    assert "query" in levels["rate_card_accuracy"].add[0]
    for name in set(levels) - {"rate_card_accuracy"}:
        assert levels[name].state is LevelState.MET, (name, levels[name].because, levels[name].value)
        assert len(levels[name].history) > 30, name
    assert levels["api_response_time"].burn_long.known


async def test_the_loop_asks_by_itself_and_tells_of_news(tmp_path: Path) -> None:
    """Start, a first answer without waiting, an answer sooner on request, and an end that leaves nothing."""
    async with embedded(tmp_path) as cluster:
        news = asyncio.Event()
        numbers = Numbers(cluster.catalogue, cluster.transport, cluster.clock, news.set)
        numbers.start()
        async with asyncio.timeout(10):
            while (found := numbers.of(CONSUMER)) is None or not found.history:
                await news.wait()
                news.clear()
        assert found.reading("waiting").known
        await numbers.stop()
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith(("queue numbers", "service"))]
