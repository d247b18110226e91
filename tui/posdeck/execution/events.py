"""What a run tells: the runner's events as typed, numbered, printable records, and how a run ended."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class EventKind(StrEnum):
    """What happened."""

    STARTING = "starting"
    RUNNING = "running"
    PLAY = "play"
    TASK_STARTED = "task_started"
    TASK_OK = "task_ok"
    TASK_CHANGED = "task_changed"
    TASK_SKIPPED = "task_skipped"
    TASK_FAILED = "task_failed"
    TASK_RETRY = "task_retry"
    UNREACHABLE = "unreachable"
    DIFF = "diff"
    OUTPUT = "output"
    STATS = "stats"
    FINISHED = "finished"


class RunStatus(StrEnum):
    """How a run ended. ``incomplete``: it ran, but its final statistics never came; ``lost``: nobody
    watched."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class RunEvent:
    """One event. ``sequence`` counts from 1 without gaps; ``text`` is what Ansible printed, free of control
    sequences; ``result`` is the task's result, read-only; ``duration`` in seconds."""

    sequence: int
    at: datetime
    kind: EventKind
    host: str = ""
    task: str = ""
    action: str = ""
    result: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    text: str = ""
    duration: float | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """The end of a run. ``stats`` is Ansible's recap, ``{"ok": {host: count}, …}``; empty when it never
    came. ``message`` says in one line why a run did not succeed. ``left`` counts processes that could
    not be ended."""

    status: RunStatus
    rc: int | None = None
    stats: Mapping[str, Mapping[str, int]] = field(default_factory=lambda: _NOTHING)
    message: str = ""
    left: int = 0

    @property
    def succeeded(self) -> bool:
        """Whether the playbook ran to its end on at least one host and nothing failed."""
        return self.status is RunStatus.SUCCEEDED


_KINDS = {
    "playbook_on_play_start": EventKind.PLAY,
    "playbook_on_task_start": EventKind.TASK_STARTED,
    "playbook_on_handler_task_start": EventKind.TASK_STARTED,
    "runner_on_ok": EventKind.TASK_OK,
    "runner_on_failed": EventKind.TASK_FAILED,
    "runner_on_async_failed": EventKind.TASK_FAILED,
    "runner_on_skipped": EventKind.TASK_SKIPPED,
    "runner_on_unreachable": EventKind.UNREACHABLE,
    "runner_retry": EventKind.TASK_RETRY,
    "runner_on_file_diff": EventKind.DIFF,
    "playbook_on_stats": EventKind.STATS,
}
# They carry neither text nor a result that another event would not bring.
_SILENT = frozenset({"playbook_on_start", "runner_on_start", "playbook_on_include", "playbook_on_notify"})


def printable(text: str) -> str:
    """``text`` without escape sequences and control characters, so that it cannot steer a terminal."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def parse_time(text: str, otherwise: datetime) -> datetime:
    """The aware UTC time of an ISO text; ``otherwise`` when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def translate(
    raw: Mapping[str, Any], sequence: int, now: datetime, redact: Callable[[str], str] = lambda text: text
) -> RunEvent | None:
    """A shortened runner event as a RunEvent; None for one that tells a reader nothing.

    ``redact`` is applied to the text and to every string in the result before anybody sees them.
    """
    name = str(raw.get("event", ""))
    data: Mapping[str, Any] = raw.get("data") or {}
    text = redact(printable(str(raw.get("text") or "")).strip("\n"))
    if name in _SILENT:
        return None
    kind = _KINDS.get(name, EventKind.OUTPUT)
    result = _result(name, kind, data)
    if kind is EventKind.TASK_OK and result.get("changed"):
        kind = EventKind.TASK_CHANGED
    if kind is EventKind.OUTPUT and not text:
        return None
    duration = data.get("duration")
    return RunEvent(
        sequence=sequence,
        at=parse_time(str(raw.get("at", "")), now),
        kind=kind,
        host=str(data.get("host", "")),
        task=printable(redact(str(data.get("task") or data.get("name") or ""))),
        action=str(data.get("task_action", "")),
        result=MappingProxyType(redacted(result, redact)),
        text=text,
        duration=float(duration) if isinstance(duration, int | float) else None,
    )


def _result(name: str, kind: EventKind, data: Mapping[str, Any]) -> dict[str, Any]:
    if kind is EventKind.STATS:
        return dict(data)
    if kind is EventKind.DIFF:
        return {"diff": data.get("diff") or (data.get("res") or {}).get("diff")}
    result = dict(data.get("res") or {})
    if name == "runner_on_failed" and data.get("ignore_errors"):
        result["ignored"] = True
    return result


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """``value`` with ``redact`` applied to every string in it, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {redact(str(key)): redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, redact) for item in value]
    return value
