"""Pods as rows: kubectl's READY, STATUS and RESTARTS, with what they use beside what they asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.cluster.snapshot import Kind, Pod, Usage
from posdeck.kubetext.quantities import format_cpu, format_memory
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind, number_order, shared_length, time_order
from posdeck.ui.rows.problems import finding_cell, finding_glyph, finding_order
from posdeck.ui.scene import Scene
from posdeck.ui.spark import spark
from posdeck.ui.tones import Tone

_GOOD = frozenset({"Running", "Completed", "Succeeded"})
_BUSY = frozenset({"Pending", "ContainerCreating", "PodInitializing", "Terminating", "SchedulingGated"})
_GLYPH = {Tone.GOOD: "●", Tone.BUSY: "◌", Tone.WARN: "▲", Tone.BAD: "✖", Tone.DIM: "○"}
RECENT = 3600.0


def pod_tone(pod: Pod) -> Tone:
    """How the pod is doing, from kubectl's own STATUS and READY."""
    if pod.deleted_at is not None or pod.status in _BUSY or pod.status.startswith("Init:"):
        failing = any(word in pod.status for word in ("Error", "CrashLoop", "ImagePull", "ErrImage", "OOM"))
        return Tone.BAD if failing else Tone.BUSY
    if pod.status in {"Completed", "Succeeded"}:
        return Tone.DIM
    if pod.status not in _GOOD:
        return Tone.BAD
    return Tone.GOOD if pod.is_ready else Tone.WARN


class Pods(RowKind):
    """One row for each pod."""

    id = "pods"
    noun = "pods"
    feed = Kind.PODS
    default_sort = "name"
    volatile = frozenset({"finding", "cpu", "memory", "cpu_request", "memory_limit"})
    columns = (
        Column("state", "", least=1, most=1),
        Column("name", "NAME", least=16, most=72, key="n", tail=6),
        Column("ready", "READY", right=True, key="r"),
        Column("status", "STATUS", least=7, most=26, key="s"),
        Column("finding", "FINDING", priority=3, most=28, key="w", descending=True),
        Column("restarts", "RESTARTS", right=True, most=18, key="t", descending=True),
        Column("cpu", "CPU", right=True, priority=2, key="c", descending=True),
        Column("cpu_request", "%REQ", right=True, priority=3, descending=True),
        Column("memory", "MEM", right=True, priority=2, key="m", descending=True),
        Column("memory_limit", "%LIM", right=True, priority=3, descending=True),
        Column("trend", "CPU 15m", priority=4, least=8, most=8),
        Column("node", "NODE", priority=5, most=40, key="o", prose=True),
        Column("ip", "IP", priority=6, key="i"),
        Column("age", "AGE", right=True, least=4, priority=1, key="a", descending=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return scene.snapshot.pods

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        pod: Pod = item
        tone = pod_tone(pod)
        finding = scene.finding("pod", pod.name)
        glyph = Cell(_GLYPH[tone], tone)
        if tone is Tone.GOOD and finding is not None:
            glyph = finding_glyph(finding)
        usage = scene.snapshot.pod_usage.get(pod.name)
        shown = scene.wall.shorten(pod.name, scene.joins.deployment_of(pod))
        return (
            glyph,
            Cell(plain(shown), Tone.DIM if tone is Tone.DIM else Tone.NORMAL, quiet=shared_length(shown)),
            Cell(plain(pod.ready), Tone.WARN if tone is Tone.WARN else Tone.NORMAL),
            Cell(plain(pod.status), tone if tone is not Tone.GOOD else Tone.NORMAL),
            finding_cell(finding),
            restarts_cell(pod, scene),
            Cell(format_cpu(usage.cpu)) if usage else UNMEASURED,
            share_cell(usage.cpu if usage else None, pod.resources.cpu_request),
            Cell(format_memory(usage.memory)) if usage else UNMEASURED,
            share_cell(usage.memory if usage else None, pod.resources.memory_limit, hot=90),
            Cell(spark(scene.view.usage_history.get(pod.name, ()), 8), Tone.ACCENT),
            Cell(plain(pod.node or "–"), Tone.DIM),
            Cell(plain(pod.ip or "–"), Tone.DIM),
            Cell(scene.since(pod.created), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        pod: Pod = item
        if column == "name":
            return scene.wall.shorten(pod.name, scene.joins.deployment_of(pod))
        if column in {"cpu", "memory", "cpu_request", "memory_limit"}:
            return number_order(_measure(column, pod, scene.snapshot.pod_usage.get(pod.name)))
        simple = {"ready": pod.ready, "status": pod.status, "node": pod.node, "ip": pod.ip}
        if column in simple:
            return simple[column]
        if column == "finding":
            return finding_order(scene.finding("pod", pod.name))
        if column == "restarts":
            return (pod.restarts, time_order(pod.last_restart))
        return -time_order(pod.created)

    def words(self, key: str, item: Any, scene: Scene) -> str:
        return f"{item.name} {item.status} {item.node} {item.ip}"


UNMEASURED = Cell("–", Tone.DIM)


def _measure(column: str, pod: Pod, usage: Usage | None) -> float | None:
    if usage is None:
        return None
    if column == "cpu":
        return usage.cpu
    if column == "memory":
        return usage.memory
    used, of = (
        (usage.cpu, pod.resources.cpu_request)
        if column == "cpu_request"
        else (usage.memory, pod.resources.memory_limit)
    )
    return used / of if of else None


def restarts_cell(pod: Pod, scene: Scene) -> Cell:
    """kubectl's RESTARTS, loud when the last one is less than an hour ago."""
    if not pod.restarts:
        return Cell("0", Tone.DIM)
    if pod.last_restart is None:
        return Cell(f"{pod.restarts:,}")
    recent = (scene.now - pod.last_restart).total_seconds() < RECENT
    return Cell(
        f"{pod.restarts:,} ({scene.since(pod.last_restart)} ago)", Tone.WARN if recent else Tone.NORMAL
    )


def share_cell(used: float | None, of: float | None, *, hot: float = 100) -> Cell:
    """Percent of a request or limit; ``–`` when one of the two is not known or not set."""
    if used is None or not of:
        return UNMEASURED
    percent = 100.0 * used / of
    tone = Tone.BAD if percent >= hot else Tone.WARN if percent >= hot * 0.85 else Tone.NORMAL
    return Cell(f"{percent:.0f}%", tone)
