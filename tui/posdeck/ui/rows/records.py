"""What was done and what can be done, as rows: audit records, runbooks, open sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from posdeck.operations.front import RunbookSummary
from posdeck.operations.view import ELSEWHERE, HERE, STORED, ActionSummary, SessionSummary
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Cell, Column, RowKind, Sections, time_order
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

EXEMPT = "exempt-write"  # the record's word for what goes with an act
_HELD = {HERE: "open here", STORED: "stored, ⏎ resumes", ELSEWHERE: "another posdeck"}
_RESULT = {
    "succeeded": ("✔", Tone.GOOD),
    "failed": ("✖", Tone.BAD),
    "refused": ("⊘", Tone.WARN),
    "cancelled": ("■", Tone.WARN),
    "unknown": ("?", Tone.BAD),
    "running": ("▶", Tone.BUSY),
}


def result_look(result: str) -> tuple[str, Tone]:
    """Glyph and tone of a result's word."""
    return _RESULT.get(result, ("·", Tone.NORMAL))


def duration_text(seconds: float | None) -> str:
    """Seconds as people say them; empty when there are none."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


class Audit(RowKind):
    """Audit records, newest first."""

    id = "audit"
    noun = "records"
    default_sort = "sequence"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("sequence", "SEQ", right=True, least=3, priority=2, key="q", descending=True),
        Column("at", "TIME (UTC)", least=8, key="a", descending=True),
        Column("glyph", "", least=1, most=1),
        Column("result", "RESULT", least=9, key="r"),
        Column("who", "WHO", least=6, most=30, key="w"),
        Column("act", "ACT", least=7, most=28, key="c"),
        Column("target", "TARGET", least=10, most=50, key="t"),
        Column("verification", "VERIFIED", priority=1),
        Column("duration", "TOOK", right=True, priority=3),
        Column("record", "RECORD", priority=4),
    )

    def __init__(self) -> None:
        self.loaded: Mapping[str, ActionSummary] | None = None

    def items(self, scene: Scene) -> Mapping[str, Any]:
        if self.loaded is not None:
            return self.loaded
        return {_record_key(action): action for action in scene.view.actions}

    def load(self, records: Sequence[ActionSummary]) -> None:
        """Take what the store answered, in place of the view's latest few."""
        self.loaded = {_record_key(record): record for record in records}

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        action: ActionSummary = item
        glyph, tone = result_look(action.result)
        return (
            Cell(str(action.sequence), Tone.DIM),
            Cell(scene.clock(action.at)),
            Cell(glyph, tone),
            Cell(plain(action.result), tone),
            Cell(plain(action.who)),
            Cell(plain(action.act)),
            Cell(plain(action.target), Tone.STRONG),
            Cell(plain(action.verification or "–"), Tone.DIM),
            Cell(duration_text(action.duration) or "–", Tone.DIM),
            Cell(plain(action.record_id[:8]), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        if column == "sequence":
            return item.sequence
        return time_order(item.at) if column == "at" else super().order(column, key, item, scene)


def _record_key(action: ActionSummary) -> str:
    return action.record_id or str(action.sequence)


class ActionLines(Audit):
    """The latest acts and the open sessions, in the narrow pane of the overview."""

    id = "action-lines"
    noun = "acts"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("at", "", least=5),
        Column("glyph", "", least=1, most=1),
        Column("text", "", most=120, prose=True),
        Column("duration", "", right=True),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        open_sessions: dict[str, Any] = {
            f"session/{s.id}": s
            for s in scene.view.sessions
            if s.status not in {"done", "cancelled", "failed"} and not s.place
        }
        # what goes with an act (its Lease, its Event) is in the record, and says nothing new here
        acts = (action for action in scene.view.actions if action.act != EXEMPT)
        return open_sessions | {_record_key(action): action for action in acts}

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        if isinstance(item, SessionSummary):
            return (
                Cell(scene.minute(item.started), Tone.DIM),
                Cell(*held_look(item)),
                Cell(plain(f"{item.who} {item.title} · {item.target}: {item.step}"), Tone.STRONG),
                Cell(plain(f"for {item.handed_to}" if item.handed_to else item.status), Tone.BUSY),
            )
        glyph, tone = result_look(item.result)
        return (
            Cell(scene.minute(item.at), Tone.DIM),
            Cell(glyph, tone),
            Cell(plain(f"{item.who} {item.act} {item.target}")),
            Cell(item.result if item.result != "succeeded" else duration_text(item.duration), tone),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        moment = item.started if isinstance(item, SessionSummary) else item.at
        return (not isinstance(item, SessionSummary), -time_order(moment), key)


def held_look(session: SessionSummary) -> tuple[str, Tone]:
    """A mark for who carries a session on."""
    if session.held == HERE:
        return "▶", Tone.BUSY
    return ("↗", Tone.DIM) if session.held == ELSEWHERE or session.place else ("◌", Tone.WARN)


class Sessions(RowKind):
    """The sessions that are not over: here, on disk, and of another posdeck."""

    id = "sessions"
    noun = "sessions"
    default_sort = "at"
    columns: ClassVar[tuple[Column, ...]] = (
        Column("glyph", "", least=1, most=1),
        Column("at", "BEGAN (UTC)", least=8, key="a", descending=True, priority=1),
        Column("id", "SESSION", least=8, most=8),
        Column("runbook", "RUNBOOK", least=12, most=40, key="n"),
        Column("target", "TARGET", least=8, most=40, key="t"),
        Column("step", "STEP", least=8, most=24, priority=2),
        Column("status", "STATUS", least=9, key="u"),
        Column("held", "WHERE", least=9, most=60),
        Column("who", "WHO", least=4, most=24, key="w", priority=3),
    )

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return {f"session/{session.id}": session for session in scene.view.sessions}

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        session: SessionSummary = item
        where = f"belongs to {session.place}" if session.place else _HELD[session.held]
        if session.handed_to and not session.place:
            where = f"for {session.handed_to}, ⏎ takes it up"
        return (
            Cell(*held_look(session)),
            Cell(scene.clock(session.started)),
            Cell(plain(session.id[:8]), Tone.STRONG),
            Cell(plain(session.runbook)),
            Cell(plain(session.target or "–")),
            Cell(plain(session.step or "–"), Tone.DIM),
            Cell(plain(session.status), Tone.BUSY),
            Cell(plain(where), Tone.DIM if session.held == HERE else Tone.WARN),
            Cell(plain(session.who or "–"), Tone.DIM),
        )

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        return time_order(item.started) if column == "at" else super().order(column, key, item, scene)


class Runbooks(RowKind):
    """The library."""

    id = "runbooks"
    noun = "runbooks"
    default_sort = ""
    columns = (
        Column("glyph", "", least=1, most=1),
        Column("id", "RUNBOOK", least=12, most=40, key="n"),
        Column("changes", "EFFECT", least=9, priority=2),
        Column("title", "TITLE", least=20, most=50, key="t", prose=True),
        Column("owner", "OWNER", priority=3, most=24),
        Column("summary", "SUMMARY", priority=4, most=120, prose=True),
    )

    def __init__(self) -> None:
        self.loaded: dict[str, RunbookSummary] = {}

    def load(self, runbooks: Sequence[RunbookSummary]) -> None:
        """Take the library as the application has it."""
        self.loaded = {runbook.id: runbook for runbook in runbooks}

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return self.loaded

    def sections(self, scene: Scene) -> Sections | None:
        kinds = dict.fromkeys(runbook.kind for runbook in self.loaded.values())
        return [(f"{kind}s", [k for k, r in self.loaded.items() if r.kind == kind]) for kind in kinds]

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        runbook: RunbookSummary = item
        return (
            Cell("▶" if runbook.changes else "?", Tone.WARN if runbook.changes else Tone.ACCENT),
            Cell(plain(runbook.id), Tone.STRONG),
            Cell("may change" if runbook.changes else "only looks", Tone.DIM),
            Cell(plain(runbook.title)),
            Cell(plain(runbook.owner or "–"), Tone.DIM),
            Cell(plain(runbook.summary), Tone.DIM),
        )
