"""A console that is opened as a test says, on an API with faults to order, with a clock that can be set."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from tests.faults.conftest import WATCHED
from tests.faults.faulty_api import FaultyApi

from posdeck.clock import ManualClock, SystemClock
from posdeck.cluster.snapshot import FeedState
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import View
from posdeck.simulator.server import Simulator


class SetClock(SystemClock):
    """A clock that somebody sets; time goes on as ever."""

    offset = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.offset


class Bench:
    """A console that is opened as the test says, on an API with faults."""

    def __init__(self, api: FaultyApi, cluster: Simulator, time: ManualClock, folder: Path) -> None:
        self.api, self.cluster, self.time, self.folder = api, cluster, time, folder
        self.clock = SetClock()
        self.console: Console | None = None

    async def open(self, user: dict[str, object] | None = None) -> Console:
        kubeconfig = self.api.write_kubeconfig(self.folder / "kubeconfig", self.cluster.seed.namespace, user)
        content = open_content(Request(kubeconfig=kubeconfig, environment="simulated"))
        self.console = Console(content, clock=self.clock)
        await self.console.start()
        return self.console

    async def sees(self, condition: Callable[[View], bool]) -> View:
        assert self.console is not None
        async with asyncio.timeout(30):
            return await self.console.wait_for(condition)

    async def live(self) -> float:
        """Seconds until every watched kind is live."""
        began = time.monotonic()
        await self.sees(lambda v: all(v.snapshot.feed(k).state is FeedState.LIVE for k in WATCHED))
        return time.monotonic() - began
