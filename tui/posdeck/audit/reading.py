"""What can be asked of the store; nothing here writes, so an auditor's copy on read-only media answers
too."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from posdeck.audit.chain import RawRecord, check
from posdeck.audit.checkpoint import Checkpoint, checkpoint_of
from posdeck.audit.database import COLUMNS, MOVE_ASIDE, Database
from posdeck.audit.entries import Entry, entry_of
from posdeck.audit.evidence import Evidence, Sealed, describe, unseal
from posdeck.audit.head import read_head
from posdeck.audit.origin import process_alive
from posdeck.audit.record import (
    Intent,
    Outcome,
    Process,
    Record,
    RecordKind,
    format_time,
    intent_of,
    outcome_of,
)
from posdeck.audit.verification import VerifyReport, verify
from posdeck.errors import ChainBrokenError

_LISTED = ("intent", "refusal", "note", "erasure")


class AuditReader:
    """Read access; every call blocks on the disk. Each record handed out was held against its own hash."""

    def __init__(self, database: Database) -> None:
        self.path = database.path
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the file."""
        self._database.close()

    def records(
        self,
        kind: RecordKind | str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        subject: str | None = None,
        after: int = 0,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> list[Record]:
        """Records in order (or newest first): ``since`` included, ``until`` not, ``after`` a sequence.
        ``subject`` is the intent's id of intents and outcomes, the owner of evidence, the digest of
        erasures."""
        wanted: list[tuple[str, Any]] = [("sequence > ?", after)]
        if kind is not None:
            wanted.append(("kind = ?", str(kind)))
        if since is not None:
            wanted.append(("at >= ?", format_time(since)))
        if until is not None:
            wanted.append(("at < ?", format_time(until)))
        if subject is not None:
            wanted.append(("subject = ?", subject))
        condition = " AND ".join(clause for clause, _ in wanted)
        order = "DESC" if newest_first else "ASC"
        values = [value for _, value in wanted]
        return self._select(
            f"{condition} ORDER BY sequence {order} LIMIT ?", [*values, -1 if limit is None else limit]
        )

    def record(self, record_id: str) -> Record | None:
        """The record with this id, or None."""
        return next(iter(self._select("id = ?", [record_id])), None)

    def find(self, prefix: str) -> list[Record]:
        """The records whose id begins so, at most ten: what a person types for ``audit show``."""
        escaped = prefix.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return self._select("id LIKE ? ESCAPE '\\' ORDER BY sequence LIMIT 10", [f"{escaped}%"])

    def intent(self, intent_id: str) -> Intent | None:
        """The intent with this id, or None."""
        rows = self._select("id = ? AND kind = 'intent'", [intent_id])
        return intent_of(rows[0]) if rows else None

    def outcome_of(self, intent_id: str) -> Outcome | None:
        """How the intent ended; None while nothing says so (a crash leaves it so: never a success)."""
        rows = self._select("subject = ? AND kind = 'outcome'", [intent_id])
        return outcome_of(rows[0]) if rows else None

    def open_intents(self) -> list[Record]:
        """The intents without an outcome, oldest first: in progress, or lost with their process."""
        return self._select(
            "kind = 'intent' AND NOT EXISTS (SELECT 1 FROM records AS later WHERE later.kind = 'outcome'"
            " AND later.subject = records.id) ORDER BY sequence",
            [],
        )

    def entries(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        newest_first: bool = True,
        alive: Callable[[Process], bool] = process_alive,
    ) -> list[Entry]:
        """What people read: every intent with its outcome, and refusals, notes and erasures. ``alive`` tells
        an act in progress from one that was lost."""
        clauses = [f"kind IN ({', '.join('?' * len(_LISTED))})"]
        values: list[Any] = list(_LISTED)
        for clause, moment in (("at >= ?", since), ("at < ?", until)):
            if moment is not None:
                clauses.append(clause)
                values.append(format_time(moment))
        order = "DESC" if newest_first else "ASC"
        condition = f"{' AND '.join(clauses)} ORDER BY sequence {order} LIMIT ?"
        with self._database.read() as connection:
            rows = _query(connection, condition, [*values, -1 if limit is None else limit])
            paired = [(row, self._ending(connection, row)) for row in rows]
        return [entry_of(row, outcome, alive) for row, outcome in paired]

    def _ending(self, connection: sqlite3.Connection, record: Record) -> Record | None:
        if record.kind != RecordKind.INTENT:
            return None
        return next(iter(_query(connection, "subject = ? AND kind = 'outcome'", [record.id])), None)

    def evidence(self, owner_id: str) -> list[Evidence]:
        """What was kept for an intent, run or session, erased pieces included, in order."""
        pieces = []
        for record in self.records(RecordKind.EVIDENCE, subject=owner_id):
            erasures = self.records(RecordKind.ERASURE, subject=str(record.content["digest"]), limit=1)
            pieces.append(describe(record, erasures[0] if erasures else None))
        return pieces

    def read_evidence(self, digest: str) -> str | None:
        """The redacted text; None when it is not (any longer) here, ChainBrokenError when it was changed."""
        with self._database.read() as connection:
            row = connection.execute("SELECT salt, body FROM evidence WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return None
        try:
            return unseal(Sealed(digest, *row)).decode()
        except (ValueError, TypeError) as error:
            raise ChainBrokenError(f"evidence {digest}", f"was changed: {error}", _EXAMINE) from error

    def head(self) -> Checkpoint | None:
        """The end of the chain, to be copied outside; None while nothing is recorded."""
        with self._database.read() as connection:
            last = tail(connection)
        return checkpoint_of(last) if last else None

    def verify(self, expected: Checkpoint | None = None) -> VerifyReport:
        """Check everything, against ``expected`` (a checkpoint kept elsewhere) and the .head beside the file
        too. What is wrong is in the report; AuditError only when the store cannot be read at all."""
        self._database.check_in_place()
        fresh = Database(self.path, reading=True)  # what this connection has in its cache proves nothing
        try:
            with fresh.read() as connection:
                # After the transaction began: a head written meanwhile may be ahead of it, never behind.
                return verify(connection, self.path, read_head(self.path), expected)
        finally:
            fresh.close()

    def check_tail(self) -> None:
        """Raise unless the last record is sound and the chain reaches at least as far as .head remembers."""
        head = read_head(self.path)
        with self._database.read() as connection:
            last = tail(connection)
            if head is None:
                return
            seen = head.checkpoint
            found = _query(connection, "sequence = ?", [seen.sequence])
        if not found or found[0].hash != seen.hash:
            end = last.sequence if last else 0
            cause = f"record {seen.sequence} was written once and is not here (the last one is {end})"
            raise ChainBrokenError(str(self.path), cause, MOVE_ASIDE, sequence=seen.sequence)

    def _select(self, condition: str, values: list[Any]) -> list[Record]:
        with self._database.read() as connection:
            return _query(connection, condition, values)


_EXAMINE = "Run: posdeck audit verify"


def tail(connection: sqlite3.Connection) -> Record | None:
    """The last record, held against its hash; None in an empty store."""
    return next(iter(_query(connection, "TRUE ORDER BY sequence DESC LIMIT 1", [])), None)


def _query(connection: sqlite3.Connection, condition: str, values: list[Any]) -> list[Record]:
    """Records by a condition built of this module's own words; values are bound, never pasted."""
    statement = f"SELECT {COLUMNS} FROM records WHERE {condition}"  # noqa: S608 - see the docstring
    return [_believed(RawRecord(*row)) for row in connection.execute(statement, values)]


def _believed(raw: RawRecord) -> Record:
    sequence = raw.sequence if isinstance(raw.sequence, int) else 0
    result = check(raw, sequence, None)
    if isinstance(result, Record):
        return result
    raise ChainBrokenError("the audit record", str(result), _EXAMINE, sequence=result.sequence)
