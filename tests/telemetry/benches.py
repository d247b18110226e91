"""One way to do the same to a consumer on the embedded broker and on a real RabbitMQ, and four ways to read the numbers:
management API and Prometheus of either. The tests do not know which they run on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from tests.telemetry.amqp import Channel
from tests.telemetry.embedded_cluster import Embedded, embedded
from tests.telemetry.load import WORKLOAD
from tests.telemetry.servers import Rabbit, prometheus

from posdeck.clock import SystemClock
from posdeck.cluster.snapshot import Deployment
from posdeck.operations.numbers import queue_sources
from posdeck.operations.processing import consumer_view
from posdeck.operations.view import ConsumerView
from posdeck.operations.ways import Ways
from posdeck.simulator.faults import Fault
from posdeck.telemetry.direct import Access, direct
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed, QueueSource
from posdeck.telemetry.rabbitmq import BUILT_IN, RabbitQueues
from posdeck.telemetry.source import QueueReader

NAME, REPLICAS = "consumer-orders-bulk-upload", 3
PER_OBJECT = {  # RabbitMQ's own plugin, at /metrics/per-object
    "waiting": 'rabbitmq_queue_messages_ready{queue="$queue"}',
    "unacknowledged": 'rabbitmq_queue_messages_unacked{queue="$queue"}',
    "consumers": 'rabbitmq_queue_consumers{queue="$queue"}',
    "acknowledged_total": 'sum by (queue) (rabbitmq_channel_messages_acked_total{queue="$queue"})',
    "published_total": 'sum by (queue) (rabbitmq_queue_messages_published_total{queue="$queue"})',
    "redelivered_total": 'sum by (queue) (rabbitmq_channel_messages_redelivered_total{queue="$queue"})',
}


@dataclass(frozen=True)
class Truth:
    """What the broker itself counts."""

    waiting: int
    unacknowledged: int
    consumers: int


class Bench(Protocol):
    """A consumer at work, what can be done to it, and what is read of it."""

    interval: float  # seconds between two samples of the source

    async def slow(self) -> None: ...
    async def stop(self) -> None: ...
    async def pause(self) -> None: ...
    async def poison(self) -> None: ...
    async def disconnect(self) -> None: ...
    async def quiet(self) -> None: ...
    async def wait(self, seconds: float) -> None: ...
    async def look(self) -> ConsumerView: ...
    async def truth(self) -> Truth: ...


@dataclass
class EmbeddedBench:
    """The simulator, over a clock that the test drives."""

    cluster: Embedded
    feed: QueueFeed
    interval: float
    paused: bool = False

    @property
    def deployment(self) -> str:
        return self.cluster.catalogue.workload(NAME).deployment

    def _inject(self, kind: str, **parameters: float) -> None:
        self.cluster.simulator.inject(Fault(kind, self.deployment, parameters))

    async def slow(self) -> None:
        self._inject("heavy-files", slowness=20.0)

    async def stop(self) -> None:
        self._inject("consumer-hung")

    async def pause(self) -> None:
        namespace = self.cluster.catalogue.environment.namespace
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{self.deployment}"
        await self.cluster.transport.request(
            "PATCH",
            path,
            body=b'{"spec": {"replicas": 0}}',
            headers={"Content-Type": "application/merge-patch+json"},
        )
        self.paused = True

    async def poison(self) -> None:
        self._inject("poison-messages", share=0.7)

    async def disconnect(self) -> None:
        self._inject("consumer-channel-closed")

    async def quiet(self) -> None:
        self._inject("arrival-surge", factor=0.0)

    async def wait(self, seconds: float) -> None:
        await self.cluster.advance(seconds)

    async def look(self) -> ConsumerView:
        await self.feed.poll()
        workload = self.cluster.catalogue.workload(NAME)
        desired = 0 if self.paused else REPLICAS
        made = deployment_of(workload.deployment, desired)
        return consumer_view(workload, made, self.feed.numbers[NAME], self.cluster.clock.now().timestamp())

    async def truth(self) -> Truth:
        queue = self.cluster.simulator.load.queues[self.deployment]
        return Truth(queue.ready, queue.unacked, len(queue.consumers))


@dataclass
class RealBench:
    """A RabbitMQ, a publisher of twenty messages a second, and a consumer of our own."""

    broker: Rabbit
    queue: str
    publisher: Channel
    consumer: Channel
    feed: QueueFeed
    interval: float
    publishing: asyncio.Task[None]
    paused: bool = False

    async def slow(self) -> None:
        self.consumer.delay = 0.5

    async def stop(self) -> None:
        self.consumer.pause.set()

    async def pause(self) -> None:
        await self.consumer.close()
        self.paused = True

    async def poison(self) -> None:
        self.consumer.reject = True

    async def disconnect(self) -> None:
        await self.consumer.cancel()

    async def quiet(self) -> None:
        self.publishing.cancel()

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def look(self) -> ConsumerView:
        await self.feed.poll()
        now = self.feed._clock.now().timestamp()
        return consumer_view(
            WORKLOAD, deployment_of("d", 0 if self.paused else 1), self.feed.numbers[WORKLOAD.name], now
        )

    async def truth(self) -> Truth:
        ready, consumers = await self.publisher.declare(self.queue)
        held = self.consumer.deliveries - self.consumer.acknowledged - self.consumer.rejected
        return Truth(ready, held, consumers)


def deployment_of(name: str, replicas: int) -> Deployment:
    return Deployment(
        name, "u", "1", 1, 1, None, replicas, replicas, replicas, updated=replicas, available=replicas
    )


@asynccontextmanager
async def embedded_bench(folder: Path, source: str) -> AsyncIterator[EmbeddedBench]:
    """The embedded broker, read by ``prometheus`` or ``rabbitmq``."""
    async with embedded(folder) as cluster:
        telemetry = replace(cluster.catalogue.environment.telemetry, source=source, vhost="pos")
        fetch = Ways(cluster.transport, cluster.catalogue.environment.namespace).to(telemetry)
        reader: QueueReader
        if source == "rabbitmq":
            reader = RabbitQueues(fetch, "embedded RabbitMQ", vhost="pos")
        else:
            reader = PrometheusQueues(
                Prometheus(fetch, "embedded Prometheus"), cluster.clock, scrape_seconds=15.0
            )
        queues = [q for q in queue_sources(cluster.catalogue, "", telemetry) if q.name == NAME]
        yield EmbeddedBench(
            cluster, QueueFeed(reader, queues, cluster.clock), 5.0 if source == "rabbitmq" else 15.0
        )


@asynccontextmanager
async def real_bench(broker: Rabbit, folder: Path, source: str, queue: str) -> AsyncIterator[RealBench]:
    """A real broker, read by its management API, or by a real Prometheus that scrapes its plugin each second."""
    publisher, consumer = Channel(), Channel()
    await publisher.open(broker.amqp)
    await consumer.open(broker.amqp)
    await publisher.declare(queue)
    await consumer.consume(queue)

    async def publish() -> None:
        while True:
            publisher.publish(queue)
            await asyncio.sleep(0.05)

    publishing = asyncio.ensure_future(publish())
    try:
        if source == "rabbitmq":
            secret = folder / "password"
            secret.write_text("guest\n")
            access = Access(broker.url, username="guest", password_file=str(secret))
            queries = dict.fromkeys(sorted(BUILT_IN), "$queue")
            feed = QueueFeed(
                RabbitQueues(direct(access, "RabbitMQ"), "RabbitMQ"),
                [QueueSource(WORKLOAD.name, queue, queries)],
                SystemClock(),
            )
            yield RealBench(broker, queue, publisher, consumer, feed, 5.0, publishing)
        else:
            with prometheus(folder, broker.metrics, path="/metrics/per-object") as port:
                client = Prometheus(direct(Access(f"http://127.0.0.1:{port}"), "Prometheus"), "Prometheus")
                reader = PrometheusQueues(client, SystemClock(), scrape_seconds=1.0)
                sources = [QueueSource(WORKLOAD.name, queue, PER_OBJECT)]
                yield RealBench(
                    broker,
                    queue,
                    publisher,
                    consumer,
                    QueueFeed(reader, sources, SystemClock()),
                    1.0,
                    publishing,
                )
    finally:
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
        for each in (publisher, consumer):
            await each.close()
