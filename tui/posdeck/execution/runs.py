"""Starting playbooks and following them: the side of a run that lives in posdeck's own process.

posdeck talks to a supervisor, the supervisor starts a host process with ansible-runner in it, and that starts
``ansible-playbook``. Nothing of Ansible is imported here, and nothing here blocks the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from posdeck.clock import Clock, SystemClock
from posdeck.errors import ExecutionError
from posdeck.execution import launch, process_tree
from posdeck.execution.events import EventKind, RunEvent, RunResult, translate
from posdeck.execution.extra_vars import to_json
from posdeck.execution.launch import RUNNER_FOLDER, RunRequest
from posdeck.execution.orphans import sweep
from posdeck.execution.pipes import LinePipe, open_reader, open_writer
from posdeck.execution.process_tree import ProcessIdentity
from posdeck.execution.verdict import Ending, judge

__all__ = ["PlaybookRunner", "PreparedRun", "Run", "RunRequest"]


class Run:
    """One run: its events as they come, its result, and a way to stop it. Belongs to one event loop."""

    def __init__(self, request: RunRequest, clock: Clock, redact: Callable[[str], str]) -> None:
        self.request = request
        self.process: ProcessIdentity | None = None
        self._clock = clock
        self._redact = redact
        self._events: list[RunEvent] = []
        self._changed = asyncio.Event()
        self._result: asyncio.Future[RunResult] = asyncio.get_running_loop().create_future()
        self._ending = Ending()
        self._control: asyncio.WriteTransport | None = None
        self._follower: asyncio.Task[None] | None = None
        self._add(EventKind.STARTING)

    @property
    def run_id(self) -> str:
        return self.request.run_id

    @property
    def finished(self) -> bool:
        """Whether the run is over and nothing of it runs any more."""
        return self._result.done()

    async def events(self) -> AsyncIterator[RunEvent]:
        """Every event from the first, in order, as it comes; ends after ``finished``. Any number may read."""
        index = 0
        while True:
            changed = self._changed
            while index < len(self._events):
                index += 1
                yield self._events[index - 1]
            if self._events[-1].kind is EventKind.FINISHED:
                return
            if index == len(self._events):
                await changed.wait()

    async def wait(self) -> RunResult:
        """The result, once nothing of the run is left running. Does not raise for a failed playbook."""
        return await asyncio.shield(self._result)

    async def cancel(self) -> RunResult:
        """Stop the run: TERM to ansible-playbook, then KILL to all that is left. Returns the result.

        A run that had come to its end already keeps the result that it had.
        """
        if not self.finished:
            self._send({"op": "cancel"})
        return await self.wait()

    async def _begin(self, specification: dict[str, Any]) -> None:
        """Start the supervisor and hand it the first line. Raises ExecutionError."""
        try:
            supervisor, control, reports, events = _start_supervisor()
        except OSError as error:
            raise ExecutionError(
                f"run {self.run_id}",
                f"its supervisor did not start ({error.strerror})",
                "Free memory or processes.",
            ) from error
        self.process = process_tree.identify(supervisor.pid)
        self._control = await open_writer(control)
        pipes = [await open_reader(reports, self._on_report), await open_reader(events, self._on_host_line)]
        self._send(specification)
        self._follower = asyncio.get_running_loop().create_task(self._follow(supervisor, pipes))

    async def _follow(self, supervisor: subprocess.Popen[bytes], pipes: list[LinePipe]) -> None:
        """Wait for the end of the run; where the supervisor was lost, end what it left; give the result."""
        for pipe in pipes[:1]:
            await pipe.closed
        rc = await asyncio.to_thread(supervisor.wait)
        if not self._ending.reason:
            self._ending.left = await asyncio.to_thread(sweep, self.run_id, self.request.run_folder)
            if not self.request.keep_artifacts:
                shutil.rmtree(self.request.run_folder / RUNNER_FOLDER, ignore_errors=True)
            self._ending.faults.append(f"the supervisor ended with {rc}")
        for pipe in pipes:
            await pipe.closed  # whoever could still write to it has been ended
        if self._control is not None:
            self._control.close()
        result = judge(self._ending, self.request.timeout)
        self._result.set_result(result)
        self._add(EventKind.FINISHED, result.message, {"status": str(result.status), "rc": result.rc})

    def _send(self, command: Mapping[str, Any]) -> None:
        if self._control is not None and not self._control.is_closing():
            self._control.write(json.dumps(command).encode() + b"\n")

    def _add(self, kind: EventKind, text: str = "", result: Mapping[str, Any] | None = None) -> None:
        self._publish(
            RunEvent(0, self._clock.now(), kind, text=text, result=MappingProxyType(dict(result or {})))
        )

    def _publish(self, event: RunEvent) -> None:
        self._events.append(replace(event, sequence=len(self._events) + 1))
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _on_host_line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            number, kind, content = int(message["n"]), message["k"], message["d"]
        except (ValueError, KeyError, TypeError):
            self._ending.faults.append("an event could not be read")
            return
        self._ending.count(number)
        if kind == "event":
            event = translate(content, 0, self._clock.now(), self._redact)
            if event is not None:
                self._ending.note(event)
                self._publish(event)
        elif kind == "status" and content["status"] == "running":
            self._add(EventKind.RUNNING)
        elif kind == "end":
            self._ending.runner_status, self._ending.rc = str(content["status"]), content["rc"]
        elif kind == "dropped":
            self._add(
                EventKind.OUTPUT, f"… {content['lines']} lines of output were too many and are not shown"
            )
        elif kind == "broken":
            self._ending.faults.append(self._redact(str(content["error"])))

    def _on_report(self, line: bytes) -> None:
        with contextlib.suppress(ValueError):
            report = json.loads(line)
            if report["report"] == "ended":
                self._ending.reason, self._ending.left = report["reason"], report["left"]
                if report.get("fault"):
                    self._ending.faults.insert(0, self._redact(str(report["fault"])))


class PreparedRun:
    """A run held at the gate: Ansible is loaded and waits. Release it, or discard it."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._used = False

    @property
    def is_ready(self) -> bool:
        """Whether Ansible is loaded and waits; a release before that only means waiting for the rest."""
        return (self._run.request.run_folder / RUNNER_FOLDER / "gate.ready").exists()

    @property
    def has_ended(self) -> bool:
        """Whether it died while it was held."""
        return self._run.finished

    async def release(self, extra_vars: Mapping[str, Any] | None = None) -> Run:
        """Let the playbook begin, with ``extra_vars`` added to those of the request; no value is ever taken
        for a template. Raises ExecutionError when it was used already or has died meanwhile."""
        run = self._run
        if self._used or run.finished:
            raise ExecutionError(f"run {run.run_id}", "it can no longer be released", "Prepare a new run.")
        try:
            variables = to_json({**run.request.extra_vars, **(extra_vars or {})})
        except TypeError as error:
            raise ExecutionError(
                f"run {run.run_id}", str(error), "Use texts, numbers, lists and mappings."
            ) from error
        self._used = True
        run._send({"op": "release", "extra_vars": variables})
        return run

    async def discard(self) -> None:
        """Drop it: nothing has run, nothing will."""
        self._used = True
        await self._run.cancel()


class PlaybookRunner:
    """Starts playbooks. ``redact`` is applied to everything that a run prints or returns, before anyone
    sees it; ``collections`` are searched after the folder beside the playbook; ``command`` is for
    another Ansible."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        redact: Callable[[str], str] = lambda text: text,
        collections: tuple[Path, ...] = (),
        command: Path | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._redact = redact
        self._collections = collections
        self._command = command

    async def start(self, request: RunRequest) -> Run:
        """Start a playbook at once. Raises ExecutionError when it cannot be started at all."""
        return await (await self._prepare(request, at_once=True)).release()

    async def prepare(self, request: RunRequest) -> PreparedRun:
        """Bring everything to the point where the playbook would begin, and hold it there
        (``ExecutionError``).

        It costs half a second of one core: do it when a dialog opens, so that the confirmation finds it
        ready.
        """
        return await self._prepare(request, at_once=False)

    async def _prepare(self, request: RunRequest, *, at_once: bool) -> PreparedRun:
        launch.check(request)
        command = self._command or launch.find_command()
        specification = launch.lay_out(request, command, self._collections, at_once=at_once)
        run = Run(request, self._clock, self._redact)
        await run._begin(specification)
        return PreparedRun(run)


def _start_supervisor() -> tuple[subprocess.Popen[bytes], int, int, int]:
    """The process, and our ends: control to write, reports and events to read."""
    control_read, control = os.pipe()
    reports, reports_write = os.pipe()
    events, events_write = os.pipe()
    try:
        process = subprocess.Popen(
            [*_isolated(launch.boot("supervisor")), str(events_write)],
            stdin=control_read,
            stdout=reports_write,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            pass_fds=(events_write,),
            start_new_session=True,  # a lost terminal must not reach it: it has work to do then
            cwd="/",
        )
    except OSError:
        for fd in (control, reports, events):
            os.close(fd)
        raise
    finally:
        for fd in (control_read, reports_write, events_write):
            os.close(fd)
    return process, control, reports, events


def _isolated(argv: list[str]) -> list[str]:
    return [sys.executable, "-I", "-S", *argv[1:]]
