"""The record as people read it: intents joined with their outcomes, refusals and notes, newest first.

An intent whose process is gone and that has no outcome reads as ``unknown``, never as a success.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from posdeck.audit.entries import RUNNING, Entry
from posdeck.audit.origin import process_alive
from posdeck.audit.record import Intent, Outcome, Record, RecordKind, Result, intent_of, outcome_of
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.audit.verification import VerifyReport
from posdeck.clock import SystemClock
from posdeck.config import Settings, state_folder
from posdeck.operations.view import ActionSummary


def audit_path(settings: Settings) -> Path:
    """Where this user's audit store lies."""
    return settings.audit_file or state_folder() / "audit.sqlite"


def reading_store(path: Path) -> AuditStore:
    """The store at ``path``, opened to be read only; an AuditError says when there is none."""
    return open_store(path, SystemClock(), read_only=True)


def acts(store: AuditStore, limit: int) -> list[Entry]:
    """The newest ``limit`` entries; outcomes and evidence are folded into their acts."""
    return store.entries(limit=limit)


def summary(entry: Entry) -> ActionSummary:
    """An entry as the interface lists it."""
    record = entry.record
    duration = (entry.ended_at - record.at).total_seconds() if entry.ended_at else None
    return ActionSummary(
        sequence=record.sequence,
        at=record.at,
        who=entry.actor.kubernetes_user or entry.actor.user,
        act=entry.what,
        target=name_of(entry),
        result=entry.result,
        verification=entry.verification,
        duration=duration,
        record_id=record.id,
    )


def name_of(entry: Entry) -> str:
    """The short name of what an entry is about, or its subject."""
    if entry.target is not None:
        return entry.target.short or entry.target.name
    return str(entry.record.content.get("subject") or "")


def find(store: AuditStore, wanted: str) -> Record | None:
    """The record with this sequence number, id, or unambiguous start of an id."""
    if wanted.isdigit() and len(wanted) < 10:
        sequence = int(wanted)
        return next((r for r in store.records(after=sequence - 1, limit=1) if r.sequence == sequence), None)
    found = store.find(wanted)
    return found[0] if len(found) == 1 else None


def whole(store: AuditStore, record: Record) -> dict[str, Any]:
    """One record with everything that belongs to it, as JSON types."""
    document: dict[str, Any] = {
        "sequence": record.sequence,
        "id": record.id,
        "at": record.at.isoformat(),
        "kind": record.kind,
        **record.content,
    }
    if record.kind == RecordKind.INTENT:
        outcomes = store.records(RecordKind.OUTCOME, subject=record.id)
        intent = intent_of(record)
        document["result"] = result_of(intent, outcome_of(outcomes[0]) if outcomes else None)
        document["outcome"] = outcomes[0].content | {"at": outcomes[0].at.isoformat()} if outcomes else None
    document["evidence_kept"] = [
        {
            "name": e.name,
            "digest": e.digest,
            "bytes": e.size,
            "media_type": e.media_type,
            "erased": e.erased_at.isoformat() if e.erased_at else None,
            "erased_because": e.erased_because or None,
        }
        for e in store.evidence(record.id)
    ]
    document["hash"] = record.hash
    document["previous"] = record.previous
    return document


def result_of(intent: Intent, outcome: Outcome | None) -> str:
    """The word for how an intent ended."""
    if outcome is not None:
        return outcome.result.value
    return RUNNING if process_alive(intent.process) else Result.UNKNOWN.value


def report_json(report: VerifyReport) -> dict[str, Any]:
    """A verification as JSON types."""
    return {
        "sound": report.ok,
        "records": report.records,
        "head": str(report.head) if report.head else None,
        "faults": [str(f) for f in report.faults],
        "remarks": list(report.remarks),
        "evidence_kept": report.evidence_kept,
        "evidence_erased": report.evidence_erased,
        "open_intents": report.open_intents,
    }


def report_lines(report: VerifyReport) -> list[str]:
    """A verification for people."""
    lines = [
        f"{'✔ the chain is whole' if report.ok else '✖ THE RECORD HAS BEEN CHANGED'}: {report.records} records"
    ]
    lines += [f"  ✖ {fault}" for fault in report.faults]
    lines += [f"  · {remark}" for remark in report.remarks]
    lines.append(f"  evidence: {report.evidence_kept} kept, {report.evidence_erased} erased")
    lines.append(f"  acts without an outcome: {report.open_intents}")
    if report.head:
        lines.append(f"  head: {report.head}")
        lines.append("  (a copy of the head kept elsewhere is what finds a cut or wholly rewritten store)")
    return lines
