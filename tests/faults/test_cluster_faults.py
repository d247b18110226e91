"""The API server misbehaves while posdeck watches: what is shown, what is refused, what survives, how soon it is over.

Each case begins in peace with a restart that was previewed, breaks the API, and ends the fault again.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from tests.faults.conftest import NAME, Watch
from tests.faults.faulty_api import Fault

from posdeck.clock import ManualClock
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import RefusedError
from posdeck.operations.embedded import seed_of
from posdeck.simulator.server import Simulator

Record = Callable[[str, object], None]
STALE, LIVE = FeedState.STALE, FeedState.LIVE


@dataclass(frozen=True)
class Breakage:
    """How it breaks and mends, what the pods are shown as, words of the reason, and whether pods stay on the screen."""

    name: str
    begin: Callable[[Watch], Awaitable[None]]
    end: Callable[[Watch], Awaitable[None]]
    state: FeedState
    words: str
    kept: bool = True


def answering(fault: Fault) -> Callable[[Watch], Awaitable[None]]:
    async def begin(watch: Watch) -> None:
        watch.api.set(fault)
        if not fault.silent:
            watch.api.cut()

    return begin


async def mended(watch: Watch) -> None:
    watch.api.set(None)


async def stopped(watch: Watch) -> None:
    await watch.api.stop()


async def started(watch: Watch) -> None:
    await watch.api.stop()
    await watch.api.start()


async def a_stranger(watch: Watch) -> None:
    await watch.api.restart_as_stranger()


BREAKAGES = (
    Breakage("stopped", stopped, started, STALE, "127.0.0.1"),
    Breakage("wrong certificate", a_stranger, started, STALE, "certificate"),
    Breakage("500", answering(Fault(500)), mended, STALE, "500"),
    Breakage("503", answering(Fault(503)), mended, STALE, "503"),
    Breakage("429", answering(Fault(429, {"Retry-After": "1"})), mended, STALE, "a fault to order"),
    Breakage("half answers", answering(Fault(half=True)), mended, STALE, ""),
    Breakage("silent", answering(Fault(silent=True)), mended, STALE, "no answer"),
    Breakage("too slow", answering(Fault(delay=12)), mended, STALE, ""),
    Breakage("401", answering(Fault(401)), mended, FeedState.AUTH_EXPIRED, ""),
    Breakage("namespace gone", answering(Fault(404)), mended, FeedState.ABSENT, "", kept=False),
    Breakage("403", answering(Fault(403)), mended, FeedState.FORBIDDEN, "", kept=False),
)


def params() -> list[Any]:
    """The breakages; those that take their time, or are much like another one, on request."""
    marks = {name: [pytest.mark.long] for name in ("503", "429", "half answers", "silent", "too slow")}
    return [pytest.param(b, id=b.name.replace(" ", "-"), marks=marks.get(b.name, [])) for b in BREAKAGES]


@pytest.mark.parametrize("case", params())
async def test_it_is_shown_refused_survived_and_over_by_itself(
    watch: Watch, case: Breakage, record_property: Record
) -> None:
    before = watch.generation()
    pods = set(watch.console.view.snapshot.pods)
    await case.begin(watch)
    await watch.all_in(case.state)
    shown = await watch.sees(lambda v: case.words in v.snapshot.feed(Kind.PODS).reason)
    assert shown.snapshot.feed(Kind.PODS).reason
    assert set(shown.snapshot.pods) == (pods if case.kept else set())

    with pytest.raises(RefusedError) as refused:
        await watch.write()
    assert refused.value.rule in {"cluster-identity", "target", "permission"}
    assert refused.value.kubectl
    assert watch.generation() == before

    await case.end(watch)
    began = time.monotonic()
    after = await watch.all_in(LIVE)
    record_property("recovered_after", time.monotonic() - began)
    assert set(after.snapshot.pods) == pods
    await watch.may_write_again()
    assert refused.value.rule in watch.refusals()
    assert watch.generation() == before


@pytest.mark.parametrize("how", ["cut", "rubbish", "410"])
async def test_a_broken_watch_is_opened_anew_and_misses_nothing(
    watch: Watch, how: str, record_property: Record
) -> None:
    """Nothing needs refusing: the gate asks the server itself, not the watch."""
    if how == "410":
        watch.api.set(Fault(410, watches=True))
    if how == "rubbish":
        await watch.api.garble()
    else:
        watch.api.cut()
    await watch.write()
    watch.api.set(None)
    began = time.monotonic()
    pod = next(name for name in watch.console.view.snapshot.pods if name.startswith(NAME))
    assert watch.console.workshop is not None
    path = f"/api/v1/namespaces/{watch.console.opening.namespace}/pods/{pod}"
    await watch.console.workshop.transport.request("DELETE", path, body=b'{"gracePeriodSeconds":0}')
    await watch.sees(lambda v: pod not in v.snapshot.pods)
    await watch.all_in(LIVE)
    record_property("recovered_after", time.monotonic() - began)
    assert watch.refusals() == []


async def test_another_cluster_under_the_same_address_gets_no_write(
    watch: Watch, record_property: Record
) -> None:
    """Between the preview and the write the address leads elsewhere, with objects of the same names."""
    first = watch.cluster
    other = Simulator(seed_of(watch.console.catalogue, 2), clock=ManualClock())
    await other.start()
    try:
        watch.api.upstream = other
        with pytest.raises(RefusedError) as refused:
            await watch.write()
        assert refused.value.rule == "target-changed"
        assert "another object" in refused.value.cause
        found = other.object("apps/deployments", NAME)
        assert found is not None
        assert found["metadata"]["generation"] == 1 or "restartedAt" not in str(found["spec"]["template"])
        watch.api.cut()
        await watch.sees_pods_of(other)
    finally:
        watch.api.upstream = first
        began = time.monotonic()
        watch.api.cut()
    await watch.sees_pods_of(first)
    await watch.all_in(LIVE)
    record_property("recovered_after", time.monotonic() - began)
    await watch.may_write_again()
    await other.stop()
    assert watch.refusals() == ["target-changed"]


@pytest.mark.long
async def test_clusters_that_change_places_again_and_again_are_never_mixed(watch: Watch) -> None:
    """The address leads elsewhere while the last change is still being made good; versions of both fit each other."""
    other = Simulator(seed_of(watch.console.catalogue, 2), clock=ManualClock())
    await other.start()
    try:
        for upstream in (other, watch.cluster) * 4:
            watch.api.upstream = upstream
            watch.api.cut()
            await watch.sees_pods_of(upstream)
        await watch.all_in(LIVE)
        view = await watch.sees(lambda v: len(v.snapshot.replica_sets) > 0)
        mine = {o["metadata"]["uid"] for o in watch.cluster.objects("apps/replicasets")}
        assert {r.uid for r in view.snapshot.replica_sets.values()} <= mine
    finally:
        await other.stop()
