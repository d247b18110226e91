"""Everything that can be found wrong in a store, and where."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from posdeck.audit.chain import Fault, RawRecord, walk
from posdeck.audit.checkpoint import Checkpoint, checkpoint_of
from posdeck.audit.database import COLUMNS, schema_complaint
from posdeck.audit.evidence import Sealed, unseal
from posdeck.audit.head import Head, head_path, image_of
from posdeck.audit.record import Record, RecordKind
from posdeck.errors import ChainBrokenError


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found. ``remarks`` are worth knowing and no fault (a clock that went back);
    ``open_intents`` counts those without an outcome."""

    records: int
    head: Checkpoint | None
    faults: tuple[Fault, ...] = ()
    remarks: tuple[str, ...] = ()
    evidence_kept: int = 0
    evidence_erased: int = 0
    open_intents: int = 0

    @property
    def ok(self) -> bool:
        return not self.faults

    def require(self, path: Path) -> None:
        """Raise ChainBrokenError for the first fault."""
        if self.faults:
            first = self.faults[0]
            more = f"; {len(self.faults) - 1} more" if len(self.faults) > 1 else ""
            raise ChainBrokenError(
                str(path),
                f"does not verify: {first}{more}",
                "Keep the file for whoever investigates",
                sequence=first.sequence,
            )


@dataclass
class _Findings:
    faults: list[Fault] = field(default_factory=list)
    consequences: list[Fault] = field(default_factory=list)  # told only when no link is broken: see _Chain
    remarks: list[str] = field(default_factory=list)
    count: int = 0
    last: Record | None = None
    latest: datetime | None = None
    intents: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    kept: dict[str, int] = field(default_factory=dict)  # digest -> sequence of its record
    erased: dict[str, int] = field(default_factory=dict)

    def report(self) -> VerifyReport:
        # A broken record also hides an intent from its outcome; to name these as well would bury the cause.
        faults = self.faults or self.consequences
        return VerifyReport(
            records=self.count,
            head=checkpoint_of(self.last) if self.last else None,
            faults=tuple(faults),
            remarks=tuple(self.remarks),
            evidence_kept=len(self.kept),
            evidence_erased=len(self.erased),
            open_intents=len(self.intents - self.settled),
        )


def verify(
    connection: sqlite3.Connection, path: Path, head: Head | None = None, expected: Checkpoint | None = None
) -> VerifyReport:
    """Read the whole store inside the caller's transaction: file structure, schema, every link, what records
    say of one another, every piece of evidence; ``head`` is what is remembered beside the file, ``expected``
    a checkpoint that was kept elsewhere."""
    found = _Findings()
    points = [("the checkpoint", expected)] if expected else []
    if head is not None:
        points.append((head_path(path).name, head.checkpoint))
    try:
        _check_file(connection, path, found)
        for result in walk(_raw_records(connection, found)):
            if isinstance(result, Fault):
                found.faults.append(result)
            else:
                _check_record(result, found, points)
        _check_evidence(connection, found)
        if not found.faults:
            _check_ends(found, points)
        if not (found.faults or found.consequences):
            _check_image(connection, found, head)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        at = found.last.sequence + 1 if found.last else 0
        found.faults.append(Fault(at, "the database file is damaged", str(error)[:200]))
    return found.report()


def _check_ends(found: _Findings, points: Sequence[tuple[str, Checkpoint]]) -> None:
    last = found.last.sequence if found.last else 0
    for source, point in points:
        if point.sequence > last:
            detail = f"{source} has seen record {point.sequence}, the last one here is {last}"
            found.faults.append(Fault(last + 1, "records are missing at the end", detail))


def _check_image(connection: sqlite3.Connection, found: _Findings, head: Head | None) -> None:
    """The file as a whole, for bytes that belong to no record: free space, headers, indexes."""
    if found.last is None:
        return
    if head is None or head.checkpoint.sequence != found.last.sequence or not head.image:
        found.remarks.append(
            "the file was not sealed after its last record: its unused bytes are not checked"
        )
    elif (image := image_of(connection, sys.maxsize)) and image != head.image:
        detail = f"its content is {image[:12]}…, after the last record it was {head.image[:12]}…"
        found.faults.append(Fault(0, "bytes outside of all records were changed", detail))


def _check_file(connection: sqlite3.Connection, path: Path, found: _Findings) -> None:
    complaint = schema_complaint(connection)
    if complaint:
        found.faults.append(Fault(0, "the database is not as posdeck made it", complaint))
    for (line,) in connection.execute("PRAGMA integrity_check(20)"):
        if line != "ok":
            found.faults.append(Fault(0, "the database file is damaged", str(line)[:200]))
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    more = path.stat().st_size - pages * size  # a log is never folded in beyond what a reader sees
    if more > 0:
        found.faults.append(
            Fault(0, "bytes outside of all records were changed", f"{more} follow the database")
        )


def _raw_records(connection: sqlite3.Connection, found: _Findings) -> Iterator[RawRecord]:
    """Every stored row in order, nothing about it believed yet."""
    statement = f"SELECT {COLUMNS} FROM records ORDER BY sequence"  # noqa: S608 - constant column names
    for row in connection.execute(statement):
        found.count += 1
        yield RawRecord(*row)


def _check_record(record: Record, found: _Findings, expected: Sequence[tuple[str, Checkpoint]]) -> None:
    found.last = record
    if found.latest and record.at < found.latest:
        back = (found.latest - record.at).total_seconds()
        found.remarks.append(f"record {record.sequence}: the clock had gone back by {back:.1f} s")
    found.latest = max(found.latest or record.at, record.at)
    for source, point in expected:
        if point.sequence == record.sequence and point.hash != record.hash:
            detail = f"{source} says {point.hash[:12]}…, the record has {record.hash[:12]}…"
            found.faults.append(Fault(record.sequence, "is not the record that was seen before", detail))
    contradiction = _contradiction(record, found)
    if contradiction:
        found.consequences.append(Fault(record.sequence, contradiction, record.subject[:80]))


def _contradiction(record: Record, found: _Findings) -> str:
    """A record against those before it: the chain says only that nobody changed it."""
    body = record.content
    match record.kind:
        case RecordKind.INTENT:
            found.intents.add(record.id)
            if record.subject != record.id or body.get("id") != record.id:
                return "an intent whose ids differ"
        case RecordKind.OUTCOME:
            known, again = record.subject in found.intents, record.subject in found.settled
            found.settled.add(record.subject)
            if not known or body.get("intent_id") != record.subject:
                return "an outcome without an intent before it"
            if again:
                return "a second outcome of one intent"
        case RecordKind.EVIDENCE:
            found.kept[str(body.get("digest"))] = record.sequence
        case RecordKind.ERASURE:
            found.erased[record.subject] = record.sequence
            if found.kept.pop(record.subject, None) is None:
                return "an erasure of what was not there"
    return ""


def _check_evidence(connection: sqlite3.Connection, found: _Findings) -> None:
    missing = dict(found.kept)
    for digest, salt, body in connection.execute("SELECT digest, salt, body FROM evidence"):
        sequence = missing.pop(digest, 0)
        if not sequence:
            what = "erased evidence is back" if digest in found.erased else "evidence without a record"
            found.consequences.append(Fault(found.erased.get(digest, 0), what, str(digest)[:80]))
            continue
        try:
            unseal(Sealed(digest, salt, body))
        except ValueError as error:
            found.faults.append(Fault(sequence, "evidence was changed", str(error)))
    for digest, sequence in missing.items():
        found.consequences.append(Fault(sequence, "evidence is gone, and no record says why", digest))
