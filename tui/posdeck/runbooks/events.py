"""Everything that can happen to a session. ``at`` is when, in UTC; the reducer itself knows no time.

Events that carry ``run`` come from machinery and are ignored when that run is not the current one (it was
cancelled, or belongs to the time before a crash). The others come from a person and are refused out of place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from pydantic import JsonValue

from posdeck.runbooks.plan import Plan


class RunResult(StrEnum):
    """How a playbook's run ended; without its final statistics it is incomplete, never succeeded."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    LOST = "lost"


class Verdict(StrEnum):
    """What a verification found."""

    PASSED = "passed"
    FAILED = "failed"
    CANNOT_TELL = "cannot-tell"


class Changed(StrEnum):
    """Whether an act's change is in the cluster."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Timed:
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(_Timed):
    """A new session begins its first step, or goes straight to the act that is the runbook's shortcut."""

    straight: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceArrived(_Timed):
    """A diagnose step's evidence; its redacted text is stored elsewhere under ``digest``."""

    run: str
    collected: bool
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    digest: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceBeside(_Timed):
    """Evidence of a diagnose step that was passed over on the way straight to the act."""

    run: str
    step: str
    collected: bool
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    digest: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(_Timed):
    """A decision, with what the person noted."""

    step: str
    choice: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewArrived(_Timed):
    """The plan of the act or rollback that is being previewed."""

    run: str
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewFailed(_Timed):
    """The preview could not be made; nothing was changed."""

    run: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed(_Timed):
    """A person agrees to exactly the plan of ``plan_hash``."""

    step: str
    plan_hash: str
    text: str = ""
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(_Timed):
    """The gate refused, before anything was changed. ``run`` is the run that it refused."""

    run: str
    rule: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(_Timed):
    """A refused act, or one whose preview failed, is planned again."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(_Timed):
    """The intent is on record and the playbook runs: from here on a change is possible."""

    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunProgress(_Timed):
    """A line of progress, for those who watch; it changes no state."""

    run: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished(_Timed):
    """A run ended. ``left`` says what it made of each object that it wrote to ("Kind/name" → a digest)."""

    run: str
    result: RunResult
    message: str = ""
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyFinished(_Timed):
    """One proof of an act or rollback was looked at."""

    run: str
    verdict: Verdict
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(_Timed):
    """The cluster was asked whether an interrupted run's whole change is there; the run is certainly over.

    Some of it, on some of the objects, is ``unknown``. ``left`` is as in ``RunFinished``."""

    run: str
    changed: Changed
    detail: str = ""
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested(_Timed):
    """Stop: by a person, or because the terminal was lost (``cause``)."""

    cause: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested(_Timed):
    """Take the act of ``step`` back."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackDeclined(_Timed):
    """Go on without taking the act of ``step`` back."""

    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledged(_Timed):
    """A contact step was carried out; ``told`` are the contacts who know."""

    step: str
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed(_Timed):
    """Somebody takes up a stored session: after a crash, a lost terminal or a handover."""

    actor: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver(_Timed):
    """The person leaves the session to somebody else; nothing may be running."""

    to: str


Event = (
    Started
    | EvidenceArrived
    | EvidenceBeside
    | Answered
    | PreviewArrived
    | PreviewFailed
    | Confirmed
    | Refused
    | Retried
    | RunStarted
    | RunProgress
    | RunFinished
    | VerifyFinished
    | Settled
    | CancelRequested
    | RollbackRequested
    | RollbackDeclined
    | Acknowledged
    | Resumed
    | HandedOver
)
