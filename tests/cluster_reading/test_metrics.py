"""Missing numbers have a reason: not installed, forbidden, not answering, not scraped yet are four things."""

from __future__ import annotations

import asyncio

import pytest
from tests.cluster_reading.support import LongestPauses

from posdeck.clock import ManualClock
from posdeck.cluster.metrics import NOT_SCRAPED, MetricsPoller
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.cluster.store import Store
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
