"""The query language, its evaluation, and the numbers behind it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote

import pytest
from tests.simulator.client import Client
from tests.simulator.pos_seed import ORDER

from posdeck.clock import ManualClock
from posdeck.simulator.evaluation import Labels, Sample, evaluate
from posdeck.simulator.faults import Fault
from posdeck.simulator.promql import QueryError, Selector, parse, seconds_of
from posdeck.simulator.server import Simulator

SERIES: tuple[tuple[dict[str, str], list[Sample]], ...] = (
    ({"__name__": "done_total", "queue": "a", "zone": "1"}, [(t, t * 2.0) for t in range(0, 301, 15)]),
    ({"__name__": "done_total", "queue": "b", "zone": "1"}, [(t, t * 4.0) for t in range(0, 301, 15)]),
    ({"__name__": "done_total", "queue": "c", "zone": "2"}, [(0, 50.0), (15, 60.0), (30, 5.0), (45, 15.0)]),
    ({"__name__": "depth", "queue": "a", "zone": "1"}, [(300, 7.0)]),
    ({"__name__": "depth", "queue": "b", "zone": "1"}, [(300, 0.0)]),
    ({"__name__": "old", "queue": "a"}, [(0, 1.0)]),
    ({"__name__": "lat_bucket", "le": "0.1"}, [(300, 50.0)]),
    ({"__name__": "lat_bucket", "le": "0.5"}, [(300, 90.0)]),
    ({"__name__": "lat_bucket", "le": "+Inf"}, [(300, 100.0)]),
)


class Fixed:
    def select(self, node: Selector) -> Iterable[tuple[Labels, Sequence[Sample]]]:
        return [
            (tuple(sorted(labels.items())), samples)
            for labels, samples in SERIES
            if all(m.test(labels) for m in node.matchers)
        ]


def value(query: str, at: float = 300) -> Any:
    found = evaluate(parse(query), Fixed(), at)
    if not isinstance(found, dict):
        return found
    return {
        ",".join(f"{k}={v}" for k, v in labels if k != "__name__"): number for labels, number in found.items()
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("1 + 2 * 3", 7),
        ("-(2 - 5) / 2", 1.5),
        ("7 % 4", 3),
        ("1 > bool 2", 0),
        ('depth{queue="a"}', {"queue=a,zone=1": 7}),
        ('depth{queue!="a"}', {"queue=b,zone=1": 0}),
        ('depth{queue=~"a|x"}', {"queue=a,zone=1": 7}),
        ('depth{queue!~"a"}', {"queue=b,zone=1": 0}),
        ('{__name__="depth", queue="b"}', {"queue=b,zone=1": 0}),
        ("depth > 0", {"queue=a,zone=1": 7}),
        ("depth == bool 0", {"queue=a,zone=1": 0, "queue=b,zone=1": 1}),
        ("depth * 2 + 1", {"queue=a,zone=1": 15, "queue=b,zone=1": 1}),
        ("sum(depth)", {"": 7}),
        ("sum by (zone) (depth)", {"zone=1": 7}),
        ("max(depth) by (queue)", {"queue=a": 7, "queue=b": 0}),
        ("count without (queue) (depth)", {"zone=1": 2}),
        ("avg(depth)", {"": 3.5}),
        ("old", {}),
        ("absent(nothing)", {"": 1}),
        ("clamp_min(depth, 3)", {"queue=a,zone=1": 7, "queue=b,zone=1": 3}),
        ("max_over_time(done_total{queue='c'}[10m])", {"queue=c,zone=2": 60}),
        ("depth / depth", {"queue=a,zone=1": 1, "queue=b,zone=1": math.nan}),
    ],
)
def test_queries(query: str, expected: Any) -> None:
    assert value(query) == pytest.approx(expected, nan_ok=True)


def test_a_rate_is_growth_by_second() -> None:
    rates = value("rate(done_total[2m])")
    assert rates["queue=a,zone=1"] == pytest.approx(2)
    assert rates["queue=b,zone=1"] == pytest.approx(4)
    assert value("sum(increase(done_total{zone='1'}[1m]))")[""] == pytest.approx(360)


def test_a_counter_that_starts_anew_has_not_shrunk() -> None:
    """60 to 5 is a reset: 10 + 5 + 10 in all, before the extrapolation to the window's edges."""
    grown = value("increase(done_total{queue='c'}[1m])", at=45)["queue=c,zone=2"]
    assert 25 <= grown <= 25 * 60 / 45


def test_a_quantile_lies_within_its_bucket() -> None:
    assert value("histogram_quantile(0.5, lat_bucket)") == {"": pytest.approx(0.1)}
    assert value("histogram_quantile(0.7, lat_bucket)") == {"": pytest.approx(0.3)}
    assert value("histogram_quantile(0.99, lat_bucket)") == {"": pytest.approx(0.5)}


@pytest.mark.parametrize(
    "query",
    [
        "sum(", "depth[5m]", "rate(depth)", "topk(3, depth)", "depth{", 'depth{queue="a"', "depth offset 5m",
        "depth and depth", "1 >", "", "{}", 'depth{queue=~"("}', "depth $ 1", "1 > 2", "sum(1)", "depth on",
        "rate(depth[5])",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_refused(query: str) -> None:
    with pytest.raises(QueryError):
        value(query)


def test_durations() -> None:
    assert [seconds_of(text) for text in ("5m", "1h30m", "15", "250ms")] == [300, 5400, 15, 0.25]
    with pytest.raises(QueryError):
        seconds_of("soon")


async def ask(client: Client, query: str) -> Any:
    return (await client.get(f"/prometheus/api/v1/query?query={quote(query)}"))["data"]["result"]


async def test_the_metrics_of_a_queue(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    await clock.advance(60)
    (consumers,) = await ask(client, 'rabbitmq_queue_consumers{queue="pos.orders-bulk-upload"}')
    assert consumers["value"][1] == "3"
    (rate,) = await ask(client, 'rate(rabbitmq_queue_messages_acked_total{queue="pos.order"}[5m])')
    assert 3 < float(rate["value"][1]) < 6
    names = {r["metric"]["__name__"] for r in await ask(client, '{queue="pos.order"}')}
    assert names >= {
        "rabbitmq_queue_messages_ready",
        "rabbitmq_queue_messages_unacked",
        "rabbitmq_queue_messages_published_total",
        "rabbitmq_queue_messages_redelivered_total",
    }


async def test_a_stalled_queue_shows(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    simulator.inject(Fault("consumer-channel-closed", ORDER))
    await clock.advance(400)
    (rate,) = await ask(client, 'rate(rabbitmq_queue_messages_acked_total{queue="pos.order"}[5m])')
    (depth,) = await ask(client, 'rabbitmq_queue_messages_ready{queue="pos.order"}')
    (consumers,) = await ask(client, 'rabbitmq_queue_consumers{queue="pos.order"}')
    assert (float(rate["value"][1]), consumers["value"][1]) == (0, "0")
    assert int(depth["value"][1]) > 1200


async def test_the_hour_before_the_start_is_there(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    end = clock.now().timestamp()
    query = quote('sum(rate(http_server_requests_total{code=~"2.."}[5m]))')
    body = await client.get(
        f"/prometheus/api/v1/query_range?query={query}&start={end - 3300}&end={end}&step=60"
    )
    (series,) = body["data"]["result"]
    assert len(series["values"]) == 56
    assert all(30 < float(point[1]) < 60 for point in series["values"][5:])


async def test_errors_are_those_of_prometheus(client: Client) -> None:
    status, body = await client.request("GET", "/prometheus/api/v1/query?query=topk(1,up)")
    assert (status, body["status"], body["errorType"]) == (400, "error", "bad_data")
    for path in (
        "query?query=up&time=never",
        "query",
        "query_range?query=up&start=0&end=9",
        "query_range?query=up&start=9&end=0&step=1",
    ):
        status, body = await client.request("GET", f"/prometheus/api/v1/{path}")
        assert (status, body["errorType"]) == (400, "bad_data")
    assert (await client.request("GET", "/prometheus/-/healthy"))[0] == 200
    assert (await client.request("GET", "/prometheus/api/v1/rules"))[0] == 404
