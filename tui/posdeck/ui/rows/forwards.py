"""Open port-forwards as rows: where they listen, what they reach, how the probe finds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from posdeck.operations.forward_view import ForwardState, ForwardView, ProbePoint
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, Line, RowKind, count_cell, number_order, time_order
from posdeck.ui.scene import Scene
from posdeck.ui.spark import spark
from posdeck.ui.tones import Tone

_LOOK = {
    ForwardState.LISTENING: ("●", Tone.GOOD),
    ForwardState.FAILING: ("✖", Tone.BAD),
    ForwardState.WAITING: ("▲", Tone.WARN),
}
_SPARK = 16


class ForwardRows(RowKind):
    """Open port-forwards."""

    id = "forwards"
    noun = "port-forwards"
    default_sort = "local"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("glyph", "", least=1, most=1),
        Column("local", "LOCAL", least=14, key="l"),
        Column("target", "TO", least=12, most=60, key="t", prose=True),
        Column("pod", "POD", most=60, priority=3, key="p", prose=True),
        Column("state", "STATE", least=9, key="s"),
        Column("connections", "CONN", right=True, priority=1, key="c", descending=True),
        Column("sent", "SENT", right=True, priority=1),
        Column("received", "RECEIVED", right=True, priority=1),
        Column("probe", "PROBE", least=5, most=40),
        Column("latency", "LATENCY", right=True, least=7, key="y", descending=True),
        Column("history", "HISTORY", least=_SPARK, priority=2),
        Column("age", "AGE", right=True, least=4, key="a", descending=True),
        Column("problem", "PROBLEM", most=400, priority=4, prose=True),
    )

    def __init__(self) -> None:
        self.loaded: Mapping[str, ForwardView] = {}

    def load(self, forwards: Sequence[ForwardView]) -> None:
        """Take the forwards as they stand; unchanged ones stay the same objects."""
        before = self.loaded
        self.loaded = {f.id: before[f.id] if before.get(f.id) == f else f for f in forwards}

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return self.loaded

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        forward: ForwardView = item
        glyph, tone = _LOOK[forward.state]
        last = forward.probes[-1] if forward.probes else None
        label = f" ({forward.choice.label})" if forward.choice.label else ""
        return (
            Cell(glyph, tone),
            Cell(forward.address, Tone.STRONG),
            Cell(plain(f"{_target(forward, scene)}{label}")),
            Cell(plain(f"{forward.pod}:{forward.port}"), Tone.DIM),
            Cell(forward.state.value, tone),
            count_cell(forward.connections),
            Cell(bytes_text(forward.bytes_sent), Tone.DIM),
            Cell(bytes_text(forward.bytes_received), Tone.DIM),
            probe_cell(forward),
            Cell("–" if last is None or last.seconds is None else latency_text(last.seconds), Tone.DIM),
            Cell(spark([_height(p) for p in forward.probes], _SPARK), Tone.ACCENT),
            Cell(scene.since(forward.started), Tone.DIM),
            Cell(plain(forward.problem or "–"), Tone.BAD if forward.problem else Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        forward: ForwardView = item
        if column == "local":
            return forward.local
        if column == "connections":
            return forward.connections
        if column == "latency":
            return number_order(forward.probes[-1].seconds if forward.probes else None)
        if column == "age":
            return -time_order(forward.started)
        return super().order(column, key, item, scene)


def _target(forward: ForwardView, scene: Scene) -> str:
    choice = forward.choice
    pod = scene.snapshot.pods.get(choice.name) if choice.resource == "pod" else None
    owner = scene.joins.deployment_of(pod) if pod is not None else choice.name
    return f"{choice.resource}/{scene.wall.shorten(choice.name, owner)}:{choice.remote}"


def probe_cell(forward: ForwardView) -> Cell:
    """The last answer by its status; a repeating probe has a mark, and no answer is never a number."""
    again = "⟳ " if forward.probing else ""
    if not forward.probes:
        return Cell(f"{again}…" if forward.probing else "–", Tone.DIM)
    point = forward.probes[-1]
    return Cell(f"{again}{status_text(point)} {plain(forward.probe_path)}", status_tone(point))


def status_text(point: ProbePoint) -> str:
    """``200 OK``, or that none answered."""
    return "✖ no answer" if point.status is None else plain(f"{point.status} {point.reason}".strip())


def status_tone(point: ProbePoint) -> Tone:
    """By the class of the status."""
    if point.status is None or point.status >= 500:
        return Tone.BAD
    return Tone.WARN if point.status >= 400 else Tone.GOOD


def latency_text(seconds: float) -> str:
    """Milliseconds, or seconds from one on."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def bytes_text(number: int) -> str:
    """Bytes in powers of 1024."""
    size = float(number)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def forward_lines(forward: ForwardView, scene: Scene, namespace: str) -> list[Line]:
    """One forward whole: how it stands, how to use it, and the history of its probe."""
    glyph, tone = _LOOK[forward.state]
    pairs = (
        ("Listens on", f"{forward.address} (this machine only)"),
        ("Goes to", f"{forward.choice.target}"),
        ("Pod", f"{forward.pod}:{forward.port}{f' (moved {forward.moved} times)' if forward.moved else ''}"),
        ("Opened", f"{scene.clock(forward.started)} UTC, {scene.since(forward.started)} ago"),
        ("Connections now", f"{forward.connections}"),
        ("Sent / received", f"{bytes_text(forward.bytes_sent)} / {bytes_text(forward.bytes_received)}"),
        ("Try", f"curl -i http://{forward.address}{forward.probe_path}"),
        (
            "kubectl",
            f"kubectl -n {namespace} port-forward {forward.choice.resource}/{forward.choice.name} "
            f"{forward.local}:{forward.choice.remote}",
        ),
    )
    lines: list[Line] = [
        ((f"{glyph} {forward.state.value}", tone), (f"  {plain(forward.problem)}", Tone.NORMAL))
    ]
    lines += [((f"{label:<18} ", Tone.ACCENT), (plain(text), Tone.NORMAL)) for label, text in pairs]
    lines += [(), (("PROBE, NEWEST FIRST", Tone.HEADING),)]
    for point in reversed(forward.probes):
        took = latency_text(point.seconds) if point.seconds is not None else "–"
        lines.append(
            (
                (f"{scene.clock(point.at)}  ", Tone.DIM),
                (f"{status_text(point):<16} ", status_tone(point)),
                (f"{took:>9}  ", Tone.NORMAL),
                (plain(point.problem or point.body, 400), Tone.DIM),
            )
        )
    if not forward.probes:
        lines.append((("none yet: p asks once, a goes on asking every 5 s", Tone.DIM),))
    return lines


def _height(point: ProbePoint) -> float:
    """A probe without an answer leaves a gap in the history."""
    return float("nan") if point.seconds is None else point.seconds
