"""A drill in real time: the fault comes at a random moment into the embedded cluster that somebody looks at, and at the
end it is told what happened, whether it was mended, and what the procedure would have been."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from posdeck.catalogue.model import Catalogue
from posdeck.operations.drill_list import Cure, Drill

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

    def debrief(self) -> list[str]:
        """What to tell at the end."""
        lines = [f"Debrief: {self.drill.title} (seed {self.seed})"]
        if self.began is None:
            return [*lines, "  the fault had not come yet"]
        lines.append(f"  what happened  {self.drill.happened} ({self.began:%H:%M:%S}Z)")
        if self.mended is not None:
            took = (self.mended - self.began).total_seconds()
            lines.append(f"  mended         after {took:.0f} s")
        elif self.drill.cure is Cure.OUTSIDE:
            lines.append("  mended         no: this one is for others to mend, outside the namespace")
        else:
            lines.append(f"  mended         no; what cures it: {self.drill.cure.value}")
        answers = ", ".join(sorted(r for r in self.drill.runbooks if r)) or "none: for others to mend"
        return [*lines, f"  runbook        {answers}", f"  procedure      {self.drill.procedure}"]


async def end(task: asyncio.Task[None] | None) -> None:
    """Stop the task of a drill; what went wrong in it is raised."""
    if task is None:
        return
    task.cancel()
    found = await asyncio.gather(task, return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError):
            raise each
