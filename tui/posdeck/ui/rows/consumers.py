"""Consumers as rows: their queue, their rates, and a verdict with its arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.cluster.snapshot import Deployment
from posdeck.kubetext.quantities import format_cpu
from posdeck.operations.view import ConsumerView, Verdict
from posdeck.telemetry.reading import Reading
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind, number_order, reading_cell, time_order
from posdeck.ui.rows.problems import finding_cell, finding_order
from posdeck.ui.rows.workloads import ready_cell, short_cell
from posdeck.ui.scene import Scene
from posdeck.ui.spark import spark
from posdeck.ui.tones import Tone

_VERDICT = {
    Verdict.KEEPING_UP: ("●", Tone.GOOD),
    Verdict.FALLING_BEHIND: ("▲", Tone.WARN),
    Verdict.STUCK: ("✖", Tone.BAD),
    Verdict.NO_CONSUMER: ("✖", Tone.BAD),
    Verdict.RETURNING: ("↻", Tone.BAD),
    Verdict.PAUSED: ("‖", Tone.WARN),
    Verdict.ASLEEP: ("☾", Tone.DIM),
    Verdict.CANNOT_TELL: ("?", Tone.DIM),
}
_RANK = {verdict: rank for rank, verdict in enumerate(
    (
        Verdict.STUCK,
        Verdict.NO_CONSUMER,
        Verdict.RETURNING,
        Verdict.FALLING_BEHIND,
        Verdict.PAUSED,
        Verdict.CANNOT_TELL,
        Verdict.KEEPING_UP,
        Verdict.ASLEEP,
    )
)}  # fmt: skip


class Consumers(RowKind):
    """One row for each consumer of the catalogue."""

    id = "consumers"
    noun = "consumers"
    default_sort = "name"
    volatile = frozenset({"finding", "lag", "in", "out", "verdict", "active", "cpu"})
    columns = (
        Column("state", "", least=1, most=1),
        Column("name", "NAME", least=16, most=48, key="n"),
        Column("ready", "READY", right=True, key="r"),
        Column("lag", "LAG", right=True, least=5, key="l", descending=True),
        Column("unacknowledged", "UNACKED", right=True, priority=3, descending=True),
        Column("trend", "LAG 15m", priority=4, least=8, most=8),
        Column("in", "IN/s", right=True, priority=2, key="i", descending=True),
        Column("out", "OUT/s", right=True, priority=1, key="o", descending=True),
        Column("redelivered", "REDEL", right=True, priority=6, descending=True),
        Column("dead", "DEAD", right=True, priority=6, descending=True),
        Column("errors", "ERR/m", right=True, priority=5, key="e", descending=True),
        Column("oldest", "OLDEST", right=True, priority=5, descending=True),
        Column("active", "ACTIVE", right=True, priority=5, key="a", descending=True),
        Column("connected", "CONN", right=True, priority=6),
        Column("cpu", "CPU", right=True, priority=6, key="c", descending=True),
        Column("verdict", "VERDICT", least=11, key="v"),
        Column("finding", "FINDING", priority=3, most=28, key="w", descending=True),
        Column("because", "BECAUSE", priority=4, most=120, prose=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.view.consumers

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        consumer: ConsumerView = item
        glyph, tone = _VERDICT.get(consumer.verdict, ("?", Tone.DIM))
        loud = tone if tone in {Tone.BAD, Tone.WARN} else Tone.NORMAL
        deployment = scene.snapshot.deployments.get(scene.wall.full(key))
        return (
            Cell(glyph, tone),
            short_cell(scene.wall.full(key), scene),
            ready_cell(deployment) if deployment else Cell("?", Tone.DIM),
            reading_cell(consumer.lag, tone=loud),
            reading_cell(consumer.unacknowledged),
            Cell(spark(consumer.lag_history, 8), loud if loud is not Tone.NORMAL else Tone.ACCENT),
            reading_cell(consumer.rate_in, decimals=1),
            reading_cell(consumer.rate_out, decimals=1, tone=loud),
            reading_cell(consumer.redelivered),
            reading_cell(consumer.dead_letters, tone=Tone.WARN),
            reading_cell(consumer.errors, tone=Tone.WARN),
            oldest_cell(consumer.oldest),
            active_cell(consumer, scene),
            reading_cell(consumer.connected),
            cpu_cell(deployment, scene),
            Cell(consumer.verdict.value, tone),
            finding_cell(scene.finding("deployment", scene.wall.full(key))),
            Cell(plain(consumer.because), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        consumer: ConsumerView = item
        numbers: dict[str, Reading] = {
            "lag": consumer.lag,
            "unacknowledged": consumer.unacknowledged,
            "in": consumer.rate_in,
            "out": consumer.rate_out,
            "redelivered": consumer.redelivered,
            "dead": consumer.dead_letters,
            "errors": consumer.errors,
            "oldest": consumer.oldest,
            "connected": consumer.connected,
        }
        if column in numbers:
            return number_order(numbers[column].value)
        if column == "active":
            return time_order(consumer.active_at)
        if column == "cpu":
            deployment = scene.snapshot.deployments.get(scene.wall.full(key))
            return number_order(scene.joins.load(deployment).cpu if deployment else None)
        if column == "finding":
            return finding_order(scene.finding("deployment", scene.wall.full(key)))
        if column == "verdict":
            return (_RANK.get(consumer.verdict, 9), key)
        return key if column == "name" else super().order(column, key, item, scene)

    def sections(self, scene: Scene) -> Sequence[tuple[str, Sequence[str]]] | None:
        there = scene.view.consumers
        grouped = [
            (title, [m.short for m in members if m.short in there]) for title, members in scene.wall.groups()
        ]
        known = {key for _, keys in grouped for key in keys}
        grouped.append(("not in the catalogue", sorted(k for k in there if k not in known)))
        return [(title, keys) for title, keys in grouped if keys] if scene.wall.members else None


def verdict_mark(verdict: Verdict) -> tuple[str, Tone]:
    """The glyph and the tone of a verdict."""
    return _VERDICT.get(verdict, ("?", Tone.DIM))


def active_cell(consumer: ConsumerView, scene: Scene) -> Cell:
    """How long ago something was last seen to be done; by its log where no acknowledgement is counted."""
    if consumer.active_at is None:
        return Cell("–", Tone.DIM)
    mark = " log" if consumer.active_by == "log" else ""
    return Cell(f"{scene.since(consumer.active_at)}{mark}", Tone.NORMAL)


def cpu_cell(deployment: Deployment | None, scene: Scene) -> Cell:
    """What its measured pods use together, in cores."""
    cpu = scene.joins.load(deployment).cpu if deployment is not None else None
    return Cell("–", Tone.DIM) if cpu is None else Cell(format_cpu(cpu))


def oldest_cell(reading: Reading) -> Cell:
    """The age of the oldest message, in kubectl's words for a span."""
    from posdeck.kubetext.ages import human_duration

    return Cell(human_duration(reading.value)) if reading.value is not None else reading_cell(reading)
