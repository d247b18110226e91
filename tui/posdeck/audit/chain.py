"""The hash chain: each record's hash covers its own envelope and the hash of the record before it.

Pure, so that an auditor's own program can do the same: the envelope is one line of canonical JSON, the hash
is SHA-256 of its bytes. A chain finds edits, gaps, reordering and insertions; it cannot find a rewrite of
everything nor a tail cut off by somebody who may write the file: that takes a checkpoint kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from posdeck.audit.record import SCHEMA, Record, canonical, format_time, parse_time
from posdeck.errors import AuditError

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record exactly as stored, before anything about it is believed."""

    sequence: object
    id: object
    at: object
    kind: object
    subject: object
    body: object
    previous: object
    hash: object


@dataclass(frozen=True, slots=True)
class Fault:
    """What does not fit, and where: ``sequence`` of the record (0: the store as a whole)."""

    sequence: int
    what: str
    detail: str

    def __str__(self) -> str:
        where = f"record {self.sequence}" if self.sequence else "the store"
        return f"{where}: {self.what} ({self.detail})"


def envelope(record: Record) -> str:
    """The line that is hashed (the record's own ``hash`` is not in it). ``body`` is canonical JSON and goes
    in as it is; the rest is quoted, so no two different records have the same line."""
    return _envelope(record, format_time(record.at))


def _envelope(record: Record | RawRecord, at: str) -> str:
    quoted = {
        name: json.dumps(value, ensure_ascii=False)
        for name, value in (
            ("at", at),
            ("id", record.id),
            ("kind", record.kind),
            ("previous", record.previous),
            ("subject", record.subject),
        )
    }
    return (
        f'{{"at":{quoted["at"]},"body":{record.body},"id":{quoted["id"]},"kind":{quoted["kind"]},'
        f'"previous":{quoted["previous"]},"schema":"{SCHEMA}","sequence":{record.sequence},'
        f'"subject":{quoted["subject"]}}}'
    )


def digest(line: str) -> str:
    """Lower-case hex SHA-256 of the line's UTF-8 bytes."""
    return hashlib.sha256(line.encode("utf-8", "surrogatepass")).hexdigest()


def link(last: Record | None, *, record_id: str, at: datetime, kind: str, subject: str, body: str) -> Record:
    """The record that follows ``last`` (None: the first one). ``body`` must be canonical."""
    sequence, previous = (last.sequence + 1, last.hash) if last else (1, GENESIS)
    unsealed = Record(sequence, record_id, parse_time(format_time(at)), kind, subject, body, previous, "")
    return replace(unsealed, hash=digest(envelope(unsealed)))


def check(raw: RawRecord, expected_sequence: int, expected_previous: str | None) -> Record | Fault:
    """One stored record against its place in the chain: the record when it is sound, else what differs.
    ``expected_previous`` None means that the record before it is not known (after a fault)."""
    if not isinstance(raw.sequence, int):
        return Fault(expected_sequence, "sequence is not a number", repr(raw.sequence)[:80])
    sequence = raw.sequence
    if sequence != expected_sequence:
        what = "records are missing" if sequence > expected_sequence else "sequence runs backwards"
        return Fault(expected_sequence, what, f"expected sequence {expected_sequence}, found {sequence}")
    for name in ("id", "at", "kind", "subject", "body", "previous", "hash"):
        if not isinstance(getattr(raw, name), str):
            return Fault(sequence, f"{name} is not text", repr(getattr(raw, name))[:80])
    computed = digest(_envelope(raw, str(raw.at)))
    if computed != raw.hash:
        detail = f"stored {str(raw.hash)[:12]}…, computed {computed[:12]}…"
        return Fault(sequence, "content differs from its hash", detail)
    if expected_previous is not None and raw.previous != expected_previous:
        detail = f"points to {str(raw.previous)[:12]}…, the record before it has {expected_previous[:12]}…"
        return Fault(sequence, "does not follow the record before it", detail)
    return _readable(raw, sequence)


def _readable(raw: RawRecord, sequence: int) -> Record | Fault:
    """The record, if posdeck could have written it: hashed rightly, yet perhaps by another program."""
    body = str(raw.body)
    try:
        content = json.loads(body)
        if not isinstance(content, dict) or canonical(content) != body:
            return Fault(sequence, "body is not canonical", "written by something other than posdeck")
        at = parse_time(str(raw.at))
        if format_time(at) != raw.at:
            return Fault(sequence, "time is not canonical", str(raw.at)[:40])
    except (ValueError, AuditError, RecursionError) as error:
        return Fault(sequence, "body or time cannot be read", str(error)[:120])
    return Record(
        sequence, str(raw.id), at, str(raw.kind), str(raw.subject), body, str(raw.previous), str(raw.hash)
    )


def walk(rows: Iterable[RawRecord]) -> Iterator[Record | Fault]:
    """Every record in order, or what is wrong with it. After a fault the walk goes on from what is stored, so
    that one edit is one fault and a second edit is found too."""
    sequence, previous = 1, GENESIS
    for raw in rows:
        result = check(raw, sequence, previous)
        yield result
        if isinstance(raw.sequence, int) and raw.sequence != sequence and isinstance(result, Fault):
            again = check(raw, raw.sequence, None)  # after a gap, the record itself may be sound or not
            yield again
        sequence = (raw.sequence if isinstance(raw.sequence, int) else sequence) + 1
        previous = raw.hash if isinstance(raw.hash, str) else ""
