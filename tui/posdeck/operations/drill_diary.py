"""What somebody who plays a drill saw and did, taken from the views: when posdeck first told of the fault, which runbook
was opened when, and every act. The embedded cluster knows when the fault came and whether it was mended."""

from __future__ import annotations

import json
import shutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from posdeck.audit.record import Topic
from posdeck.operations.drill_list import Cure, Drill
from posdeck.operations.view import ActionSummary, SessionSummary, View

BOOKKEEPING = frozenset({Topic.EXEMPT_WRITE.value})  # goes with an act
MARK = "drill: "  # begins the line in which the embedded cluster tells the times of a drill


@dataclass(frozen=True, slots=True)
class FaultTimes:
    """When the fault came, None when it had not come yet, and when it was mended, None when it was not."""

    began: datetime | None = None
    mended: datetime | None = None

    def line(self) -> str:
        """One line for another process to read."""
        return MARK + json.dumps(
            {k: v.isoformat() for k, v in (("began", self.began), ("mended", self.mended)) if v}
        )

    @classmethod
    def read(cls, text: str) -> FaultTimes | None:
        """The times out of what a process has printed; None where it told none."""
        told = [line.removeprefix(MARK) for line in text.splitlines() if line.startswith(MARK)]
        if not told:
            return None
        return cls(**{name: datetime.fromisoformat(at) for name, at in json.loads(told[-1]).items()})


@dataclass
class Diary:
    """Takes every view; of what it notes only that counts which came after the fault."""

    drill: Drill
    detected: dict[str, datetime] = field(
        default_factory=dict
    )  # the findings that tell of it, when each came
    sessions: dict[str, SessionSummary] = field(default_factory=dict)
    acts: dict[int, ActionSummary] = field(default_factory=dict)
    last_told: datetime | None = None  # when one of these findings was seen last
    still_told: bool = False

    def take(self, view: View) -> None:
        """Note what is new in a view."""
        now = view.snapshot.taken_at
        told = [p.id for p in view.problems if p.id in self.drill.signs]
        self.still_told = bool(told)
        if told and now is not None:
            self.last_told = now
            for finding in told:
                self.detected.setdefault(finding, now)
        self.sessions |= {s.id: s for s in view.sessions}
        self.acts |= {a.sequence: a for a in view.actions}


def debrief(drill: Drill, seed: int, times: FaultTimes, diary: Diary | None = None) -> list[str]:
    """What to tell at the end: what happened, what was seen and done and how soon, what the procedure would have been."""
    title = f"Debrief: {drill.title} (seed {seed})"
    began = times.began
    if began is None:
        return [title, "  the fault had not come yet"]
    rows = [("what happened", f"{drill.happened} ({began:%H:%M:%S}Z)")]
    answers = ", ".join(sorted(r for r in drill.runbooks if r))
    if diary is not None:
        rows += [
            ("told by posdeck", _detected(diary, began)),
            ("right runbook", _opened(diary, drill, began)),
            *_done(diary, began),
            ("signs gone", _gone(diary, began)),
        ]
    rows += [
        ("fault mended", _mended(drill, times, began)),
        ("right answer", answers or "no runbook: for others to mend"),
        ("procedure", drill.procedure),
    ]
    return [title, *in_columns(rows)]


def in_columns(rows: Sequence[tuple[str, str]], width: int = 0) -> list[str]:
    """Names and texts side by side; a text that is longer than the terminal goes on below itself."""
    first = max(len(name) for name, _ in rows) + 4
    room = max(30, (width or shutil.get_terminal_size((110, 24)).columns) - first)
    lines = []
    for name, text in rows:
        begin, *rest = textwrap.wrap(text, room) or [""]
        lines += [f"  {name:<{first - 2}}{begin}", *(" " * first + each for each in rest)]
    return lines


def _after(began: datetime, moment: datetime) -> str:
    return f"after {max(0.0, (moment - began).total_seconds()):.0f} s"


def _detected(diary: Diary, began: datetime) -> str:
    found = sorted((at, finding) for finding, at in diary.detected.items() if at >= began)
    return f"{_after(began, found[0][0])}, as {found[0][1]}" if found else "not before the end"


def _gone(diary: Diary, began: datetime) -> str:
    if diary.last_told is None or diary.last_told < began:
        return "there were none"
    return "no, they were there to the end" if diary.still_told else _after(began, diary.last_told)


def _opened(diary: Diary, drill: Drill, began: datetime) -> str:
    if not any(drill.runbooks):
        return "none to open"
    opened = sorted(
        (s.started, s.runbook)
        for s in diary.sessions.values()
        if s.runbook in drill.runbooks and s.started is not None and s.started >= began
    )
    return f"opened {_after(began, opened[0][0])}: {opened[0][1]}" if opened else "never opened"


def _done(diary: Diary, began: datetime) -> list[tuple[str, str]]:
    """Every act, and every runbook that was opened and is not among the right ones."""
    others = [
        (s.started, f"opened {s.runbook} for {s.target or 'the namespace'}")
        for s in diary.sessions.values()
        if s.runbook not in diary.drill.runbooks and s.started is not None
    ]
    acts = [
        (a.at, f"{a.act} {a.target}: {a.result}") for a in diary.acts.values() if a.act not in BOOKKEEPING
    ]
    done = [(at, text) for at, text in sorted([*others, *acts]) if at >= began]
    rows = [
        ("what was done" if not n else "", f"{_after(began, at)}: {text}")
        for n, (at, text) in enumerate(done)
    ]
    return rows or [("what was done", "nothing")]


def _mended(drill: Drill, times: FaultTimes, began: datetime) -> str:
    if times.mended is not None:
        return _after(began, times.mended)
    if drill.cure is Cure.OUTSIDE:
        return "no: this one is for others to mend, outside the namespace"
    return f"no; what cures it: {drill.cure.value}"
