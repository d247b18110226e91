"""What a front end sees: one frozen View per change, and one frozen SessionView per runbook session.
The terminal interface and the command line draw these and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from posdeck.operations.scaled_objects import Scalers
from posdeck.telemetry.reading import NO_SOURCE

if TYPE_CHECKING:
    from posdeck.cluster.snapshot import Snapshot
    from posdeck.telemetry.levels import LevelView
    from posdeck.telemetry.reading import Reading

EMPTY: Mapping[str, Any] = MappingProxyType({})


class Verdict(StrEnum):
    """What can be said of a consumer's work."""

    KEEPING_UP = "keeping up"
    FALLING_BEHIND = "falling behind"
    STUCK = "stuck"
    RETURNING = "messages come back"  # taken and not acknowledged, again and again: poison
    NO_CONSUMER = "no active consumer"
    PAUSED = "paused"
    ASLEEP = "asleep"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class ConsumerView:
    """One consumer's numbers. Rates are messages per second, ``errors`` per minute, ``oldest`` seconds."""

    name: str  # short name
    lag: Reading = NO_SOURCE
    unacknowledged: Reading = NO_SOURCE
    rate_in: Reading = NO_SOURCE
    rate_out: Reading = NO_SOURCE
    redelivered: Reading = NO_SOURCE
    dead_letters: Reading = NO_SOURCE
    errors: Reading = NO_SOURCE
    oldest: Reading = NO_SOURCE
    connected: Reading = NO_SOURCE
    lag_history: tuple[float, ...] = ()
    idle_since: datetime | None = None  # no message acknowledged since then, although some wait
    verdict: Verdict = Verdict.CANNOT_TELL
    because: str = ""  # the arithmetic, or why it cannot be told
    prefetch: Reading = NO_SOURCE  # messages that each consumer may hold
    active_at: datetime | None = None  # when something was last seen to be done
    active_by: str = ""  # by what: acknowledgements, or the log
    tier: str = "standard"
    help: tuple[str, ...] = ()  # would more replicas help? With the arithmetic, a line each


class Severity(StrEnum):
    """How bad a problem is; ``risk`` is a standing weakness, never an incident."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class Remark:
    """What people said of a problem, as far as it still counts. ``notes`` are (when, who, text)."""

    acknowledged_by: str = ""
    acknowledged_at: datetime | None = None
    snoozed_by: str = ""
    snoozed_until: datetime | None = None
    notes: tuple[tuple[datetime, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong now (or a standing risk). ``since`` is from the cluster's own times where it can be;
    ``since_at_least`` says that it was so already when first seen. ``workloads`` (full names) and ``pods`` are
    concerned by it or by what follows from it; ``follows`` are those findings (id, short name, text). One that is
    ``watched`` has not lasted long enough to be certain."""

    id: str
    severity: Severity
    object_kind: str
    object_name: str  # full name
    short: str  # as shown
    text: str
    since: datetime | None = None
    since_at_least: bool = False
    runbook: str = ""
    params: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    evidence: tuple[tuple[str, str], ...] = ()
    confidence: str = ""
    workloads: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    follows: tuple[tuple[str, str, str], ...] = ()
    remark: Remark | None = None
    watched: bool = False

    @property
    def key(self) -> str:
        """Its identity from one view to the next, and in the record: finding, kind and full name."""
        return f"{self.id}/{self.object_kind}/{self.object_name}"

    @property
    def snoozed(self) -> bool:
        """Whether somebody put it off, and it has not become worse."""
        return self.remark is not None and self.remark.snoozed_until is not None

    @property
    def quiet(self) -> bool:
        """Whether somebody knows of it, so that it need not announce itself."""
        return self.remark is not None and (self.snoozed or self.remark.acknowledged_at is not None)


@dataclass(frozen=True, slots=True)
class News:
    """One announcement: problems that are new or worse, worst first. Later ones have a higher ``serial``."""

    serial: int
    at: datetime
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ActionSummary:
    """One record of the audit store, in a line."""

    sequence: int
    at: datetime
    who: str
    act: str
    target: str
    result: str  # succeeded, failed, refused, cancelled, unknown, running
    verification: str = ""
    duration: float | None = None
    record_id: str = ""


# who carries a session on: this process, nobody (it is stored, and can be taken up), or another posdeck
HERE, STORED, ELSEWHERE = "here", "stored", "elsewhere"


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """One runbook session, in a line. ``held`` says who carries it on."""

    id: str
    runbook: str
    title: str
    target: str
    status: str
    step: str
    started: datetime | None = None
    who: str = ""
    held: str = HERE
    place: str = ""  # where it belongs, when that is not here
    handed_to: str = ""  # who is to take it up


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the header always shows. ``writes`` is "ask", "read-only" or "refused"; ``writes_reason`` says why."""

    environment: str
    production: bool
    writes: str
    writes_reason: str = ""
    bound: bool = False
    unredacted_until: datetime | None = None  # redaction is lifted on this screen until then


@dataclass(frozen=True, slots=True)
class View:
    """Everything that the screens draw. Mappings are keyed by short name unless said otherwise."""

    snapshot: Snapshot
    surroundings: Surroundings
    consumers: Mapping[str, ConsumerView] = field(default_factory=lambda: EMPTY)
    problems: tuple[Problem, ...] = ()
    watched: tuple[Problem, ...] = ()  # looks wrong, and has not lasted long enough to be told as a problem
    risks: tuple[Problem, ...] = ()
    news: News | None = None  # the latest announcement; a front end compares serials
    cannot_tell: tuple[str, ...] = ()  # what would have to be known to call the namespace healthy
    scalers: Scalers = Scalers()  # KEDA's objects of the namespace
    levels: tuple[LevelView, ...] = ()  # the service levels, in the inventory's order
    sessions: tuple[SessionSummary, ...] = ()
    actions: tuple[ActionSummary, ...] = ()
    usage_history: Mapping[str, tuple[float, ...]] = field(
        default_factory=lambda: EMPTY
    )  # by pod name, CPU cores
    hpa_history: Mapping[str, tuple[tuple[float, int, int], ...]] = field(
        default_factory=lambda: EMPTY
    )  # by HPA: (unix time, current, desired)
    notices: tuple[str, ...] = ()  # what posdeck has to say of itself and of what it found at its start


class StepState(StrEnum):
    """Where a step of a session stands."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the path, as the session screen lists it."""

    id: str
    type: str  # diagnose, decide, act, contact, done
    title: str
    state: StepState
    seconds: float | None = None
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a step found: redacted text, or a table (``columns`` and ``rows``), with what to notice in it."""

    step: str
    title: str
    text: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    notice: tuple[str, ...] = ()
    kubectl: str = ""
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceView:
    """One answer to a question."""

    id: str
    label: str
    suggested: bool = False
    because: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A decision that waits for a person."""

    step: str
    text: str
    choices: tuple[ChoiceView, ...]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """An act that waits for a person: why, what, whom it hits, how to undo it, and what must be typed."""

    step: str
    title: str
    why: str
    will: tuple[str, ...]
    hits: tuple[str, ...]
    undo: str
    rules: tuple[str, ...]
    diff: str = ""
    kubectl: str = ""
    type_this: str = ""  # empty: y/n is enough
    full_name: str = ""
    reason_required: bool = False
    ticket_required: bool = False
    warnings: tuple[str, ...] = ()
    refused: str = ""  # the gate already says no, and why; then nothing can be confirmed
    overridable: str = ""  # a policy says no, and why; a break-glass reason sets it aside


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task of a playbook as it runs."""

    title: str
    state: StepState
    seconds: float | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class SessionView:
    """A runbook session as the session screen draws it; a new one is posted at each change."""

    id: str
    runbook: str
    title: str
    target: str
    status: str  # open, waiting, running, done, cancelled, failed
    steps: tuple[StepView, ...]
    current: str = ""
    started: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    question: Question | None = None
    confirmation: Confirmation | None = None
    tasks: tuple[TaskView, ...] = ()
    log: tuple[str, ...] = ()
    result: str = ""
    verification: str = ""  # passed, failed, cannot tell
    message: str = ""
    next_offer: tuple[str, str] | None = (
        None  # (runbook id, label): a procedure of its own that is offered now
    )
    next_params: Mapping[str, str] = field(default_factory=lambda: EMPTY)  # its parameters, filled in
    exit_code: int | None = None
    way_back: str = ""  # what taking the last act back now would do, in words
