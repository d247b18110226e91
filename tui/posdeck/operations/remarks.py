"""What people said of findings: acknowledged, snoozed, noted. Each is an entry of the record, so that a restart and
an auditor find it, and none hides a finding: it only says who knows of it, and keeps it from announcing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posdeck.errors import PosdeckError
from posdeck.operations.view import Problem, Remark, Severity

if TYPE_CHECKING:
    from posdeck.audit.record import Note, Record
    from posdeck.operations.standing import Standing

SUBJECT = "finding/"  # what the subject of such a note begins with
KEPT = timedelta(days=14)  # older remarks are only history
SHIFT = timedelta(hours=12)  # an acknowledgement of what has no certain beginning holds so long
GONE = timedelta(minutes=5)  # a finding that was away for so long and comes back is a new one
LONGEST_SNOOZE = timedelta(days=7)
SLACK = timedelta(seconds=5)
_RANK = {severity.value: rank for rank, severity in enumerate(Severity)}


class Word(StrEnum):
    """What can be said of a finding; the words of the command line."""

    ACK = "ack"
    SNOOZE = "snooze"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a remark counts: the same finding elsewhere is another one."""

    environment: str
    namespace: str
    cluster_uid: str = ""

    def holds(self, place: Mapping[str, Any]) -> bool:
        """Whether a stored place is this one; a cluster that did not say who it is counts as the same."""
        there = str(place.get("cluster_uid") or "")
        same = not there or not self.cluster_uid or there == self.cluster_uid
        return (
            same and place.get("environment") == self.environment and place.get("namespace") == self.namespace
        )


@dataclass(slots=True)
class _Said:
    """The latest of each kind about one finding, and how bad it was then."""

    ack: _Entry | None = None
    snooze: _Entry | None = None
    notes: list[tuple[datetime, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    who: str
    severity: str
    workloads: int
    until: datetime | None = None


def note_of(problem: Problem, word: Word, standing: Standing, *, text: str, until: datetime | None) -> Note:
    """The entry for the record."""
    from posdeck.audit.record import Note, Topic

    topic = {Word.ACK: Topic.ACKNOWLEDGED, Word.SNOOZE: Topic.SNOOZED, Word.NOTE: Topic.COMMENT}[word]
    details = {
        "finding": problem.key,
        "severity": problem.severity.value,
        "workloads": len(problem.workloads),
        "said": problem.text,
        "since": problem.since.isoformat() if problem.since else None,
        "until": until.isoformat() if until else None,
    }
    said = text.strip() or f"{word.value} {problem.id} on {problem.short}"
    return Note(topic, said, standing.actor, standing.place, subject=SUBJECT + problem.key, details=details)


def read_remarks(path: Path, now: datetime, after: int = 0) -> list[Record]:
    """The notes of the record that are about findings, later than record ``after``. Raises AuditError."""
    from posdeck.audit.record import RecordKind
    from posdeck.operations import journal

    if not path.exists():
        return []
    with journal.reading_store(path) as store:
        found = store.records(RecordKind.NOTE, since=now - KEPT, after=after)
    return [each for each in found if each.subject.startswith(SUBJECT)]


class Remarks:
    """Everything that was said and still counts."""

    def __init__(self) -> None:
        self.last = 0  # the sequence of the last record taken in
        self._said: dict[str, list[tuple[Mapping[str, Any], Word, _Entry, str]]] = {}
        self._away: dict[str, datetime] = {}  # since when a finding that was remarked on is not there
        self._over: set[tuple[str, datetime]] = set()  # remarks that something has ended

    def take(self, records: Iterable[Record]) -> None:
        """Take in notes about findings, oldest first; one that was taken in before is left out."""
        for record in records:
            if record.sequence > self.last:
                self.last = record.sequence
                self._take(record)

    def _take(self, record: Record) -> None:
        body = record.content
        details, actor = body.get("details") or {}, body.get("actor") or {}
        word = {"acknowledged": Word.ACK, "snoozed": Word.SNOOZE, "comment": Word.NOTE}.get(
            body.get("topic", "")
        )
        if word is None:
            return
        entry = _Entry(
            record.at,
            str(actor.get("kubernetes_user") or actor.get("user") or ""),
            str(details.get("severity") or ""),
            int(details.get("workloads") or 0),
            _moment(details.get("until")),
        )
        said = self._said.setdefault(record.subject.removeprefix(SUBJECT), [])
        said.append((body.get("place") or {}, word, entry, str(body.get("text") or "")))

    def apply(self, problems: Sequence[Problem], scope: Scope, now: datetime) -> tuple[Problem, ...]:
        """The problems with what was said of them; what is snoozed comes last, everything else keeps its place."""
        if not self._said:
            return tuple(problems)
        self._watch({p.key for p in problems}, now)
        marked = [replace(p, remark=self._remark(p, scope, now)) for p in problems]
        return tuple(sorted(marked, key=lambda p: p.snoozed))

    def _watch(self, present: set[str], now: datetime) -> None:
        """A finding that was away for a while and is there again is a new one: nobody has acknowledged it."""
        for key in self._said:
            if key not in present:
                self._away.setdefault(key, now)
            elif key in self._away and now - self._away.pop(key) >= GONE:
                self._over.update((key, e.at) for _, word, e, _ in self._said[key] if word is Word.ACK)

    def _remark(self, problem: Problem, scope: Scope, now: datetime) -> Remark | None:
        said = _Said()
        for place, word, entry, text in self._said.get(problem.key, ()):
            if not scope.holds(place):
                continue
            if word is Word.NOTE:
                said.notes.append((entry.at, entry.who, text))
            elif word is Word.ACK:
                said.ack = entry
            else:
                said.snooze = entry
        ack = said.ack if said.ack and self._counts(problem, said.ack, Word.ACK, now) else None
        snooze = said.snooze if said.snooze and self._counts(problem, said.snooze, Word.SNOOZE, now) else None
        if ack is None and snooze is None and not said.notes:
            return None
        return Remark(
            acknowledged_by=ack.who if ack else "",
            acknowledged_at=ack.at if ack else None,
            snoozed_by=snooze.who if snooze else "",
            snoozed_until=snooze.until if snooze else None,
            notes=tuple(said.notes),
        )

    def _counts(self, problem: Problem, entry: _Entry, word: Word, now: datetime) -> bool:
        """Whether it still holds; what has ended it once ends it for good."""
        mark = (problem.key, entry.at)
        if mark not in self._over and (
            _worse(problem, entry) or (word is Word.ACK and _another(problem, entry, now))
        ):
            self._over.add(mark)
        if mark in self._over:
            return False
        return word is Word.ACK or (entry.until is not None and now < entry.until)


def _worse(problem: Problem, entry: _Entry) -> bool:
    """Graver than when it was said, or more workloads concerned."""
    graver = _RANK[problem.severity.value] < _RANK.get(entry.severity, len(_RANK))
    return graver or len(problem.workloads) > max(1, entry.workloads)


def _another(problem: Problem, entry: _Entry, now: datetime) -> bool:
    """Whether it began after it was acknowledged, so that it is another incident."""
    if problem.since is None or problem.since_at_least:
        return now - entry.at > SHIFT
    return problem.since > entry.at + SLACK


def _moment(text: object) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None


def until_of(span: timedelta, now: datetime) -> datetime:
    """The end of a snooze of that length. Raises PosdeckError for one that is too long."""
    if span < timedelta(0) or span > LONGEST_SNOOZE:
        raise PosdeckError(
            f"a snooze of {span}",
            "nothing is put off for longer than 7 days",
            "Snooze it for less; note why.",
        )
    return now + span


def span_of(text: str) -> timedelta | None:
    """A length of time as people type it: ``45m``, ``2h``, ``1d``, ``0``; None for anything else."""
    units = {"m": 60, "h": 3600, "d": 86400}
    number, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "m")
    if not number.isdecimal() or len(number) > 6 or (unit == "m" and text == number and number != "0"):
        return None
    return timedelta(seconds=int(number) * units[unit])
