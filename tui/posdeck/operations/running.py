"""One playbook run of a session: a private folder, a frozen kubeconfig, and the events as a session shows them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posdeck.cluster.connection import frozen_kubeconfig
from posdeck.cluster.relogin import refreshed
from posdeck.config import private_folder
from posdeck.execution.events import EventKind, RunEvent, RunResult
from posdeck.execution.runs import Run, RunRequest
from posdeck.operations.view import StepState, TaskView
from posdeck.operations.workshop import Workshop

if TYPE_CHECKING:
    from posdeck.execution.runs import PreparedRun

RUN = "run"  # within a run's folder: what belongs to the supervisor

_ENDS: Mapping[EventKind, StepState] = {
    EventKind.TASK_OK: StepState.PASSED,
    EventKind.TASK_CHANGED: StepState.PASSED,
    EventKind.TASK_SKIPPED: StepState.SKIPPED,
    EventKind.TASK_FAILED: StepState.FAILED,
    EventKind.UNREACHABLE: StepState.FAILED,
}


@dataclass(slots=True)
class RunLog:
    """What a run has told so far: its tasks, its output lines, and the results of its tasks."""

    tasks: list[TaskView] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    results: list[RunEvent] = field(default_factory=list)
    failure: str = ""

    def take(self, event: RunEvent) -> None:
        """Take one event in."""
        if event.kind is EventKind.TASK_STARTED and event.task:
            self.tasks.append(TaskView(event.task, StepState.RUNNING))
        elif event.kind in _ENDS:
            self._end(event, _ENDS[event.kind])
        if event.text:
            self.lines.extend(event.text.splitlines())

    def _end(self, event: RunEvent, state: StepState) -> None:
        message = str(event.result.get("msg") or "")
        ended = TaskView(event.task, state, event.duration, message)
        for index in range(len(self.tasks) - 1, -1, -1):
            if self.tasks[index].title == event.task and self.tasks[index].state is StepState.RUNNING:
                self.tasks[index] = ended
                break
        else:
            self.tasks.append(ended)
        self.results.append(event)
        if state is StepState.FAILED and not event.result.get("ignored"):
            self.failure = message or event.text or f"task {event.task} failed"


def lay_out_run(
    workshop: Workshop,
    *,
    run_id: str,
    playbook: str,
    target: str,
    variables: Mapping[str, Any],
    timeout: float,
    check: bool = False,
) -> RunRequest:
    """Make the private folder of a run with its frozen kubeconfig, and say what is to be run there."""
    folder = private_folder(workshop.state / "runs" / run_id)
    return RunRequest(
        run_id=run_id,
        playbook=workshop.folders.playbook(playbook),
        inventory=workshop.inventory,
        run_folder=folder / RUN,
        limit=target,
        extra_vars={"kube_namespace": workshop.target.namespace, **variables},
        check=check,
        diff=check,
        kubeconfig=_freeze(workshop, folder),
        timeout=timeout,
    )


def _freeze(workshop: Workshop, folder: Path) -> Path:
    """Write the kubeconfig of a run, with the login that the file has at this moment, for the same server."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.unlink(missing_ok=True)
    frozen_kubeconfig(refreshed(workshop.target), kubeconfig)
    return kubeconfig


async def run_playbook(
    workshop: Workshop,
    *,
    run_id: str,
    playbook: str,
    target: str,
    variables: Mapping[str, Any],
    timeout: float,
    check: bool = False,
    on_start: Callable[[Run], None],
    on_change: Callable[[RunLog], None],
    held: PreparedRun | None = None,
) -> tuple[RunResult, RunLog]:
    """Run one playbook of the content folders to its end. ``on_start`` is handed the run (to cancel it),
    ``on_change`` the log after each event; ``held`` is this very run, prepared before.
    Raises ExecutionError when it cannot be started."""
    folder = private_folder(workshop.state / "runs" / run_id)
    log = RunLog()
    try:
        if held is not None:
            _freeze(workshop, folder)  # what it was prepared with may have run out
            run = await held.release(variables)
        else:
            request = lay_out_run(
                workshop, run_id=run_id, playbook=playbook, target=target, variables=variables,
                timeout=timeout, check=check,
            )  # fmt: skip
            run = await workshop.runner.start(request)
        on_start(run)
        async for event in run.events():
            log.take(event)
            on_change(log)
        return await run.wait(), log
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_folders(state: Path) -> Path:
    """Where the folders of runs lie."""
    return private_folder(state / "runs")
