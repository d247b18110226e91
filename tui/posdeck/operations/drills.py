"""Drills: a healthy namespace under load, a fault at a random moment, and how posdeck takes it. In simulated time, so
that a quarter of an hour takes seconds. They train people, and they are what measures the diagnosis."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from posdeck.catalogue.model import Catalogue
from posdeck.errors import UnknownNameError
from posdeck.operations.assessment import Assessment
from posdeck.operations.drill_list import DRILLS, Cure, Drill
from posdeck.operations.library import RunbookLibrary
from posdeck.operations.rehearsal import POLL, Rehearsal
from posdeck.operations.treatment import treat
from posdeck.operations.view import Problem, Severity

WARM_UP = 690.0  # seconds of health at least, so that what is usual is known
CHANCE = 180.0  # seconds in which the moment of the fault lies
CALM = 15.0  # seconds between two looks while nothing is expected
PATIENCE = 900.0  # simulated seconds in which the fault has to be noticed
SETTLE = 60.0  # seconds after which it is asked once more what comes first
RECOVERY = 1500.0  # seconds in which a cure has to show
WRONG_FOR = 120.0  # seconds for which a wrong cure is watched
START = datetime(2026, 3, 2, tzinfo=UTC)
INCIDENTS = (Severity.CRITICAL, Severity.WARNING)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The first of the problems at one moment."""

    finding: str
    object: str
    text: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a drill. Times are simulated seconds since the fault, None for what did not happen. ``first``
    is what stood at the top when posdeck first said anything, ``later`` a minute after it was detected."""

    drill: Drill
    seed: int
    injected_at: datetime
    detected: float | None = None
    right_runbook: float | None = None
    first: Suggestion | None = None
    later: Suggestion | None = None
    named: bool | None = (
        None  # whether the outside system stood on top a minute later; None where none is at fault
    )
    false_before: tuple[Suggestion, ...] = ()
    wrong_helped: bool | None = None  # None where no wrong cure was tried
    cured: bool | None = None  # None where no cure was tried
    healthy: float | None = None  # seconds from the cure until nothing is wrong

    @property
    def first_is_right(self) -> bool:
        """Whether the first runbook that was suggested is a right one."""
        return self.first is not None and self.first.runbook in self.drill.runbooks

    @property
    def later_is_right(self) -> bool:
        """The same a minute after the detection."""
        return self.later is not None and self.later.runbook in self.drill.runbooks


def drill_named(name: str) -> Drill:
    """The drill of that name. Raises UnknownNameError."""
    for drill in DRILLS:
        if drill.name == name:
            return drill
    raise UnknownNameError(
        f"drill {name!r}",
        "there is none of this name",
        f"The drills are: {', '.join(d.name for d in DRILLS)}.",
    )


async def run_drill(
    catalogue: Catalogue,
    library: RunbookLibrary,
    drill: Drill,
    seed: int = 1,
    *,
    cure: bool = True,
    wrong_first: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Play one drill. With ``wrong_first`` a wrong cure is tried before the right one; ``tell`` hears each step."""
    chance = random.Random(f"{drill.name}/{seed}")  # noqa: S311  no secret
    start = START + timedelta(minutes=chance.randrange(24 * 60))
    run = _Run(Rehearsal(catalogue, library, seed, start), drill, seed, tell)
    await run.health(WARM_UP + chance.uniform(0, CHANCE))
    run.inject()
    await run.watch()
    if wrong_first:
        await run.try_wrong()
    if cure:
        await run.try_cure()
    return run.outcome()


class _Run:
    """One drill under way."""

    def __init__(self, rehearsal: Rehearsal, drill: Drill, seed: int, tell: Callable[[str], None]) -> None:
        self._rehearsal = rehearsal
        self._drill = drill
        self._seed = seed
        self._tell = tell
        catalogue = rehearsal.catalogue
        self._target = catalogue.workload(drill.target).deployment if drill.target else ""
        self._noted: dict[str, Any] = {"false_before": ()}
        self._since = 0.0

    async def health(self, seconds: float) -> None:
        """The time before the fault, in which nothing should be said."""
        noted: dict[tuple[str, str], Suggestion] = {}
        left = seconds
        while left > 0:
            assessment = await self._rehearsal.advance(min(CALM, left), CALM)
            left -= CALM
            for problem in incidents(assessment):
                noted.setdefault((problem.id, problem.short), suggestion(problem))
        self._noted["false_before"] = tuple(noted.values())

    def inject(self) -> None:
        """The fault."""
        from posdeck.simulator.faults_model import Fault

        self._rehearsal.cluster.inject(Fault(self._drill.fault, self._target, self._drill.parameters))
        self._since = self._rehearsal.clock.monotonic()
        self._noted["injected_at"] = self._rehearsal.clock.now()
        self._tell(f"{self._rehearsal.clock.now():%H:%M:%S} a fault begins")

    def _elapsed(self) -> float:
        return self._rehearsal.clock.monotonic() - self._since

    async def watch(self) -> None:
        """Until it is detected, and a little longer."""
        before = {(p.object, p.finding) for p in self._noted["false_before"]}
        until = PATIENCE
        while self._elapsed() < until:
            now = incidents(await self._rehearsal.advance(POLL))
            if now and "first" not in self._noted:
                self._noted["first"] = suggestion(now[0])
                self._say(now[0])
            if "detected" not in self._noted and any(
                p.id in self._drill.signs and (p.short, p.id) not in before for p in now
            ):
                self._noted["detected"] = self._elapsed()
                until = min(PATIENCE, self._elapsed() + SETTLE)
            if "right_runbook" not in self._noted and now and now[0].runbook in self._drill.runbooks:
                self._noted["right_runbook"] = self._elapsed()
        top = incidents(self._rehearsal.assessment)
        if top:
            self._noted["later"] = suggestion(top[0])
        if self._drill.system:
            self._noted["named"] = bool(top) and top[0].object_name == self._drill.system

    def _say(self, problem: Problem) -> None:
        runbook = problem.runbook or "none"
        self._tell(
            f"{self._rehearsal.clock.now():%H:%M:%S} {problem.short}: {problem.text} [runbook: {runbook}]"
        )

    async def try_wrong(self) -> None:
        """A wrong cure, which must not end the fault."""
        self._tell(f"{self._rehearsal.clock.now():%H:%M:%S} tried: {self._drill.wrong.value}")
        if self._drill.wrong is not Cure.OUTSIDE:
            treat(self._rehearsal.cluster, self._drill.wrong, self._target)
        await self._rehearsal.advance(WRONG_FOR)
        self._noted["wrong_helped"] = not self._rehearsal.cluster.faults.active

    async def try_cure(self) -> None:
        """The right cure, and the time until nothing is wrong any more."""
        cluster = self._rehearsal.cluster
        self._tell(f"{self._rehearsal.clock.now():%H:%M:%S} done: {self._drill.cure.value}")
        treat(cluster, self._drill.cure, self._target)
        began = self._rehearsal.clock.monotonic()
        while self._rehearsal.clock.monotonic() - began < RECOVERY:
            assessment = await self._rehearsal.advance(POLL)
            if not cluster.faults.active and not incidents(assessment):
                self._noted["healthy"] = self._rehearsal.clock.monotonic() - began
                break
        self._noted["cured"] = not cluster.faults.active

    def outcome(self) -> Outcome:
        """What was noted."""
        return Outcome(self._drill, self._seed, **self._noted)


def incidents(assessment: Assessment) -> Sequence[Problem]:
    """What is wrong now, worst first, without what is only worth knowing."""
    return [p for p in assessment.problems if p.severity in INCIDENTS]


def suggestion(problem: Problem) -> Suggestion:
    """What a front end would lead with."""
    return Suggestion(problem.id, problem.short, problem.text, problem.runbook)
