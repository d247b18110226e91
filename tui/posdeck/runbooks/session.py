"""One carrying-out of a runbook: frozen, complete, and the same after a trip through JSON.

``reducer.advance`` is the only way from one state to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Literal

from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError

from posdeck.errors import PosdeckError
from posdeck.runbooks.events import Changed, Verdict
from posdeck.runbooks.model import Act, Diagnose, Outcome, Runbook
from posdeck.runbooks.plan import Plan
from posdeck.runbooks.substitution import exact_name, fill

_STRICT = ConfigDict(extra="forbid")


class InvalidEventError(PosdeckError):
    """A person's event does not fit where the session stands; nothing was changed."""


class Status(StrEnum):
    """A session as lists show it."""

    OPEN = "open"
    WAITING_CONFIRM = "waiting-confirm"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"
    HANDED_OVER = "handed-over"


class Phase(StrEnum):
    """What the session waits for."""

    NEW = "new"
    COLLECTING = "collecting"  # evidence
    DECIDING = "deciding"  # an answer
    PREVIEWING = "previewing"  # the plan
    CONFIRMING = "confirming"  # a person's word for the plan
    REFUSED = "refused"  # another try, or to be cancelled
    ACTING = "acting"  # the end of the run
    SETTLING = "settling"  # what the cluster says about a run that did not end well
    VERIFYING = "verifying"  # a proof
    OFFERING = "offering"  # whether to take the act back
    TELLING = "telling"  # that somebody was told
    ENDED = "ended"


class StepStatus(StrEnum):
    """Where one step, or one rollback, stands."""

    COLLECTING = "collecting"
    COLLECTED = "collected"
    WAITING = "waiting"
    ANSWERED = "answered"
    PREVIEWING = "previewing"
    PREVIEWED = "previewed"
    CONFIRMED = "confirmed"
    RUNNING = "running"
    INTERRUPTED = "interrupted"
    VERIFYING = "verifying"
    PASSED = "passed"
    FAILED = "failed"
    CANNOT_TELL = "cannot-tell"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    TOLD = "told"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Who agreed to which plan, when and why."""

    __pydantic_config__ = _STRICT

    actor: str
    at: datetime
    plan_hash: str
    text: str = ""
    reason: str = ""
    ticket: str = ""


@dataclass(frozen=True, slots=True)
class StepState:
    """What is known of one step. ``facts`` belong to a diagnose step, ``choice`` to a decision, the rest to
    an act or its rollback (kept under ``step/rollback``)."""

    __pydantic_config__ = _STRICT

    status: StepStatus
    began: datetime
    ended: datetime | None = None
    summary: str = ""
    digest: str = ""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)
    choice: str = ""
    suggested: str = ""
    note: str = ""
    told: tuple[str, ...] = ()
    restarted_at: str = ""
    plan: Plan | None = None
    plan_hash: str = ""
    confirmation: Confirmation | None = None
    runs: tuple[str, ...] = ()
    changed: Changed = Changed.NO
    left: Mapping[str, str] = field(default_factory=dict)  # what it made of each object, to be taken back
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One step left behind: by which exit, and when. The exits are those of ``graph.Edge``."""

    __pydantic_config__ = _STRICT

    step: str
    exit: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """The whole state. ``run`` is the run being waited for; ``after`` the step that follows a rollback."""

    __pydantic_config__ = _STRICT

    id: str
    runbook: str
    digest: str
    params: Mapping[str, JsonValue]
    actor: str
    began: datetime
    updated: datetime
    version: Literal[1] = 1
    typed_confirmation: bool = True
    check_only: bool = False
    environment: str = ""  # with the two below: where it belongs, and nowhere else goes on
    cluster: str = ""
    namespace: str = ""
    phase: Phase = Phase.NEW
    ending: Status | None = None
    handed_over_to: str = ""
    step: str = ""
    rolling_back: bool = False
    run: str = ""
    run_count: int = 0
    run_started: bool = False
    proof: int = 0
    settling_for: Literal["", "failed", "cancelled", "incomplete", "interrupted", "abandoned"] = ""
    cancelling: bool = False
    cancelled: bool = False
    leaving_by: str = ""
    after: str = ""
    steps: Mapping[str, StepState] = field(default_factory=dict)
    trail: tuple[Passage, ...] = ()
    outcome: Outcome | None = None
    result: str = ""

    @property
    def status(self) -> Status:
        """The state in the words of a list."""
        if self.phase is Phase.ENDED and self.ending is not None:
            return self.ending
        if self.handed_over_to:
            return Status.HANDED_OVER
        if self.phase is Phase.CONFIRMING:
            return Status.WAITING_CONFIRM
        running = (Phase.ACTING, Phase.SETTLING, Phase.VERIFYING)
        return Status.RUNNING if self.phase in running else Status.OPEN

    @property
    def over(self) -> bool:
        """Whether nothing goes on; an act of it may still be taken back."""
        return self.phase is Phase.ENDED

    @property
    def unit(self) -> str:
        """The key in ``steps`` of what is being carried out: the step, or its rollback."""
        return rollback_key(self.step) if self.rolling_back else self.step

    @property
    def verdict(self) -> Verdict | None:
        """The worst verdict over all acts that changed something; None when there is none."""
        acts = [
            state for key, state in self.steps.items() if state.changed is not Changed.NO and "/" not in key
        ]
        if not acts:
            return None
        found = [state.verdict or Verdict.CANNOT_TELL for state in acts]
        return next((each for each in (Verdict.FAILED, Verdict.CANNOT_TELL) if each in found), Verdict.PASSED)

    def facts(self) -> dict[str, JsonValue]:
        """All facts so far as ``step.fact``."""
        return {
            f"{key}.{name}": value for key, each in self.steps.items() for name, value in each.facts.items()
        }

    def spaces(self, before: Mapping[str, JsonValue] | None = None) -> dict[str, Mapping[str, Any]]:
        """The values that a runbook's placeholders are filled from."""
        known: dict[str, Mapping[str, Any]] = {"params": self.params, "session": {"id": self.id}}
        if before is not None:
            known["before"] = before
        return known


def rollback_key(step: str) -> str:
    """Where the state of a step's rollback is kept."""
    return f"{step}/rollback"


def new_session(
    runbook: Runbook,
    *,
    session_id: str,
    digest: str,
    params: Mapping[str, JsonValue],
    actor: str,
    at: datetime,
    typed_confirmation: bool = True,
    check_only: bool = False,
) -> Session:
    """A session before its first step; ``params`` are already resolved. Raises SubstitutionError when a
    step's target or variables cannot be filled, so that it is known now and not between two acts."""
    session = Session(
        id=session_id,
        runbook=runbook.id,
        digest=digest,
        params=dict(params),
        actor=actor,
        began=at,
        updated=at,
        typed_confirmation=typed_confirmation,
        check_only=check_only,
    )
    for step in runbook.steps:
        if isinstance(step, Diagnose | Act):
            subject = f"{runbook.id}, step {step.id}"
            exact_name(fill(step.target, session.spaces(), subject=subject), subject=f"{subject}, target")
            fill(step.vars, session.spaces(), subject=f"{subject}, vars")
    return session


@cache
def _adapter() -> TypeAdapter[Session]:
    return TypeAdapter(Session)


def to_json(session: Session) -> bytes:
    """A session as JSON."""
    return _adapter().dump_json(session)


def from_json(raw: bytes | str) -> Session:
    """The session in ``raw``. Raises PosdeckError when it is damaged or of another version."""
    try:
        return _adapter().validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the text"
        raise PosdeckError(
            "stored session",
            f"cannot be read ({where}: {first['msg']})",
            "Start a new session; the audit record is not affected.",
        ) from error
