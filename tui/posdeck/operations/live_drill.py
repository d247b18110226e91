"""A drill in real time: the fault comes at a random moment into the embedded cluster that somebody looks at, and it is
noted when it is mended."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from posdeck.catalogue.model import Catalogue
from posdeck.operations.drill_diary import FaultTimes
from posdeck.operations.drill_list import Drill

if TYPE_CHECKING:
    from posdeck.simulator.faults_model import Effect
    from posdeck.simulator.server import Simulator

CHANCE = (20.0, 60.0)  # seconds after the start between which the fault comes
LOOK = 0.5  # seconds between two looks at whether it is mended


@dataclass
class LiveDrill:
    """One drill beside a serving cluster."""

    cluster: Simulator
    catalogue: Catalogue
    drill: Drill
    seed: int
    began: datetime | None = None
    mended: datetime | None = None
    _effect: Effect | None = field(default=None, repr=False)

    async def run(self) -> None:
        """Wait for the moment, inject, and look until it is mended."""
        from posdeck.simulator.faults_model import Fault

        chance = random.Random(f"{self.drill.name}/{self.seed}")  # noqa: S311  no secret
        await self.cluster.clock.sleep(chance.uniform(*CHANCE))
        target = self.catalogue.workload(self.drill.target).deployment if self.drill.target else ""
        self._effect = self.cluster.inject(Fault(self.drill.fault, target, self.drill.parameters))
        self.began = self.cluster.clock.now()
        while self._effect in self.cluster.faults.active:
            await self.cluster.clock.sleep(LOOK)
        self.mended = self.cluster.clock.now()

    @property
    def times(self) -> FaultTimes:
        """When the fault came and went."""
        return FaultTimes(self.began, self.mended)


async def end(task: asyncio.Task[None] | None) -> None:
    """Stop the task of a drill; what went wrong in it is raised."""
    if task is None:
        return
    task.cancel()
    found = await asyncio.gather(task, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError):
            raise each
