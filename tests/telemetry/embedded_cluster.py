"""The simulated environment as a test drives it: its inventory, its cluster, and the numbers read from it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import ManualClock
from posdeck.cluster.connection import connect
from posdeck.cluster.feed import ClusterFeed
from posdeck.cluster.kubeconfig import Target, load_target
from posdeck.cluster.transport import Transport
from posdeck.operations.embedded import seed_of
from posdeck.operations.numbers import Numbers
from posdeck.operations.processing import consumer_view
from posdeck.operations.view import ConsumerView, Surroundings, View
from posdeck.simulator.server import Simulator

ROOT = Path(__file__).parents[2]


@dataclass
class Embedded:
    """A running simulator and what posdeck reads of it. Nothing moves but by ``advance``."""

    catalogue: Catalogue
    simulator: Simulator
    clock: ManualClock
    transport: Transport
    numbers: Numbers
    target: Target

    async def advance(self, seconds: float) -> None:
        """Let so much time pass; the polls that fall into it find what was there at its end."""
        await self.clock.advance(seconds)

    async def poll(self) -> None:
        """Ask once, now."""
        for feed in self.numbers._feeds.values():
            await feed.poll()

    def consumer(self, name: str) -> ConsumerView:
        """What the screens show of a consumer."""
        workload = self.catalogue.workload(name)
        return consumer_view(workload, None, self.numbers.of(name), self.clock.now().timestamp())

    async def restart(self, name: str) -> None:
        """Replace the pods of a deployment, as a restart does."""
        deployment = self.catalogue.workload(name).deployment
        for pod in list(self.simulator.load.pods(deployment).values()):
            path = f"/api/v1/namespaces/{self.catalogue.environment.namespace}/pods/{pod['metadata']['name']}"
            await self.transport.request("DELETE", path)


async def view_of(cluster: Embedded) -> View:
    """The namespace as a console would see it now."""
    feed = ClusterFeed(cluster.transport, cluster.target, clock=cluster.clock)
    feed.start()
    try:
        there = asyncio.ensure_future(
            feed.wait_for(lambda s: bool(s.pods and s.deployments and s.replica_sets and s.nodes))
        )
        async with asyncio.timeout(60):
            while not there.done():
                await cluster.clock.advance(0.1)
                await asyncio.sleep(0.01)
        snapshot = there.result()
    finally:
        await feed.stop()
    return View(snapshot, Surroundings("simulated", False, "ask"))


@asynccontextmanager
async def embedded(folder: Path, history: timedelta = timedelta(hours=1)) -> AsyncIterator[Embedded]:
    """Start the simulated environment; ``folder`` takes its kubeconfig, ``history`` is how far its numbers go back."""
    catalogue = read_catalogue(ROOT / "inventory" / "simulated")
    clock = ManualClock()
    simulator = Simulator(seed_of(catalogue, history=history), clock=clock)
    await simulator.start()
    transport = None
    try:
        kubeconfig = simulator.write_kubeconfig(folder / "kubeconfig")
        target = load_target(kubeconfig)
        transport = await connect(target, clock=clock)
        numbers = Numbers(catalogue, transport, clock, lambda: None)
        yield Embedded(catalogue, simulator, clock, transport, numbers, target)
        await numbers.stop()
    finally:
        if transport is not None:
            await transport.close()
        await simulator.stop()
