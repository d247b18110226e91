"""How a run ended, from what was seen of it. Without the final statistics it is never a success."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from posdeck.execution.events import EventKind, RunEvent, RunResult, RunStatus


@dataclass(slots=True)
class Ending:
    """What is collected while a run goes on. ``reason`` is the supervisor's word: finished, cancelled,
    timeout, owner-died, broken, or nothing when it vanished; ``faults`` are things that make the evidence
    incomplete."""

    reason: str = ""
    runner_status: str = ""
    rc: int | None = None
    stats: Mapping[str, Mapping[str, int]] | None = None
    left: int = 0
    tasks: int = 0
    last_failure: str = ""
    last_output: str = ""
    error: str = ""
    faults: list[str] = field(default_factory=list)
    _lines: int = 0

    @property
    def cause(self) -> str:
        """Why it failed, as far as it said so."""
        said = self.last_failure or self.error or self.last_output
        return said or f"ansible-playbook ended with {self.rc}"

    def count(self, number: int) -> None:
        """Check that lines come numbered without a gap."""
        self._lines += 1
        if number != self._lines:
            self.faults.append(f"events are missing before number {number}")
            self._lines = number

    def note(self, event: RunEvent) -> None:
        """Remember of an event what the verdict needs."""
        if event.kind is EventKind.STATS:
            self.stats = {key: value for key, value in event.result.items() if isinstance(value, Mapping)}
        elif event.kind is EventKind.TASK_STARTED:
            self.tasks += 1
        elif event.kind in (EventKind.TASK_FAILED, EventKind.UNREACHABLE) and not event.result.get("ignored"):
            cause = str(event.result.get("msg") or event.text or "it does not say why")
            self.last_failure = f"{event.host}: {event.task}: {cause}"
        elif event.kind is EventKind.OUTPUT and not self.error:
            self.error = event.text.removeprefix("[ERROR]: ") if event.text.startswith("[ERROR]") else ""
            self.last_output = event.text


def judge(ending: Ending, timeout: float | None) -> RunResult:
    """The result that ``ending`` amounts to; ``timeout`` (seconds) only for its message."""
    status, message = _status(ending, timeout)
    if ending.left:
        message = (
            f"{message}; {ending.left} processes could not be ended" if message else "processes are left"
        )
        status = RunStatus.INCOMPLETE if status is RunStatus.SUCCEEDED else status
    return RunResult(status, ending.rc, ending.stats or {}, message, ending.left)


def _status(ending: Ending, timeout: float | None) -> tuple[RunStatus, str]:
    if not ending.reason:
        return RunStatus.LOST, "the supervisor of the run vanished; what was left of the run was ended"
    over = ending.stats is not None and bool(ending.runner_status)  # it was through before the stop came
    if not over:
        if ending.reason in ("cancelled", "owner-died"):
            return RunStatus.CANCELLED, "stopped before its end"
        if ending.reason == "timeout":
            return (
                RunStatus.FAILED,
                f"stopped: not done after {timeout:g} s" if timeout else "stopped: timed out",
            )
    return _status_of_finished(ending)


def _status_of_finished(ending: Ending) -> tuple[RunStatus, str]:
    stats = ending.stats
    if ending.faults:
        return RunStatus.INCOMPLETE, ending.faults[0]
    if stats is None and ending.runner_status and ending.rc and not ending.tasks:
        return RunStatus.FAILED, ending.cause
    if stats is None or not ending.runner_status:
        return RunStatus.INCOMPLETE, ending.last_failure or "it ended without its final statistics"
    if ending.rc != 0 or ending.runner_status != "successful":
        return RunStatus.FAILED, ending.cause
    if not stats.get("processed"):
        return RunStatus.FAILED, "no host of the inventory was concerned, so nothing was done"
    return RunStatus.SUCCEEDED, ""
