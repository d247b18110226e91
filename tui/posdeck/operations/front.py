"""The seam between front ends and the headless application: what a screen may ask for, as a protocol.
Every method returns at once or is awaitable; none blocks the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # a front end draws before what it names here is loaded
    from posdeck.catalogue.model import Catalogue
    from posdeck.clock import Clock
    from posdeck.operations.charts import Charts
    from posdeck.operations.forwards import Forwards
    from posdeck.operations.kinds import ServerTable
    from posdeck.operations.lifting import Lifting
    from posdeck.operations.proposal import Proposals
    from posdeck.operations.tracing import Tracing
    from posdeck.operations.view import ActionSummary, SessionView, View

Unsubscribe = Callable[[], None]
CLOSED = "posdeck was closed"  # why a run was cancelled, where nobody says more


@dataclass(frozen=True, slots=True)
class ParamSummary:
    """One thing that a runbook asks for before its first step. ``type`` is workload, choice, integer, revision
    or text; ``choices`` are all the answers where they are known; ``of`` is the parameter that a revision
    belongs to."""

    name: str
    type: str
    help: str
    choices: tuple[str, ...] = ()
    default: str = ""
    required: bool = True
    of: str = ""


@dataclass(frozen=True, slots=True)
class RunbookSummary:
    """One runbook of the library. ``asks`` are its ``params`` in detail."""

    id: str
    title: str
    summary: str
    owner: str = ""
    kind: str = "procedure"  # procedure, operation, recommendation
    params: tuple[str, ...] = ()
    changes: bool = False
    asks: tuple[ParamSummary, ...] = ()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log line, redacted, control sequences neutralised. ``at`` is the server's time. While redaction is
    lifted, ``text`` is what came, and ``kept`` is what may be saved or copied of it."""

    pod: str
    container: str
    at: datetime | None
    text: str
    level: str = ""  # error, warning, info, debug, "mark" for what happened to the stream itself, ""
    kept: str | None = None


@dataclass(frozen=True, slots=True)
class LogRequest:
    """Which logs: pods by name, and with ``deployments`` (full names) also those that these get later while the
    log is followed. ``container`` empty means all but finished init containers; ``since`` in seconds."""

    pods: tuple[str, ...]
    container: str = ""
    follow: bool = True
    tail: int | None = 100
    since: float | None = None
    previous: bool = False
    deployments: tuple[str, ...] = ()


class Front(Protocol):
    """What a front end may ask of the application."""

    catalogue: Catalogue
    clock: Clock
    forwards: Forwards
    lifting: Lifting
    charts: Charts
    tracing: Tracing
    proposals: Proposals

    @property
    def view(self) -> View:
        """The present view; before the first data an empty snapshot with feeds in state connecting."""
        ...

    def subscribe(self, listener: Callable[[View], None]) -> Unsubscribe:
        """Call ``listener`` on the event loop with every new view (coalesced to at most ten a second)."""
        ...

    def subscribe_sessions(self, listener: Callable[[SessionView], None]) -> Unsubscribe:
        """Call ``listener`` on the event loop with every change of any open session."""
        ...

    async def start(self) -> None:
        """Connect in the background; returns at once."""
        ...

    async def stop(self, cause: str = CLOSED) -> None:
        """End everything that was started; a run is cancelled for this ``cause``."""
        ...

    def runbooks(self) -> Sequence[RunbookSummary]:
        """The library, in its order."""
        ...

    def runbook_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        """The runbook (id, parameters) that fits this workload's present state best."""
        ...

    def restart_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        """The operation (id, parameters) that restarts exactly this workload and has a shortcut to that act."""
        ...

    def runbook_markdown(self, runbook_id: str) -> str:
        """The runbook as a document."""
        ...

    async def open_session(
        self, runbook_id: str, params: Mapping[str, str], *, straight: bool = False
    ) -> SessionView:
        """Begin a session, at its first step or ``straight`` at the runbook's shortcut."""
        ...

    async def resume_session(self, session_id: str) -> SessionView:
        """Take a stored session up again. Raises PosdeckError when it belongs elsewhere, or is carried on there."""
        ...

    async def hand_over(self, session_id: str, to: str, note: str = "") -> str:
        """Leave an open session to somebody else, on record; gives the brief for them, as Markdown."""
        ...

    def session(self, session_id: str) -> SessionView:
        """One session as it stands."""
        ...

    async def answer(self, session_id: str, choice: str) -> None:
        """Answer the question that waits."""
        ...

    async def confirm(
        self,
        session_id: str,
        *,
        typed: str,
        reason: str,
        ticket: str,
        break_glass: str = "",
        informed: Sequence[str] = (),
    ) -> None:
        """Confirm the act that waits; raises RefusedError when the gate says no. ``break_glass`` is the reason
        why the environment's policies are set aside, ``informed`` are the contacts who have been told."""
        ...

    async def take_back(self, session_id: str, step: str = "") -> SessionView:
        """Plan the way back of an act that is over (of ``step``, else of the last one); it waits for its own
        confirmation."""
        ...

    async def cancel(self, session_id: str) -> None:
        """Stop what runs and follow the step's on_cancel; returns when nothing of it runs any more."""
        ...

    def logs(self, request: LogRequest) -> AsyncIterator[LogLine]:
        """Log lines as they come."""
        ...

    async def object(self, kind: str, name: str) -> Mapping[str, Any]:
        """The object as the server has it, read afresh (raw JSON)."""
        ...

    async def table(self, kind: str) -> ServerTable:
        """What the server prints of any one kind of the namespace."""
        ...

    async def all_tables(self) -> Sequence[ServerTable]:
        """What ``kubectl get all`` lists, kind by kind; a kind that cannot be read carries the reason."""
        ...

    async def namespaces(self) -> Sequence[str]:
        """The namespaces of the cluster, where this identity may list them; none elsewhere."""
        ...

    async def save_log(self, name: str, lines: Sequence[LogLine], file: str = "") -> Path:
        """Keep redacted log lines in a file of this user's (mode 0600), recorded first: ``file``, a whole path, or
        one below the state folder."""
        ...

    async def remark(self, key: str, word: str, text: str = "", until: datetime | None = None) -> None:
        """Say something of a problem of the present view: ``ack``, ``snooze`` (``until``) or ``note``. It is
        recorded before it counts."""
        ...

    async def audit_records(self, limit: int = 200) -> Sequence[ActionSummary]:
        """The newest records first."""
        ...

    async def audit_record(self, record_id: str) -> Mapping[str, Any]:
        """One record whole."""
        ...
