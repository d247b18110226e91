"""Deployments as rows: the Workloads view, and the wall of the overview in the catalogue's categories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.kubetext.quantities import format_cpu, format_memory
from posdeck.operations.view import ConsumerView, Severity, Verdict
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import (
    EMPTY_CELL,
    Cell,
    Column,
    RowKind,
    Sections,
    number_order,
    reading_cell,
    shared_length,
    time_order,
)
from posdeck.ui.rows.pods import RECENT, UNMEASURED
from posdeck.ui.rows.problems import finding_cell, finding_order
from posdeck.ui.scene import Load, Scene
from posdeck.ui.spark import spark
from posdeck.ui.tones import Tone

_STATE = {
    "asleep": ("☾", Tone.DIM),
    "rolling": ("◌", Tone.BUSY),
    "short": ("▲", Tone.WARN),
    "down": ("✖", Tone.BAD),
    "paused": ("‖", Tone.WARN),
    "ready": ("●", Tone.GOOD),
    "absent": ("?", Tone.BAD),
}


def workload_state(deployment: Deployment) -> str:
    """asleep, paused, rolling, down, short or ready: the word behind the glyph."""
    if deployment.desired == 0:
        return "asleep" if deployment.replicas == 0 else "stopping"
    if deployment.ready == 0:
        return "down"
    if deployment.ready < deployment.desired:
        return "short" if deployment.updated >= deployment.desired else "rolling"
    if deployment.paused:
        return "paused"
    return "ready" if deployment.rollout_done else "rolling"


def state_cell(deployment: Deployment, scene: Scene) -> Cell:
    """The glyph of the state; a problem of the object, or of its queue, outshines a ready state."""
    trouble = scene.trouble("deployment", deployment.name)
    if trouble is Severity.CRITICAL:
        return Cell("✖", Tone.BAD)
    state = workload_state(deployment)
    glyph, tone = _STATE.get(state, ("◌", Tone.BUSY))
    consumer = scene.view.consumers.get(scene.wall.short(deployment.name))
    queue = QUEUE_TONES.get(consumer.verdict) if consumer is not None and tone is Tone.GOOD else None
    if queue is Tone.BAD:
        return Cell("✖", Tone.BAD)
    if tone is Tone.GOOD and (trouble is Severity.WARNING or queue is Tone.WARN):
        return Cell("▲", Tone.WARN)
    return Cell(glyph, tone)


def ready_cell(deployment: Deployment) -> Cell:
    """READY as kubectl has it."""
    tone = _STATE.get(workload_state(deployment), ("", Tone.BUSY))[1]
    return Cell(f"{deployment.ready}/{deployment.desired}", Tone.NORMAL if tone is Tone.GOOD else tone)


def marks(deployment: Deployment, scene: Scene) -> str:
    """HPA, and ① for what runs as a single replica."""
    words = []
    if scene.hpa_for(deployment.name):
        words.append("HPA")
    if deployment.desired == 1:
        words.append("①")
    return " ".join(words)


def restarts_text(deployment: Deployment, scene: Scene) -> Cell:
    """Restarts of all its pods, with the age of the last one when that is less than an hour."""
    if not scene.joins.whole:
        return UNMEASURED  # some pods are not there yet, or may not be read: 0 would be a lie
    pods = scene.joins.pods(deployment.name)
    total = sum(pod.restarts for pod in pods)
    last = max((p.last_restart for p in pods if p.last_restart), default=None)
    if last is not None and total and (scene.now - last).total_seconds() < RECENT:
        return Cell(f"{total:,} ({scene.since(last)})", Tone.WARN)
    return Cell(f"{total:,}", Tone.DIM if not total else Tone.NORMAL)


def load_cells(load: Load) -> tuple[Cell, Cell, Cell, Cell]:
    """CPU, percent of request, memory, percent of limit."""
    return (
        Cell(format_cpu(load.cpu)) if load.cpu is not None else UNMEASURED,
        percent_cell(load.cpu_of_request, 100),
        Cell(format_memory(load.memory)) if load.memory is not None else UNMEASURED,
        percent_cell(load.memory_of_limit, 90),
    )


def percent_cell(percent: float | None, hot: float) -> Cell:
    """A percentage, loud from 85 % of ``hot`` on."""
    if percent is None:
        return UNMEASURED
    tone = Tone.BAD if percent >= hot else Tone.WARN if percent >= 0.85 * hot else Tone.NORMAL
    return Cell(f"{percent:.0f}%", tone)


def short_cell(deployment_or_name: Deployment | str, scene: Scene) -> Cell:
    """The short name; "consumer-", which most share, is drawn quietly."""
    full = deployment_or_name if isinstance(deployment_or_name, str) else deployment_or_name.name
    short = plain(scene.wall.short(full))
    return Cell(short, Tone.NORMAL, quiet=shared_length(short))


class Workloads(RowKind):
    """One row for each deployment, awake ones first."""

    id = "workloads"
    noun = "workloads"
    feed = Kind.DEPLOYMENTS
    default_sort = "name"
    volatile = frozenset({"finding", "cpu", "memory", "cpu_request", "memory_limit", "restarts"})
    columns = (
        Column("state", "", least=1, most=1),
        Column("name", "NAME", least=16, most=44, key="n"),
        Column("word", "STATE", least=7, key="s"),
        Column("ready", "READY", right=True, key="r"),
        Column("finding", "FINDING", priority=2, most=28, key="w", descending=True),
        Column("updated", "UP-TO-DATE", right=True, priority=4),
        Column("available", "AVAILABLE", right=True, priority=4),
        Column("restarts", "RESTARTS", right=True, priority=1, key="t", descending=True),
        Column("cpu", "CPU", right=True, priority=1, key="c", descending=True),
        Column("cpu_request", "%REQ", right=True, priority=3, descending=True),
        Column("memory", "MEM", right=True, priority=1, key="m", descending=True),
        Column("memory_limit", "%LIM", right=True, priority=3, descending=True),
        Column("marks", "MARKS", priority=2),
        Column("revision", "REV", right=True, priority=5),
        Column("image", "IMAGE", priority=6, most=48, prose=True),
        Column("age", "AGE", right=True, least=4, key="a", descending=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.snapshot.deployments

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        deployment: Deployment = item
        state = workload_state(deployment)
        glyph = state_cell(deployment, scene)
        image = deployment.containers[0].image if deployment.containers else "–"
        return (
            glyph,
            short_cell(deployment, scene),
            Cell(state, _STATE.get(state, ("", Tone.BUSY))[1]),
            ready_cell(deployment),
            finding_cell(scene.finding("deployment", deployment.name)),
            Cell(f"{deployment.updated}"),
            Cell(f"{deployment.available}"),
            restarts_text(deployment, scene),
            *load_cells(scene.joins.load(deployment)),
            Cell(marks(deployment, scene), Tone.ACCENT),
            Cell("–" if deployment.revision is None else str(deployment.revision), Tone.DIM),
            Cell(plain(image.rsplit("/", 1)[-1]), Tone.DIM),
            Cell(scene.since(deployment.created), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        deployment: Deployment = item
        if column == "name":
            return (deployment.desired == 0, scene.wall.short(deployment.name))
        if column == "ready":
            return (deployment.ready - deployment.desired, deployment.desired)
        if column == "finding":
            return finding_order(scene.finding("deployment", deployment.name))
        if column == "restarts":
            return sum(pod.restarts for pod in scene.joins.pods(deployment.name))
        if column == "age":
            return -time_order(deployment.created)
        load = scene.joins.load(deployment)
        numbers = {
            "cpu": load.cpu,
            "memory": load.memory,
            "cpu_request": load.cpu_of_request,
            "memory_limit": load.memory_of_limit,
        }
        if column in numbers:
            return number_order(numbers[column])
        return super().order(column, key, item, scene)

    def words(self, key: str, item: Any, scene: Scene) -> str:
        return f"{item.name} {scene.wall.short(item.name)} {workload_state(item)}"


class WallRows(RowKind):
    """The overview's wall: every workload of the catalogue under its category, in the cluster or not."""

    id = "wall"
    noun = "workloads"
    feed = Kind.DEPLOYMENTS
    columns = (
        Column("state", "", least=1, most=1),
        Column("name", "", least=14, most=44),
        Column("marks", "", least=1, most=5, priority=1),
        Column("ready", "READY", right=True, least=5),
        Column("restarts", "RESTARTS", right=True, priority=3, least=8),
        Column("cpu", "CPU", right=True, priority=2, least=5),
        Column("cpu_request", "%REQ", right=True, priority=4, least=4),
        Column("memory", "MEM", right=True, priority=2, least=5),
        Column("memory_limit", "%LIM", right=True, priority=4, least=4),
        Column("lag", "LAG", right=True, least=5),
        Column("trend", "TREND", priority=3, least=6, most=6),
        Column("in", "IN/s", right=True, priority=5, least=5),
        Column("out", "OUT/s", right=True, priority=1, least=5),
        Column("age", "AGE", right=True, priority=2, least=4),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        snapshot = scene.snapshot
        if not scene.wall.members:
            return snapshot.deployments
        known: dict[str, Any] = {m.full: snapshot.deployments.get(m.full) or m for m in scene.wall.members}
        for name, deployment in snapshot.deployments.items():
            known.setdefault(name, deployment)
        return known if snapshot.deployments else {}

    def sections(self, scene: Scene) -> Sections | None:
        deployments = scene.snapshot.deployments
        if not scene.wall.members:
            return None
        found: list[tuple[str, list[str]]] = []
        asleep: list[str] = []
        for title, members in scene.wall.groups():
            awake: list[str] = []
            for member in members:
                there = deployments.get(member.full)
                sleeping = there is not None and there.desired == 0 and there.replicas == 0
                (asleep if sleeping else awake).append(member.full)
            found.append((title, awake))
        found.append(("asleep", asleep))
        found.append(("not in the catalogue", sorted(n for n in deployments if n not in scene.wall.by_full)))
        return [(title, keys) for title, keys in found if keys]

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        if not isinstance(item, Deployment):
            missing = [EMPTY_CELL] * (len(self.columns) - 4)
            return (
                Cell("?", Tone.BAD),
                short_cell(key, scene),
                EMPTY_CELL,
                Cell("missing", Tone.BAD),
                *missing,
            )
        awake = item.desired > 0
        blank = (EMPTY_CELL,) * 4
        return (
            state_cell(item, scene),
            short_cell(item, scene),
            Cell(marks(item, scene), Tone.ACCENT),
            ready_cell(item),
            restarts_text(item, scene) if awake else EMPTY_CELL,
            *(load_cells(scene.joins.load(item)) if awake else blank),
            *(queue_cells(scene.view.consumers.get(scene.wall.short(key))) if awake else blank),
            Cell(scene.since(item.created), Tone.DIM),
        )


QUEUE_TONES = {
    Verdict.STUCK: Tone.BAD,
    Verdict.NO_CONSUMER: Tone.BAD,
    Verdict.RETURNING: Tone.BAD,
    Verdict.FALLING_BEHIND: Tone.WARN,
}


def queue_cells(consumer: ConsumerView | None) -> tuple[Cell, Cell, Cell, Cell]:
    """Lag, its trend, rate in and rate out of a consumer; nothing for a workload that has no queue."""
    if consumer is None:
        return EMPTY_CELL, EMPTY_CELL, EMPTY_CELL, EMPTY_CELL
    loud = QUEUE_TONES.get(consumer.verdict)
    return (
        short_reading(reading_cell(consumer.lag, tone=loud or Tone.NORMAL)),
        Cell(spark(consumer.lag_history, 6), loud or Tone.ACCENT),
        short_reading(reading_cell(consumer.rate_in, decimals=1)),
        short_reading(reading_cell(consumer.rate_out, decimals=1)),
    )


def short_reading(cell: Cell) -> Cell:
    """On the wall "no source" is a dot and "no consumer" one word; the Consumers view spells them out."""
    short = {"no source": "·", "no consumer": "nobody"}
    return Cell(short[cell.text], cell.tone) if cell.text in short else cell
