"""The process between posdeck and Ansible: when posdeck dies, even by SIGKILL, it ends the whole run.

It holds the reading end of a pipe from posdeck; end of file means that posdeck is gone. It is small, uses the
standard library only, and never touches what the run prints: events go from the host process to posdeck by a
pipe of their own, so that a posdeck that reads slowly cannot hold the supervisor up.

Control, one JSON object a line on standard input: ``prepare`` (first; what to run), ``release``, ``cancel``.
Reports, one JSON object a line on standard output: ``started``, ``playbook``, ``ended``.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any

from posdeck.execution import process_tree
from posdeck.execution.process_tree import ProcessIdentity

RUN_FILE = "run.json"
ENDED_FILE = "ended.json"
RUNNER_FOLDER = "runner"  # as in launch, which needs more than the standard library at hand here
_PR_SET_CHILD_SUBREAPER = 36
_SETTLE = 0.7  # seconds that the host gets to pass on its last events after ansible-playbook was stopped


class Supervisor:
    """One run, from the first control line to the report that nothing is left of it."""

    def __init__(self, events_fd: int) -> None:
        self._events_fd = events_fd
        self._buffer = b""
        self._spec: dict[str, Any] = {}
        self._host: subprocess.Popen[bytes] | None = None
        self._deadline: float | None = None
        self._reason = ""
        self._wake, self._woken = os.pipe()
        for fd in (self._wake, self._woken):
            os.set_blocking(fd, False)

    def run(self) -> int:
        """Supervise until the host has ended or has to be ended; 0 when nothing is left running."""
        self._install_signals()
        _become_subreaper()
        broken = ""
        try:
            while not self._reason:
                self._turn()
        except OSError as error:  # a full disk, a folder that went: the run is ended like any other, and told
            self._reason, broken = "broken", f"its supervisor failed ({error})"
        left = self._end()
        with contextlib.suppress(
            OSError
        ):  # the folder may be gone; posdeck, if it lives, hears it by the pipe
            self._write_ended(left)
        if not self._spec.get("keep"):
            shutil.rmtree(self._folder / RUNNER_FOLDER, ignore_errors=True)
        self._report("ended", reason=self._reason, rc=self._host_code(), left=left, fault=broken)
        return 0 if left == 0 else 1

    @property
    def _folder(self) -> Path:
        return Path(self._spec["folder"])

    def _install_signals(self) -> None:
        for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            signal.signal(signum, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGCHLD, lambda _signum, _frame: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)

    def _on_term(self, _signum: int, _frame: FrameType | None) -> None:
        self._reason = self._reason or "cancelled"

    def _turn(self) -> None:
        """Wait for a control line, a child's end, a signal or the deadline, and act on it."""
        wait = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
        ready, _, _ = select.select([0, self._wake], [], [], wait)
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        if 0 in ready:
            self._read_control()
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._reason = self._reason or "timeout"
        if self._host is not None and self._host.poll() is not None:
            self._reason = self._reason or "finished"
        _reap_strangers(self._host)

    def _read_control(self) -> None:
        chunk = os.read(0, 65536)
        if not chunk:
            self._reason = self._reason or "owner-died"
            return
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, command: dict[str, Any]) -> None:
        match command["op"]:
            case "prepare":
                self._spec = command
                self._start_host()
            case "release":
                if timeout := self._spec.get("timeout"):
                    self._deadline = time.monotonic() + float(timeout)
                self._tell_host(command)
            case "cancel":
                self._reason = self._reason or "cancelled"

    def _start_host(self) -> None:
        me = process_tree.identify(os.getpid())
        self._host = subprocess.Popen(
            [*self._spec["host_argv"], str(self._events_fd)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=os.open(self._folder / "host.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            env=self._spec["env"],
            pass_fds=(self._events_fd,),
        )
        os.close(self._events_fd)
        host = process_tree.identify(self._host.pid)
        record = {
            "run_id": self._spec["run_id"],
            "owner": self._spec["owner"],
            "supervisor": me.to_json() if me else None,
            "host": host.to_json() if host else None,
        }
        _write_private(self._folder / RUN_FILE, record)
        self._report("started", **record)
        self._tell_host(self._spec["host"])

    def _tell_host(self, message: dict[str, Any]) -> None:
        if self._host is None or self._host.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):  # its death is noticed by SIGCHLD
            self._host.stdin.write(json.dumps(message).encode() + b"\n")
            self._host.stdin.flush()

    def _end(self) -> int:
        if self._host is None:
            return 0
        if self._reason not in ("finished", "owner-died"):
            # Stop the playbook first and let the host hand over the events that it still holds.
            playbooks = self._playbooks()
            for process in playbooks:
                process_tree.send(process, signal.SIGTERM)
            self._wait_for_host(_SETTLE)
            return process_tree.end_tree(
                os.getpid(), also=self._marked, reap=self._reap, grace=0.0, limit=1.2
            )
        return process_tree.end_tree(
            os.getpid(), first=self._playbooks(), also=self._marked, reap=self._reap, grace=0.6
        )

    def _wait_for_host(self, seconds: float) -> None:
        if self._host is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._host.wait(seconds)

    def _playbooks(self) -> list[ProcessIdentity]:
        """The processes that the host started; in core 2.19 their workers die with them on TERM."""
        return process_tree.children(self._host.pid) if self._host is not None else []

    def _marked(self) -> list[ProcessIdentity]:
        return process_tree.marked(self._spec["run_id"])

    def _reap(self) -> None:
        if self._host is not None:
            self._host.poll()
        _reap_strangers(self._host)

    def _host_code(self) -> int | None:
        return self._host.poll() if self._host is not None else None

    def _write_ended(self, left: int) -> None:
        if self._spec:
            ended = {"reason": self._reason, "rc": self._host_code(), "left": left, "at": time.time()}
            _write_private(self._folder / ENDED_FILE, ended)

    def _report(self, kind: str, **content: Any) -> None:
        with contextlib.suppress(OSError):  # posdeck is gone: the files in the run's folder tell the rest
            os.write(1, json.dumps({"report": kind, **content}).encode() + b"\n")


def _become_subreaper() -> None:
    """On Linux, descendants that lose their parent become our children instead of init's."""
    if sys.platform.startswith("linux"):
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _reap_strangers(host: subprocess.Popen[bytes] | None) -> None:
    """Collect adopted children that ended; the host's own status is left to Popen."""
    for process in process_tree.zombies(os.getpid()):
        if host is None or process != host.pid:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, os.WNOHANG)


def _write_private(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)


def main() -> None:
    """Entry: one argument, the number of the inherited descriptor for events."""
    sys.exit(Supervisor(int(sys.argv[1])).run())
