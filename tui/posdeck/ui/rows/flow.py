"""The path of a request through the system, each stage with the worst state that the cluster shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posdeck.catalogue.model import Catalogue, Stage
from posdeck.operations.view import Problem, Severity, Verdict
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind, Sections
from posdeck.ui.rows.workloads import workload_state
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_TROUBLED = {
    Verdict.STUCK: Tone.BAD,
    Verdict.NO_CONSUMER: Tone.BAD,
    Verdict.RETURNING: Tone.BAD,
    Verdict.FALLING_BEHIND: Tone.WARN,
}
_RANK = [Tone.BAD, Tone.WARN, Tone.BUSY, Tone.GOOD, Tone.DIM]
_GLYPH = {Tone.BAD: "✖", Tone.WARN: "▲", Tone.BUSY: "◌", Tone.GOOD: "●", Tone.DIM: "○"}


@dataclass(frozen=True)
class FlowStage:
    """One stage with the workloads (short names) behind it; ``broker``: it is the system that holds the queues."""

    stage: Stage
    workloads: tuple[str, ...]
    place: int
    broker: bool = False


class FlowRows(RowKind):
    """One row for each stage of each flow."""

    id = "flow"
    noun = "stages"
    columns = (
        Column("glyph", "", least=1, most=1),
        Column("arrow", "", least=1, most=1),
        Column("stage", "STAGE", least=16, most=40),
        Column("state", "STATE", least=10, most=40),
        Column("members", "WORKLOADS", priority=1, most=120, prose=True),
    )

    def __init__(self) -> None:
        self.loaded: dict[str, FlowStage] = {}
        self._sections: list[tuple[str, list[str]]] = []

    def load(self, catalogue: Catalogue) -> None:
        """Take the flows of the catalogue."""
        self.loaded, self._sections = {}, []
        for flow in catalogue.flows.values():
            keys = []
            for place, stage in enumerate(flow.stages):
                key = f"{flow.id}/{place}"
                system = catalogue.systems.get(stage.ref) if stage.kind == "system" else None
                broker = system is not None and system.kind == "queue"
                self.loaded[key] = FlowStage(stage, _behind(stage, catalogue), place, broker)
                keys.append(key)
            self._sections.append((flow.title, keys))

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return self.loaded

    def sections(self, scene: Scene) -> Sections | None:
        return self._sections

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        stage: FlowStage = item
        tone, word = stage_state(stage, scene)
        return (
            Cell(_GLYPH[tone], tone),
            Cell("↓" if stage.place else " ", Tone.DIM),
            Cell(plain(stage.stage.title), Tone.STRONG if stage.workloads else Tone.NORMAL),
            Cell(word, tone),
            Cell(", ".join(stage.workloads), Tone.DIM),
        )


def _behind(stage: Stage, catalogue: Catalogue) -> tuple[str, ...]:
    if stage.kind == "workload" and stage.ref in catalogue.workloads:
        return (stage.ref,)
    if stage.kind == "group" and stage.ref in catalogue.groups:
        return tuple(catalogue.groups[stage.ref].members)
    return ()


def stage_state(stage: FlowStage, scene: Scene) -> tuple[Tone, str]:
    """The worst of the workloads behind the stage, in a word; what nothing shows is "not observed"."""
    if not stage.workloads:
        return _outside(stage, scene)
    worst, reason, asleep = Tone.GOOD, "", 0
    for short in stage.workloads:
        tone, word = _workload(short, scene)
        asleep += word == "asleep"
        if _RANK.index(tone) < _RANK.index(worst):
            worst, reason = tone, f"{short} {word}"
    if asleep == len(stage.workloads):
        return Tone.DIM, "asleep"
    return worst, reason or ("working" if worst is Tone.GOOD else worst.value)


def problem_of(stage: FlowStage, scene: Scene) -> Problem | None:
    """What is wrong with a system outside, as far as those that depend on it show it."""
    return scene.finding("ExternalSystem", stage.stage.ref) if stage.stage.kind == "system" else None


def _outside(stage: FlowStage, scene: Scene) -> tuple[Tone, str]:
    """A system that is not in the namespace: by a finding about it, and the broker by the numbers it gives."""
    problem = problem_of(stage, scene)
    if problem is not None:
        critical = problem.severity is Severity.CRITICAL
        return (
            (Tone.BAD, "critical: seems not to answer") if critical else (Tone.WARN, problem.severity.value)
        )
    if stage.broker:
        lags = [consumer.lag.value for consumer in scene.view.consumers.values()]
        known = [lag for lag in lags if lag is not None]
        if known:
            return Tone.GOOD, f"{sum(known):,.0f} waiting in {len(known)} queues"
    return Tone.DIM, "not observed"


def _workload(short: str, scene: Scene) -> tuple[Tone, str]:
    full = scene.wall.full(short)
    deployment = scene.snapshot.deployments.get(full)
    if deployment is None:
        return Tone.BAD, "not in the cluster" if scene.snapshot.deployments else "not known yet"
    state = workload_state(deployment)
    if state == "asleep":
        return Tone.DIM, "asleep"
    if scene.trouble("deployment", full) is Severity.CRITICAL or state == "down":
        return Tone.BAD, "critical" if state != "down" else "down"
    consumer = scene.view.consumers.get(short)
    if consumer is not None and consumer.verdict in _TROUBLED:
        return _TROUBLED[consumer.verdict], consumer.verdict.value
    if state in {"short", "paused"}:
        return Tone.WARN, state
    return (Tone.GOOD, "working") if state == "ready" else (Tone.BUSY, state)
