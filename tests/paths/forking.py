"""The processes of a run without their imports: one process loads Ansible once, and supervisor, host and playbook of
every run are forks of it instead of fresh interpreters. The code they run is posdeck's own, their tree, pipes and
environment are the same; a run costs a quarter. Whole processes are the business of tests/execution.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from posdeck.execution import host, launch, launcher, runs, supervisor
from posdeck.execution.launch import RunRequest

ROOT = Path(__file__).parents[2]
MOST_FDS = 4096
POSSIBLE = hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")
# Ansible reads its settings when it is imported; these differ from run to run, and nothing imported depends on them.
_OF_A_RUN = frozenset({"ANSIBLE_HOME", "ANSIBLE_LOCAL_TEMP", "ANSIBLE_CACHE_PLUGIN_CONNECTION"})


# in the tests' own process


class _Supervisor:
    """What ``runs`` needs to know of a supervisor's process; it is the nursery's child, and reaped there."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._end = os.pidfd_open(pid)

    def wait(self) -> int:
        """Wait for its end."""
        try:
            select.select([self._end], [], [])
        finally:
            os.close(self._end)
        return 0


class Nursery:
    """The process that has Ansible loaded; ``start`` stands in for ``runs._start_supervisor``."""

    def __init__(self, folder: Path) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = RunRequest(
            "loaded", ROOT / "playbooks" / "pods.yml", ROOT / "inventory" / "simulated", folder
        )
        environment = {**launch.environment(request, ()), "ANSIBLE_HOME": str(folder)}
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from tests.paths import forking; forking.serve({theirs.fileno()})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, pass_fds=(theirs.fileno(),), start_new_session=True
        )
        theirs.close()

    def start(self) -> tuple[_Supervisor, int, int, int]:
        """A supervisor, and our ends: control to write, reports and events to read."""
        control_read, control = os.pipe()
        reports, reports_write = os.pipe()
        events, events_write = os.pipe()
        theirs = (control_read, reports_write, events_write)
        socket.send_fds(self._socket, [b"start"], theirs)
        pid = int(self._socket.recv(64))
        for fd in theirs:
            os.close(fd)
        return _Supervisor(pid), control, reports, events

    def close(self) -> None:
        """End it; the supervisors end by themselves."""
        self._socket.close()
        self._process.wait(30)


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery | None]:
    """One for all runs of this worker; None where this system cannot."""
    if not POSSIBLE:
        yield None
        return
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@pytest.fixture
def quick_runs(nursery: Nursery | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are forked."""
    if nursery is not None:
        monkeypatch.setattr(runs, "_start_supervisor", nursery.start)


# in the nursery


def serve(fd: int) -> None:
    """Load what every run loads, then fork a supervisor for each three descriptors that come."""
    asked = socket.socket(fileno=fd)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ANSIBLE_LOCAL_TEMP"] = folder
        _load()
        settings = _settings(os.environ)
        while True:
            said, fds, *_ = socket.recv_fds(asked, 64, 3)
            if not said:
                return
            pid = os.fork()
            if pid == 0:
                _as_a_process(partial(_supervise, settings, *fds))
            for each in fds:
                os.close(each)
            asked.send(str(pid).encode())
            _reap()


def _load() -> None:
    """As ansible-runner's process and the launcher would, in the environment that the former gives the latter."""
    from ansible_runner.config._base import get_callback_dir

    os.environ.update(
        ANSIBLE_CALLBACK_PLUGINS=get_callback_dir(),
        ANSIBLE_STDOUT_CALLBACK="awx_display",
        ANSIBLE_RETRY_FILES_ENABLED="False",
        ANSIBLE_HOST_KEY_CHECKING="False",
        ANSIBLE_CACHE_PLUGIN="jsonfile",
    )
    importlib.import_module("ansible_runner")
    if not launcher._load(welcome=True):
        raise RuntimeError("Ansible could not be loaded; run make .venv/.installed-dev")
    gc.freeze()


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environment.items() if k.startswith("ANSIBLE_") and k not in _OF_A_RUN}


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _as_a_process(work: Callable[[], object]) -> NoReturn:
    """Do ``work`` and end as an interpreter would, without what the parent would do at its own end."""
    code: Any = 1
    try:
        work()
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


def _become(streams: Sequence[int], kept: int, environment: Mapping[str, str]) -> None:
    """What executing a program does: these standard streams, one descriptor more, this environment, no handlers."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    os.closerange(3, kept)
    os.closerange(kept + 1, MOST_FDS)
    _take(environment)


def _take(environment: Mapping[str, str]) -> None:
    """This environment, and streams whose locks no thread holds that the fork has left behind."""
    os.environ.clear()
    os.environ.update(environment)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = os.fdopen(("stdin", "stdout", "stderr").index(name), mode, 1, closefd=False)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def _supervise(settings: Mapping[str, str], control: int, reports: int, events: int) -> None:
    os.setsid()
    os.chdir("/")
    nothing = os.open(os.devnull, os.O_RDWR)
    _become((control, reports, nothing), events, {"PATH": os.environ.get("PATH", os.defpath)})
    supervisor.subprocess = SimpleNamespace(  # type: ignore[assignment]
        Popen=partial(_Host, settings),
        PIPE=subprocess.PIPE,
        DEVNULL=subprocess.DEVNULL,
        TimeoutExpired=subprocess.TimeoutExpired,
    )
    sys.exit(supervisor.Supervisor(events).run())


class _Host:
    """The ``Popen`` of a host that is forked; what ``supervisor`` uses of it."""

    def __init__(
        self, settings: Mapping[str, str], argv: Sequence[str], *, stderr: int, env: Mapping[str, str],
        pass_fds: Sequence[int], **_: Any
    ) -> None:  # fmt: skip
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            nothing = os.open(os.devnull, os.O_RDWR)
            _become((reading, nothing, stderr), pass_fds[0], env)
            sys.argv = argv[-2:]
            os.execvpe = partial(_play, settings)  # type: ignore[assignment]
            _as_a_process(host.main)
        os.close(reading)
        self._end = os.pidfd_open(self.pid)
        self._code: int | None = None
        self.stdin = os.fdopen(writing, "wb")

    def poll(self) -> int | None:
        """Its exit code, once it has one."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def wait(self, timeout: float) -> int | None:
        """Wait for its end."""
        if not select.select([self._end], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("host", timeout)
        return self.poll()


def _play(
    settings: Mapping[str, str], _file: bytes, argv: Sequence[bytes], env: Mapping[bytes, bytes]
) -> NoReturn:
    """In the child that ansible-runner forked into a terminal of its own: not the program, but the same code."""
    os.closerange(3, MOST_FDS)
    _take({os.fsdecode(name): os.fsdecode(value) for name, value in env.items()})
    sys.argv = [os.fsdecode(word) for word in argv]
    if _settings(os.environ) != settings:
        sys.exit("Ansible was loaded with other settings than this run has; see tests/paths/forking.py")
    _as_a_process(launcher.main)
