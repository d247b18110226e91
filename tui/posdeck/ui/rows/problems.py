"""What is wrong, as rows: since when first, then what, then the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.operations.view import Problem, Severity
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import EMPTY_CELL, Cell, Column, RowKind, Sections, shared_length, time_order
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_SEVERITY = {
    Severity.CRITICAL: ("✖", Tone.BAD),
    Severity.WARNING: ("▲", Tone.WARN),
    Severity.INFO: ("i", Tone.ACCENT),
    Severity.RISK: ("◇", Tone.DIM),
}
_RANK = {severity: rank for rank, severity in enumerate(Severity)}
_WATCHED = ("◌", Tone.WARN)  # looks wrong and is not certain yet: neither an alarm nor health


def finding_cell(problem: Problem | None) -> Cell:
    """The problem that concerns a row's object, by its id."""
    if problem is None:
        return EMPTY_CELL
    glyph, tone = _SEVERITY[problem.severity]
    return Cell(f"{glyph} {problem.id}", Tone.DIM if problem.quiet else tone)


def finding_glyph(problem: Problem) -> Cell:
    """Its severity as one sign, where the object itself looks sound."""
    return Cell(*_SEVERITY[problem.severity])


def finding_order(problem: Problem | None) -> int:
    """For sorting: the worst is the largest."""
    return -_RANK[problem.severity] if problem is not None else -len(_RANK)


def remark_words(problem: Problem, scene: Scene) -> str:
    """What was said of it, in a few words; empty when nothing was."""
    remark = problem.remark
    if remark is None:
        return ""
    words = []
    if remark.snoozed_until is not None:
        words.append(f"snoozed until {scene.clock(remark.snoozed_until)} by {remark.snoozed_by}")
    elif remark.acknowledged_at is not None:
        words.append(f"with {remark.acknowledged_by} since {scene.clock(remark.acknowledged_at)}")
    if remark.notes:
        words.append(f"“{remark.notes[-1][2]}”")
    return ", ".join(words)


def since_text(problem: Problem, scene: Scene) -> str:
    """How long it has been so; ``≥`` when it was so already when first seen."""
    if problem.since is None:
        return "?"
    return f"{'≥ ' if problem.since_at_least else ''}{scene.since(problem.since)}"


class Problems(RowKind):
    """What is wrong now, worst first, then longest; what is not certain yet comes last."""

    id = "problems"
    noun = "problems"
    snug = True
    default_sort = "severity"
    columns = (
        Column("glyph", "", least=1, most=1),
        Column("severity", "SEVERITY", least=8, key="s"),
        Column("since", "SINCE", right=True, least=6, key="a"),
        Column("name", "OBJECT", least=8, most=30, key="n", tail=6),
        Column("text", "WHAT", least=60, most=160, prose=True),
        Column("way", "WAY OUT", priority=2, most=40, prose=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return {p.key: p for p in (*scene.view.watched, *scene.view.problems) if not p.snoozed}

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        problem: Problem = item
        glyph, tone = _WATCHED if problem.watched else _SEVERITY[problem.severity]
        said = remark_words(problem, scene)
        known = "☾" if problem.snoozed else "✓" if problem.quiet else glyph
        return (
            Cell(known, Tone.DIM if problem.quiet else tone),
            Cell("watched" if problem.watched else problem.severity.value, tone),
            Cell(since_text(problem, scene), Tone.STRONG),
            Cell(plain(problem.short), Tone.STRONG, quiet=shared_length(problem.short)),
            Cell(plain(f"[{said}] {problem.text}" if said else problem.text)),
            Cell(f"b  {problem.runbook}" if problem.runbook else "", Tone.ACCENT),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        if column == "severity":
            return (item.watched, _RANK[item.severity], time_order(item.since), item.short)
        if column == "since":
            return time_order(item.since)
        return super().order(column, key, item, scene)

    def words(self, key: str, item: Any, scene: Scene) -> str:
        return f"{item.severity.value} {item.short} {item.object_name} {item.text} {item.runbook}"


class Findings(Problems):
    """What is wrong now, apart from the standing risks, apart from what cannot be told."""

    id = "findings"
    noun = "findings"

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return {p.key: p for p in (*scene.view.watched, *scene.view.problems, *scene.view.risks)}

    def sections(self, scene: Scene) -> Sections | None:
        now = sorted(scene.view.problems, key=lambda p: (_RANK[p.severity], time_order(p.since), p.short))
        risks = sorted(scene.view.risks, key=lambda p: (p.id, p.short))
        found = [
            ("wrong now", [p.key for p in now if not p.snoozed]),
            ("watched until it is certain", [p.key for p in scene.view.watched]),
            ("wrong now, snoozed", [p.key for p in now if p.snoozed]),
            ("standing risks", [p.key for p in risks]),
        ]
        return [(title, keys) for title, keys in found if keys]
