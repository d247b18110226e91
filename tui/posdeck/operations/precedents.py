"""What the record says of the past, as far as a policy asks: how many acts there were within the hour, whether this
passed in staging, and which act a rollback takes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from posdeck.audit.record import RecordKind, Result, Verification, intent_of

if TYPE_CHECKING:
    from posdeck.audit.reading import AuditReader
    from posdeck.audit.record import Intent, Outcome
    from posdeck.catalogue.policy import StagingFirst
    from posdeck.operations.write import Write

HOUR = timedelta(hours=1)
_LOOKED_BACK = 1000  # intents, when the act that a rollback takes back is looked for


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's yes to one plan. No channel makes these yet."""

    approver: str
    plan_digest: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Precedents:
    """``acts`` are the moments of this environment's acts within the last hour, oldest first, ``of_runbook``
    those of the same runbook; an act on several objects counts once. ``staged_at`` is when this passed in
    staging, None when it did not, and then ``staged_problem`` says what is known. ``undoes`` is the intent
    that the write takes back, or ""."""

    acts: tuple[datetime, ...] = ()
    of_runbook: tuple[datetime, ...] = ()
    staged_at: datetime | None = None
    staged_problem: str = ""
    undoes: str = ""
    approvals: tuple[Approval, ...] = ()


def read_precedents(
    store: AuditReader, write: Write, environment: str, staging: StagingFirst | None, now: datetime
) -> Precedents:
    """Look them up; ``now`` is aware. Blocks on the disk; raises AuditError."""
    acts, of_runbook = _acts(store, write, environment, now)
    staged_at, problem = _staged(store, write, staging, now) if staging else (None, "")
    return Precedents(acts, of_runbook, staged_at, problem, _undone(store, write) if write.undoes else "")


def _acts(
    store: AuditReader, write: Write, environment: str, now: datetime
) -> tuple[tuple[datetime, ...], tuple[datetime, ...]]:
    """An act that did not change anything, one that takes another back, and the present one do not count."""
    found: dict[str, tuple[datetime, bool]] = {}
    for record in store.records(RecordKind.INTENT, since=now - HOUR):
        intent = intent_of(record)
        act = intent.run_id or intent.id
        if intent.place.environment != environment or intent.place.namespace != write.namespace:
            continue
        if intent.rollback_of or act == (write.run_id or write.intent_id) or act in found:
            continue
        outcome = store.outcome_of(intent.id)
        if outcome is not None and outcome.result in {Result.NOTHING_CHANGED, Result.REFUSED}:
            continue
        same = bool(write.runbook) and intent.runbook is not None and intent.runbook.id == write.runbook
        found[act] = (record.at, same)
    return tuple(at for at, _ in found.values()), tuple(at for at, same in found.values() if same)


def _staged(
    store: AuditReader, write: Write, staging: StagingFirst, now: datetime
) -> tuple[datetime | None, str]:
    """The newest act of the same digest there decides, so that a later failure voids an earlier success."""
    if not write.runbook_digest and not write.playbook_digest:
        return None, "the digest of what is to run is not known"
    since = now - timedelta(hours=staging.within_hours)
    for record in store.records(RecordKind.INTENT, since=since, newest_first=True):
        intent = intent_of(record)
        if intent.place.environment != staging.environment or not _same_digest(write, intent):
            continue
        outcome = store.outcome_of(intent.id)
        if outcome is None or outcome.result not in {Result.SUCCEEDED, Result.FAILED, Result.UNKNOWN}:
            continue
        return (record.at, "") if _passed(outcome) else (None, _what_came(outcome, record.at))
    return None, ""


def _same_digest(write: Write, intent: Intent) -> bool:
    """By the runbook (whose digest covers its playbooks); for a plain playbook run by the playbook."""
    document, digest = (
        (intent.runbook, write.runbook_digest)
        if write.runbook_digest
        else (intent.playbook, write.playbook_digest)
    )
    return document is not None and document.digest == digest


def _passed(outcome: Outcome) -> bool:
    return outcome.result is Result.SUCCEEDED and outcome.verification is Verification.PASSED


def _what_came(outcome: Outcome, at: datetime) -> str:
    return (
        f"its last run there ({at:%Y-%m-%d %H:%M} UTC) ended as {outcome.result.value}, "
        f"verification {outcome.verification.value}"
    )


def _undone(store: AuditReader, write: Write) -> str:
    """The intent of the act that ``write`` takes back: same session, one of its runs, same object."""
    for record in store.records(RecordKind.INTENT, newest_first=True, limit=_LOOKED_BACK):
        intent = intent_of(record)
        if intent.session_id != write.session_id or intent.run_id not in write.undoes:
            continue
        target = intent.target
        if (target.kind, target.namespace, target.name) == (write.resource.kind, write.namespace, write.name):
            return intent.id
    return ""
