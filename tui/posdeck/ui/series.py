"""One act on several marked objects: a session for each, one after the other, each with its own preview,
confirmation and record. The next is offered only when the one before it ended well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from posdeck.operations.front import Front
from posdeck.operations.view import SessionView
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.screens.pane import Subject
from posdeck.ui.subjects import subject_of
from posdeck.ui.tones import Tone

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp
    from posdeck.ui.widgets.table import Table

MANY = frozenset({"restart", "runbook", "delete"})  # what can be done to several; a number is asked for one
ONE = frozenset({"scale", "edit", "shell", "port-forward"})


@dataclass(frozen=True, slots=True)
class Member:
    """One of the marked objects, with the runbook and the parameters for it."""

    label: str
    runbook: str
    params: Mapping[str, str]


@dataclass
class Series:
    """The members in their order; ``session`` is the one under way, ``at`` its place."""

    members: Sequence[Member] = field(default_factory=tuple)
    at: int = 0
    session: str = ""

    def next_for(self, session: SessionView) -> Member | None:
        """The member that is offered after ``session``; None unless that one is of the series and ended well."""
        mine = session.id == self.session and self.at + 1 < len(self.members)
        return self.members[self.at + 1] if mine and ended_well(session) else None

    def lines(self, session: SessionView) -> list[Line]:
        """Where the series stands, for the session that is under way in it."""
        if session.id != self.session or len(self.members) < 2:
            return []
        place = f"{self.at + 1} of {len(self.members)} marked"
        rest = ", ".join(plain(member.label) for member in self.members[self.at + 1 :])
        if not rest:
            return [((f"{place}: the last", Tone.ACCENT),), ()]
        if session.status in {"done", "failed", "cancelled"} and not ended_well(session):
            return [((f"{place}. It did not end well, so these were not begun: {rest}", Tone.WARN),), ()]
        if ended_well(session):
            return [((f"{place}. b goes on with {rest}", Tone.ACCENT),), ()]
        return [((f"{place}, then, each with its own confirmation: {rest}", Tone.ACCENT),), ()]


def ended_well(session: SessionView) -> bool:
    """Whether the session is over and nothing speaks against going on."""
    return (
        session.status == "done" and session.exit_code in {0, None} and session.verification in {"", "passed"}
    )


def marked_subjects(app: PosdeckApp, table: Table) -> list[Subject]:
    """What is marked, in the order of the table."""
    rows = [line for line in table.list.lines if isinstance(line, str) and line in table.list.marked]
    hidden = sorted(table.list.marked - set(rows))
    found = (subject_of(key, table.list.items[key], app.scene) for key in [*rows, *hidden])
    return [subject for subject in found if subject is not None]


def members_of(front: Front, action: str, subjects: Sequence[Subject]) -> tuple[list[Member], list[str]]:
    """A member for each object, workloads once; and the names of those for which there is no runbook."""
    members: dict[str, Member] = {}
    missing: list[str] = []
    for subject in subjects:
        name = subject.name if action == "delete" else subject.short
        if name in members:
            continue
        found: tuple[str, Mapping[str, str]] | None
        if action == "delete":
            whole = subject.resource == "pods" and subject.short
            found = ("delete-pod", {"workload": subject.short, "pod": subject.name}) if whole else None
        else:
            ask = front.restart_for if action == "restart" else front.runbook_for
            found = ask(subject.short) if subject.short else None
        if found is None:
            missing.append(name or subject.name)
        else:
            members[name] = Member(name, *found)
    return list(members.values()), missing
