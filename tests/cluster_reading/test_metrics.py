"""Missing numbers have a reason: not installed, forbidden, not answering, not scraped yet are four things."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cluster_reading.support import LongestPauses

from posdeck.clock import ManualClock
from posdeck.cluster.listing import in_parts, parse_list
from posdeck.cluster.metrics import NOT_SCRAPED, MetricsPoller
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.cluster.store import Store
from posdeck.cluster.transport import Response
from posdeck.errors import ClusterError, ForbiddenError, NotFoundError

PATH = "/apis/metrics.k8s.io/v1beta1/namespaces/n/pods"
READING = {"metadata": {"name": "p"}, "containers": [{"name": "c", "usage": {"cpu": "5m", "memory": "1Mi"}}]}


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ({"metadata": {}, "items": []}, FeedState.LIVE, NOT_SCRAPED),
        (NotFoundError("podmetrics", "the server could not find"), FeedState.ABSENT, "not installed"),
        (ForbiddenError("podmetrics", "cannot list"), FeedState.FORBIDDEN, "cannot list"),
        (ClusterError("podmetrics", "failed with 503"), FeedState.CONNECTING, "503"),
    ],
)
async def test_each_reason_is_told_and_passes(
    transport: ScriptedTransport, clock: ManualClock, answer: object, state: FeedState, words: str
) -> None:
    transport.answer("GET", PATH, answer)
    store = Store(clock)
    poller = MetricsPoller(Kind.POD_METRICS, transport, "n", store, clock, rand=LongestPauses())
    task = asyncio.ensure_future(poller.run())
    await clock.advance(1)
    assert store.feed(Kind.POD_METRICS).state is state
    assert words in store.feed(Kind.POD_METRICS).reason
    assert not store.snapshot().pod_usage

    transport.answer("GET", PATH, {"metadata": {}, "items": [READING]})
    await clock.advance(31)
    assert store.feed(Kind.POD_METRICS).state is FeedState.LIVE
    assert store.feed(Kind.POD_METRICS).reason == ""
    assert store.snapshot().pod_usage["p"].cpu == 0.005

    kept = store.snapshot().pod_usage["p"]
    await clock.advance(12)
    assert store.snapshot().pod_usage["p"] is kept
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def reading(number: int, label: str) -> dict[str, object]:
    name = {"metadata": {"name": f"p{number}", "labels": {"app": label}}}
    return {**name, "containers": [{"name": "c", "usage": {"cpu": f"{number}m", "memory": "1Mi"}}]}


@given(
    st.lists(st.text(max_size=30) | st.just('},{"metadata":{'), max_size=40),
    st.integers(1, 3000),
    st.sampled_from(["", "\n"]),
)
def test_a_long_list_is_cut_between_its_items_and_nowhere_else(
    labels: list[str], size: int, end: str
) -> None:
    items = [reading(number, label) for number, label in enumerate(labels)]
    body = json.dumps({"kind": "PodMetricsList", "metadata": {}, "items": items}, separators=(",", ":")) + end
    parts = list(in_parts(body.encode(), size))
    assert [item for part in parts for item in parse_list(part, PATH)["items"]] == items
    if len(body) > 2 * size + 300 and len(items) > 2:
        assert len(parts) > 1


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"items": [reading(number, "x") for number in range(40)]}),
        json.dumps(
            {"items": [reading(number, "x") for number in range(40)], "odd": [{}, {"metadata": {"a": [{}]}}]},
            separators=(",", ":"),
        ),
        json.dumps(
            {"items": [reading(number, "x") for number in range(40)], "odd": [{}]}, separators=(",", ":")
        ).replace('"odd":[{}]}', '"odd":[{"metadata":{}},{"metadata":[]}]}'),
    ],
    ids=["written with spaces", "items not last", "something like items behind"],
)
async def test_a_long_list_of_another_form_is_read_as_well(
    transport: ScriptedTransport, clock: ManualClock, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("posdeck.cluster.metrics.in_parts", lambda raw: in_parts(raw, 200))
    transport.answer("GET", PATH, Response(200, body.encode()))
    store = Store(clock)
    poller = MetricsPoller(Kind.POD_METRICS, transport, "n", store, clock, rand=LongestPauses())
    task = asyncio.ensure_future(poller.run())
    await clock.advance(1)
    assert len(store.snapshot().pod_usage) == 40
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
