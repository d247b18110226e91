"""What a session wants done, as data; ``operations`` does it, in order, and answers with events.

``SaveSession`` always comes before what it must outlive: the state is durable before anything is performed.
Every effect that carries ``run`` is answered by exactly one closing event with the same ``run``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from posdeck.runbooks.conditions import Suggestion
from posdeck.runbooks.model import Choice, Offer, Outcome
from posdeck.runbooks.plan import Plan


class Purpose(StrEnum):
    """Why a playbook runs; only act and rollback may change anything."""

    DIAGNOSE = "diagnose"
    PREVIEW = "preview"
    ACT = "act"
    VERIFY = "verify"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True)
class SaveSession:
    """Store the session, durably, before the effects that follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlaybook:
    """Run a playbook against ``target`` (Ansible's limit). A preview runs it in check mode with a diff.

    Answered, by purpose: diagnose EvidenceArrived; preview PreviewArrived, PreviewFailed or Refused; act and
    rollback RunStarted then RunFinished, or Refused; verify VerifyFinished. ``plan_hash``, ``reason`` and
    ``ticket`` are the confirmation's; ``for_rollback`` tells a rollback's preview and proof from the act's.
    """

    run: str
    purpose: Purpose
    step: str
    playbook: str
    target: str
    variables: Mapping[str, JsonValue]
    timeout: int
    for_rollback: bool = False
    plan_hash: str = ""
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeReading:
    """Take one of posdeck's own readings; answered by EvidenceArrived."""

    run: str
    step: str
    reading: str
    target: str
    timeout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectBeside:
    """Carry out a diagnose step while a person reads the plan of the act; answered by EvidenceBeside. It is a
    playbook's run, or one of posdeck's own readings."""

    run: str
    step: str
    playbook: str
    reading: str
    target: str
    variables: Mapping[str, JsonValue]
    timeout: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCheck:
    """Perform a built-in check against the live cluster; answered by VerifyFinished."""

    run: str
    step: str
    check: str
    target: str
    timeout: int
    for_rollback: bool = False


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Stop a run; an act or rollback still answers with RunFinished, any other need not answer."""

    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleRun:
    """Make sure that a run is over, then ask the cluster what it left; answered by Settled."""

    run: str
    step: str
    for_rollback: bool
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class AskDecision:
    """Show the question with its evidence and suggestion; answered by Answered."""

    step: str
    question: str
    choices: tuple[Choice, ...]
    suggestion: Suggestion
    unattended: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskConfirmation:
    """Show the plan; answered by Confirmed or CancelRequested.

    ``expected`` is what has to be typed, "" for a yes; ``carried`` says that the act's
    confirmation already carries the permission for this rollback.
    """

    step: str
    plan: Plan
    plan_hash: str
    expected: str
    for_rollback: bool = False
    carried: bool = False


@dataclass(frozen=True, slots=True)
class OfferRollback:
    """Offer to take an act back; answered by RollbackRequested or RollbackDeclined."""

    step: str
    because: str


@dataclass(frozen=True, slots=True)
class AskContact:
    """Ask the person to tell somebody; answered by Acknowledged."""

    step: str
    who: tuple[str, ...]
    say: str


@dataclass(frozen=True, slots=True)
class Inform:
    """Say something; level is info, warning or error."""

    text: str
    level: str = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The session is over. ``outcome`` is None when it ended without coming to a done step."""

    status: str
    outcome: Outcome | None
    result: str
    offers: tuple[Offer, ...] = ()


Effect = (
    SaveSession
    | RunPlaybook
    | TakeReading
    | CollectBeside
    | RunCheck
    | CancelRun
    | SettleRun
    | AskDecision
    | AskConfirmation
    | OfferRollback
    | AskContact
    | Inform
    | Finish
)
