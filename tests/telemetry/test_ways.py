"""How requests reach a source, what is asked of external metrics, and how often a failing source is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import orjson
import pytest
from tests.telemetry.embedded_cluster import Embedded, embedded

from posdeck.catalogue.model import Telemetry
from posdeck.clock import ManualClock
from posdeck.operations.ways import Ways
from posdeck.telemetry.external import ExternalMetrics
from posdeck.telemetry.polling import Poller, backed_off
from posdeck.telemetry.queues import QueueFeed, QueueSource
from posdeck.telemetry.reading import Absence
from posdeck.telemetry.source import Fetch, SourceError

APP = "spc--pos--be--app--prod"


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with embedded(tmp_path) as started:
        await started.advance(5)
        yield started


@pytest.mark.parametrize("via", ["service", "port-forward"])
async def test_a_service_is_reached_through_the_api_server(cluster: Embedded, via: str) -> None:
    service = next(s for s in cluster.catalogue.services.values() if "app" in s.name)
    ways = Ways(cluster.transport, cluster.catalogue.environment.namespace)
    fetch = ways.to(
        Telemetry(source="prometheus", via=via, service=f"{service.name}:{service.ports[0].port}")
    )
    try:
        for _ in range(2):
            assert orjson.loads(await fetch("/healthz", []))["status"] == "up"
    finally:
        await ways.close()


@pytest.mark.parametrize("via", ["service", "port-forward"])
async def test_a_service_that_is_not_there_is_a_reason(cluster: Embedded, via: str) -> None:
    ways = Ways(cluster.transport, cluster.catalogue.environment.namespace)
    fetch = ways.to(Telemetry(source="prometheus", via=via, service="monitoring/prometheus:9090"))
    with pytest.raises(SourceError, match="prometheus"):
        await fetch("/api/v1/query", [("query", "1")])
    await ways.close()


def external(answers: dict[str, object]) -> Fetch:
    async def fetch(path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        if path not in answers:
            raise SourceError("external metrics", f"{path} is not found")
        return orjson.dumps({"items": answers[path], "asked": parameters})

    return fetch


async def test_external_metrics_are_summed_as_an_autoscaler_does(clock: ManualClock) -> None:
    path = "/apis/external.metrics.k8s.io/v1beta1/namespaces/spc--pos"
    answers: dict[str, object] = {
        f"{path}/depth": [
            {"value": "1500m", "timestamp": "2026-01-01T00:00:00Z"},
            {"value": "2k", "timestamp": "2026-01-01T00:00:00Z"},
        ],
        f"{path}/empty": [],
        f"{path}/wrong": [{"value": {}, "timestamp": "yesterday"}],
    }
    queries = {
        "waiting": "depth?queue=$queue",
        "oldest": "empty",
        "consumers": "wrong",
        "unacknowledged": "gone",
    }
    reader = ExternalMetrics(external(answers), "spc--pos")
    feed = QueueFeed(reader, [QueueSource("order", "pos.order", queries)], clock)
    await feed.poll()
    numbers = feed.numbers["order"]
    assert numbers.reading("waiting").value == pytest.approx(2001.5)
    assert numbers.reading("oldest").absence is Absence.NO_SERIES
    assert numbers.reading("consumers").absence is Absence.INVALID
    assert numbers.reading("unacknowledged").absence is Absence.UNREACHABLE


async def test_a_failing_source_is_left_alone_for_longer_and_asked_at_once_on_request(
    clock: ManualClock,
) -> None:
    moments: list[float] = []
    well = False

    async def ask() -> tuple[float, bool]:
        moments.append(clock.monotonic())
        return 10.0, well

    poller = Poller(ask, clock, "queue numbers")
    poller.start()
    await clock.advance(200.0)
    assert moments == [0.0, 20.0, 60.0, 120.0, 180.0]
    well = True
    poller.soon()
    await clock.advance(1.0)
    assert moments[-1] == pytest.approx(200.25)
    await clock.advance(10.0)
    assert moments[-1] == pytest.approx(210.25)
    await poller.stop()
    await asyncio.sleep(0)
    assert backed_off(10.0, 50) == 60.0
