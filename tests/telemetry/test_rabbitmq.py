"""RabbitMQ's management API of a real broker: its numbers, and what it says when it cannot be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.telemetry.amqp import Channel
from tests.telemetry.load import WORKLOAD, verdict_of, within
from tests.telemetry.servers import Rabbit, rabbit

from posdeck.clock import SystemClock
from posdeck.operations.view import Verdict
from posdeck.telemetry.direct import Access, direct
from posdeck.telemetry.queues import QueueFeed, QueueSource
from posdeck.telemetry.rabbitmq import BUILT_IN, RabbitQueues
from posdeck.telemetry.reading import Absence

STEP = 5.0  # the broker's own rhythm of samples
TWO = 2 * STEP + 12.0  # two of them, and what a busy machine may take


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    with rabbit(tmp_path_factory.mktemp("rabbit")) as started:
        yield started


@pytest.fixture
async def channels(broker: Rabbit) -> AsyncIterator[list[Channel]]:
    """A publisher and a consumer, connected."""
    made = [Channel(), Channel()]
    for each in made:
        await each.open(broker.amqp)
    yield made
    for each in made:
        await each.close()


def feed_of(broker: Rabbit, queue: str, folder: Path, password: str = "guest") -> QueueFeed:
    secret = folder / "password"
    secret.write_text(password + "\n")
    access = Access(broker.url, username="guest", password_file=str(secret))
    queries = dict.fromkeys(sorted(BUILT_IN), "$queue") | {"dead_letters": "$queue.dead"}
    source = QueueSource(WORKLOAD.name, queue, queries)
    return QueueFeed(RabbitQueues(direct(access, "RabbitMQ"), "RabbitMQ"), [source], SystemClock())


async def test_the_numbers_are_the_brokers(broker: Rabbit, channels: list[Channel], tmp_path: Path) -> None:
    """100 published, 30 taken and held: what we read is what we did."""
    publisher, consumer = channels
    await publisher.declare("pos.count")
    await publisher.declare("pos.count.dead")
    for _ in range(100):
        publisher.publish("pos.count")
    for _ in range(7):
        publisher.publish("pos.count.dead")
    consumer.pause.set()
    await consumer.consume("pos.count", prefetch=30)
    feed = feed_of(broker, "pos.count", tmp_path)

    async def counted() -> bool:
        await feed.poll()
        numbers = feed.numbers[WORKLOAD.name]
        found = [numbers.reading(m).value for m in ("waiting", "unacknowledged", "consumers", "dead_letters")]
        return found == [70, 30, 1, 7]

    assert await within(30, counted), feed.numbers[WORKLOAD.name].readings
    await feed.backfill()
    assert feed.numbers[WORKLOAD.name].history


async def test_what_cannot_be_read_says_why(broker: Rabbit, tmp_path: Path) -> None:
    missing = feed_of(broker, "pos.nowhere", tmp_path)
    verdict, because = await verdict_of(missing)
    assert (verdict, because) == (Verdict.CANNOT_TELL, "RabbitMQ has no queue pos.nowhere")
    refused = feed_of(broker, "pos.count", tmp_path, password="wrong")
    verdict, because = await verdict_of(refused)
    assert verdict is Verdict.CANNOT_TELL
    assert "401" in because
    assert refused.numbers[WORKLOAD.name].reading("waiting").absence is Absence.UNREACHABLE
