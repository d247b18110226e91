"""A text endpoint read without a Prometheus: numbers now, rates from the second look on, and no wrong sum."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from posdeck.clock import ManualClock
from posdeck.telemetry.endpoint import EndpointQueues, selector
from posdeck.telemetry.queues import QueueFeed, QueueSource
from posdeck.telemetry.reading import Absence

QUERIES = {
    "waiting": 'ready{queue="$queue"}',
    "acknowledged_total": 'acked{queue="$queue"}',
    "consumers": "sum(consumers)",
    "oldest": 'age{queue="$queue"}',
}


@pytest.fixture
def bodies() -> list[bytes]:
    return []


@pytest.fixture
def feed(bodies: list[bytes], clock: ManualClock) -> QueueFeed:
    async def fetch(path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        assert path == "/metrics"
        return bodies[-1]

    return QueueFeed(EndpointQueues(fetch, "E"), [QueueSource("order", "pos.order", QUERIES)], clock)


def body(ready: str = "7", acked: int = 100) -> bytes:
    return (
        f'ready{{queue="pos.order",vhost="a"}} {ready}\nready{{queue="pos.order",vhost="b"}} 1\nready{{queue="x"}} 9\n'
        f'acked_total{{queue="pos.order"}} {acked}\n'
    ).encode()


async def test_series_are_summed_and_rates_come_with_the_second_look(
    feed: QueueFeed, bodies: list[bytes], clock: ManualClock
) -> None:
    bodies.append(body())
    await feed.poll()
    first = feed.numbers["order"]
    assert first.reading("waiting").value == 8
    assert first.rate("acknowledged_total").absence is Absence.NOT_YET
    assert first.reading("consumers").absence is Absence.INVALID
    assert first.reading("oldest").absence is Absence.NO_SERIES
    await clock.advance(10)
    bodies.append(body(acked=140))
    await feed.poll()
    assert feed.numbers["order"].rate("acknowledged_total").value == 4.0


async def test_a_part_that_is_no_number_makes_no_sum(feed: QueueFeed, bodies: list[bytes]) -> None:
    bodies.append(body(ready="NaN"))
    await feed.poll()
    assert feed.numbers["order"].reading("waiting").absence is Absence.INVALID


@pytest.mark.parametrize("lie", [b"<html>", b"ready 1 2 3 4", b"\x00\xff", b"x" * (9 << 20)])
async def test_what_is_no_metric_is_a_reason(feed: QueueFeed, bodies: list[bytes], lie: bytes) -> None:
    bodies.append(lie)
    await feed.poll()
    reading = feed.numbers["order"].reading("waiting")
    assert (reading.value, reading.absence) == (None, Absence.UNREACHABLE)
    assert len(reading.reason) < 500


def test_only_plain_selectors_are_taken() -> None:
    assert selector('a{b="c", d="e"}') == ("a", {"b": "c", "d": "e"})
    assert selector("a") == ("a", {})
    for other in ('a{b=~"c"}', "sum(a)", 'a{b="c"', "a[5m]", 'a{b!="c"}', ""):
        assert selector(other) is None
