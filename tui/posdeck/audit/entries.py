"""The record as people read it: an intent and its outcome are one line, and a lost act is never a success."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posdeck.audit.record import Actor, Process, Record, RecordKind, Result, Target, restore

RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of ``audit list``. ``result`` is a Result's word, ``running``, or the record's kind where
    nothing was attempted; ``verification`` is empty until there is an outcome."""

    record: Record
    outcome: Record | None
    what: str
    result: str
    verification: str
    actor: Actor
    target: Target | None
    environment: str
    reason: str
    ended_at: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """For ``-o json``: the records' own bodies, and what the two together mean."""
        return {
            "id": self.record.id,
            "sequence": self.record.sequence,
            "at": self.record.at.isoformat(),
            "kind": self.record.kind,
            "what": self.what,
            "result": self.result,
            "verification": self.verification or None,
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "hash": self.record.hash,
            "body": self.record.content,
            "outcome": self.outcome.content if self.outcome else None,
        }


def entry_of(record: Record, outcome: Record | None, alive: Callable[[Process], bool]) -> Entry:
    """Join a record with its outcome. An intent without one is ``running`` while its process lives, then
    ``unknown``."""
    body = record.content
    ending = outcome.content if outcome else {}
    target = body.get("target")
    return Entry(
        record=record,
        outcome=outcome,
        what=str(body.get("act") or body.get("topic") or record.kind),
        result=_result(record, body, ending, alive),
        verification=str(ending.get("verification", "")),
        actor=restore(Actor, body.get("actor") or {"user": ""}),
        target=restore(Target, target) if target else None,
        environment=str((body.get("place") or {}).get("environment", "")),
        reason=str(body.get("reason") or body.get("text") or body.get("cause") or ""),
        ended_at=outcome.at if outcome else None,
    )


def _result(
    record: Record, body: dict[str, Any], ending: dict[str, Any], alive: Callable[[Process], bool]
) -> str:
    if record.kind == RecordKind.REFUSAL:
        return Result.REFUSED.value
    if record.kind != RecordKind.INTENT:
        return record.kind
    if ending:
        return str(ending.get("result", Result.UNKNOWN.value))
    return RUNNING if alive(restore(Process, body["process"])) else Result.UNKNOWN.value
