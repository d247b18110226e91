"""A console that sees the embedded cluster through an API server with faults to order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.acceptance.conftest import embedded_desk, embedded_place, restarting
from tests.faults.faulty_api import FaultyApi
from tests.operations.opened_console import console_on, private_folders

from posdeck.audit.record import Result
from posdeck.clock import ManualClock
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import RefusedError
from posdeck.operations import acting, journal
from posdeck.operations.acting import PlannedWrite
from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.facts import Facts
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import View
from posdeck.operations.write import ACTS, RESOURCES, Write
from posdeck.simulator.server import Simulator

if TYPE_CHECKING:
    from tests.faults.bench import Bench

__all__ = ["embedded_desk", "embedded_place", "restarting"]

CONSUMER, NAME = "consumer-order", "spc--pos--be--consumer-order--prod"
WATCHED = (Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.SERVICES, Kind.HPAS, Kind.EVENTS)
PATIENCE = 30.0


@dataclass
class Watch:
    """The console, the API in front of the cluster, the cluster, and a restart that was previewed in peace."""

    console: Console
    api: FaultyApi
    cluster: Simulator
    planned: PlannedWrite

    async def sees(self, condition: Callable[[View], bool]) -> View:
        """The first view that fulfils the condition, within a deadline."""
        async with asyncio.timeout(PATIENCE):
            return await self.console.wait_for(condition)

    async def all_in(self, *states: FeedState) -> View:
        """The first view in which every watched kind is in one of the states."""
        return await self.sees(lambda v: all(v.snapshot.feed(k).state in states for k in WATCHED))

    async def sees_pods_of(self, cluster: Simulator) -> View:
        """The first view with exactly the pods of a cluster."""
        names = {pod["metadata"]["name"] for pod in cluster.objects("pods")}
        return await self.sees(lambda v: set(v.snapshot.pods) == names)

    async def write(self) -> None:
        """Pass the gate with what was previewed, and leave it at that. Raises RefusedError."""
        assert self.console.workshop is not None
        workshop = self.console.workshop
        permits = await acting.authorise_all(workshop, [self.planned], typed=CONSUMER, reason="a test")
        await acting.settle_all(workshop, permits, Result.NOTHING_CHANGED, message="a test of the gate")

    async def may_write_again(self) -> None:
        """Wait until the gate lets the write pass by itself."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await self.write()
                except RefusedError:
                    await asyncio.sleep(0.05)

    def generation(self) -> int:
        """The deployment's generation in the cluster behind."""
        found = self.cluster.object("apps/deployments", NAME)
        assert found is not None
        return int(found["metadata"]["generation"])

    def refusals(self) -> list[str]:
        """The rules of the refusals on record, newest first. The chain must be whole, and every intent settled."""
        with journal.reading_store(self.console.opening.audit_file) as store:
            records = list(store.records())
            assert store.verify().ok
        intents = {r.content["id"] for r in records if r.kind == "intent"}
        settled = {r.content["intent_id"] for r in records if r.kind == "outcome"}
        assert intents == settled
        return [str(r.content["rule"]) for r in reversed(records) if r.kind == "refusal"]


async def plan(console: Console) -> PlannedWrite:
    """A restart of one consumer as its preview describes it."""
    assert console.workshop is not None
    write = Write(
        act=ACTS["rollout-restart"],
        resource=RESOURCES["Deployment"],
        namespace=console.opening.namespace,
        name=NAME,
        short=CONSUMER,
        kubectl=f"kubectl rollout restart deployment/{NAME}",
    )
    facts: Facts = await acting.facts_of(console.workshop, write)
    return PlannedWrite(replace(write, expected=facts.found), facts, ())


@pytest.fixture
async def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    """In peace: everything live, one restart previewed."""
    private_folders(monkeypatch, tmp_path)
    catalogue = open_content(Request(environment="simulated")).catalogue
    cluster = Simulator(seed_of(catalogue), clock=ManualClock())
    await cluster.start()
    api = FaultyApi(cluster)
    await api.start()
    try:
        kubeconfig = api.write_kubeconfig(tmp_path / "kubeconfig", catalogue.environment.namespace)
        async with console_on(kubeconfig) as console:
            await console.settled.wait()
            ready = Watch(console, api, cluster, await plan(console))
            await ready.all_in(FeedState.LIVE)
            yield ready
    finally:
        await api.stop()
        await cluster.stop()


@pytest.fixture
async def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Nothing is opened yet."""
    from tests.faults.bench import Bench

    private_folders(monkeypatch, tmp_path)
    time = ManualClock()
    cluster = Simulator(seed_of(open_content(Request(environment="simulated")).catalogue), clock=time)
    await cluster.start()
    api = FaultyApi(cluster)
    await api.start()
    made = Bench(api, cluster, time, tmp_path)
    yield made
    if made.console is not None:
        await made.console.stop()
    await api.stop()
    await cluster.stop()
