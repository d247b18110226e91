"""The cluster of the soak test, in a process of its own so that its memory is not posdeck's: 1,000 pods that come and
go, releases, faults of the workloads, and an API server that breaks in every way and mends. Ends with its input."""

from __future__ import annotations

import asyncio
import random
import sys
from dataclasses import replace
from pathlib import Path

from tests.faults.fast_clock import FastClock
from tests.faults.faulty_api import Fault, FaultyApi

from posdeck.operations.embedded import inject, seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.simulator.registry import DeleteOptions
from posdeck.simulator.resources import PODS
from posdeck.simulator.server import Simulator
from posdeck.simulator.world import Recorder

CHURN, FAULTS, LASTS = 10.0, 300.0, 12.0  # simulated seconds: between deletions, between faults, of a fault
EVENTS = 600.0  # simulated seconds for which events are kept: what the cluster has more of is no growth of posdeck's
BROKEN = (
    Fault(500), Fault(429, {"Retry-After": "1"}), Fault(half=True), Fault(silent=True), Fault(410, watches=True),
    Fault(401), Fault(403), Fault(503),
)  # fmt: skip
# of no queue, no service and with quiet logs, so that the load stays the namespace's: a service of 1,000 pods would
# be written anew with each of them, and keep this machine busy instead of posdeck
GROWN = ("batch-publisher", "cron")
TROUBLES = ("consumer-hung=consumer-customer", "requests-failing", "arrival-surge=consumer-order")


async def main(kubeconfig: Path, began: float, factor: float, pods: int) -> None:
    """Serve until the standard input is closed."""
    catalogue = open_content(Request(environment="simulated")).catalogue
    clock = FastClock(began, factor)
    seed = seed_of(catalogue)
    nodes = tuple(replace(n, cpu="256", memory="2Ti", pods=pods) for n in seed.nodes)
    deployments = tuple(
        replace(d, replicas=(pods - 18) // len(GROWN), log_rate=0.001, cpu_idle=0.001)
        if any(name in d.name for name in GROWN)
        else d
        for d in seed.deployments
    )
    cluster = Simulator(replace(seed, nodes=nodes, deployments=deployments), clock=clock, history=4_000)
    Recorder.KEPT_SECONDS = EVENTS
    await cluster.start()
    api = FaultyApi(cluster)
    await api.start()
    api.write_kubeconfig(kubeconfig, catalogue.environment.namespace)
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    working = [asyncio.ensure_future(churn(cluster, clock)), asyncio.ensure_future(faults(api, clock))]
    working.append(asyncio.ensure_future(troubles(cluster, clock, catalogue)))
    await asyncio.wait([over, *working], return_when=asyncio.FIRST_COMPLETED)
    for work in working:
        work.cancel()
    await api.stop()
    await cluster.stop()


async def churn(cluster: Simulator, clock: FastClock) -> None:
    """Pods go, and others come in their place."""
    chance = random.Random(1)
    while True:
        await clock.sleep(CHURN)
        for pod in chance.sample(cluster.objects("pods"), 5):
            cluster.registry.delete(
                PODS, cluster.seed.namespace, pod["metadata"]["name"], DeleteOptions(grace=0)
            )


async def faults(api: FaultyApi, clock: FastClock) -> None:
    """The API breaks and mends, in every way in turn."""
    turn = 0
    while True:
        await clock.sleep(FAULTS - LASTS)
        api.set(BROKEN[turn % len(BROKEN)])
        if turn % 2:
            api.cut()
        await clock.sleep(LASTS)
        api.set(None)
        turn += 1


async def troubles(cluster: Simulator, clock: FastClock, catalogue: object) -> None:
    """A workload goes wrong and recovers."""
    turn = 0
    while True:
        await clock.sleep(300)
        inject(cluster, catalogue, TROUBLES[turn % len(TROUBLES)])  # type: ignore[arg-type]
        await clock.sleep(120)
        cluster.clear()
        turn += 1


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])))
