"""What is wrong, as rows: since when first, then what, then the way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.operations.view import Problem, Severity
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind, Sections, time_order
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_SEVERITY = {
    Severity.CRITICAL: ("✖", Tone.BAD),
    Severity.WARNING: ("▲", Tone.WARN),
    Severity.INFO: ("i", Tone.ACCENT),
    Severity.RISK: ("◇", Tone.DIM),
}
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


def problem_key(problem: Problem) -> str:
    """The identity of a problem from one view to the next."""
    return f"{problem.id}/{problem.object_kind}/{problem.object_name}"


def since_text(problem: Problem, scene: Scene) -> str:
    """How long it has been so; ``≥`` when it was so already when first seen."""
    if problem.since is None:
        return "?"
    return f"{'≥ ' if problem.since_at_least else ''}{scene.since(problem.since)}"


class Problems(RowKind):
    """What is wrong now, worst first, then longest."""

    id = "problems"
    noun = "problems"
    default_sort = "severity"
    columns = (
        Column("glyph", "", least=1, most=1),
        Column("severity", "SEVERITY", least=8, key="s"),
        Column("since", "SINCE", right=True, least=6, key="a"),
        Column("name", "OBJECT", least=8, most=30, key="n"),
        Column("text", "WHAT", least=60, most=160, prose=True),
        Column("way", "WAY OUT", priority=2, most=40, prose=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return {problem_key(p): p for p in scene.view.problems}

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        problem: Problem = item
        glyph, tone = _SEVERITY[problem.severity]
        return (
            Cell(glyph, tone),
            Cell(problem.severity.value, tone),
            Cell(since_text(problem, scene), Tone.STRONG),
            Cell(plain(problem.short), Tone.STRONG),
            Cell(plain(problem.text)),
            Cell(f"b  {problem.runbook}" if problem.runbook else "", Tone.ACCENT),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        if column == "severity":
            return (_RANK[item.severity], time_order(item.since), item.short)
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
        return {problem_key(p): p for p in (*scene.view.problems, *scene.view.risks)}

    def sections(self, scene: Scene) -> Sections | None:
        now = sorted(scene.view.problems, key=lambda p: (_RANK[p.severity], time_order(p.since), p.short))
        risks = sorted(scene.view.risks, key=lambda p: (p.id, p.short))
        found = [
            ("wrong now", [problem_key(p) for p in now]),
            ("standing risks", [problem_key(p) for p in risks]),
        ]
        return [(title, keys) for title, keys in found if keys]
