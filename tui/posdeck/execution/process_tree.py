"""Which processes are ours, and how to end them all: a run must leave nothing behind that could still write.

Standard library only: the supervisor imports this module in an interpreter without site-packages.
Linux reads /proc; elsewhere one ``ps`` call gives the same table.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

RUN_MARKER = "POSDECK_RUN_ID"
_LINUX = sys.platform.startswith("linux")
_POLL = 0.01


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process that cannot be mistaken for a later one with the same pid."""

    pid: int
    started: str
    boot: str

    def to_json(self) -> dict[str, str | int]:
        return {"pid": self.pid, "started": self.started, "boot": self.boot}

    @classmethod
    def from_json(cls, value: object) -> ProcessIdentity | None:
        """The identity stored by ``to_json``; None when it is missing or malformed."""
        if not isinstance(value, dict):
            return None
        pid = value.get("pid")
        if not isinstance(pid, int) or pid <= 1:
            return None
        return cls(pid, str(value.get("started", "")), str(value.get("boot", "")))


@dataclass(frozen=True, slots=True)
class _Row:
    pid: int
    parent: int
    started: str
    zombie: bool


@cache
def boot_id() -> str:
    """What tells this boot (and this pid namespace) from another one."""
    if _LINUX:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        with contextlib.suppress(OSError):
            return f"{boot}/{os.readlink('/proc/self/ns/pid')}"
        return boot
    return _command("sysctl", "-n", "kern.boottime").strip()


def identify(pid: int) -> ProcessIdentity | None:
    """The identity of a running process, None when there is none (a zombie counts as none)."""
    row = _row(pid)
    return ProcessIdentity(pid, row.started, boot_id()) if row and not row.zombie else None


def is_alive(identity: ProcessIdentity) -> bool:
    """Whether exactly this process still runs."""
    return identity.boot == boot_id() and identify(identity.pid) == identity


def descendants(root: int) -> list[ProcessIdentity]:
    """Every living descendant of ``root``, parents before children; zombies are left out."""
    children: dict[int, list[_Row]] = {}
    for row in _table():
        children.setdefault(row.parent, []).append(row)
    found: list[ProcessIdentity] = []
    todo = [root]
    while todo:
        for row in children.pop(todo.pop(0), ()):
            todo.append(row.pid)
            if not row.zombie:
                found.append(ProcessIdentity(row.pid, row.started, boot_id()))
    return found


def children(parent: int) -> list[ProcessIdentity]:
    """The living direct children of ``parent``."""
    return [
        ProcessIdentity(r.pid, r.started, boot_id()) for r in _table() if r.parent == parent and not r.zombie
    ]


def zombies(parent: int) -> list[int]:
    """Direct children of ``parent`` that ended and wait to be collected."""
    return [row.pid for row in _table() if row.parent == parent and row.zombie]


def marked(run_id: str) -> list[ProcessIdentity]:
    """Processes of this user whose initial environment names the run; it survives re-parenting and setsid."""
    wanted = f"{RUN_MARKER}={run_id}".encode()
    if _LINUX:
        pids = [pid for pid in _pids() if wanted in _environment(pid)]
    else:
        lines = _command("ps", "-axEww", "-o", "pid=,command=").splitlines()
        pids = [int(line.split(None, 1)[0]) for line in lines if wanted.decode() in line.split()]
    return [found for pid in pids if pid != os.getpid() and (found := identify(pid))]


def send(identity: ProcessIdentity, signum: int) -> None:
    """Signal exactly this process; a process that is gone, or no longer the same, is left alone."""
    if is_alive(identity):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(identity.pid, signum)


def end_tree(
    root: int | None,
    *,
    first: Iterable[ProcessIdentity] = (),
    also: Callable[[], Iterable[ProcessIdentity]] = tuple,
    reap: Callable[[], object] = lambda: None,
    grace: float = 0.6,
    limit: float = 1.8,
) -> int:
    """End every descendant of ``root`` (not root itself; None: only ``also``): TERM to ``first``, then KILL
    to whatever remains.

    ``first`` are the ``ansible-playbook`` processes: on TERM they take their workers with them, whereas a
    KILL would leave workers in sessions of their own behind. ``grace`` is how long, in seconds, they get.
    ``also`` names further processes to end; ``reap`` is called while waiting. Returns how many are left
    after ``limit`` seconds in all; 0 unless a process is stuck in the kernel or belongs to somebody else.
    """
    begun = time.monotonic()

    def remaining() -> set[ProcessIdentity]:
        return {*(descendants(root) if root is not None else ()), *also()}

    seen = remaining()
    polite = list(first)
    for process in polite:
        send(process, signal.SIGTERM)
    while any(map(is_alive, polite)) and time.monotonic() - begun < grace:
        reap()
        time.sleep(_POLL)
    while True:
        seen = {p for p in seen | remaining() if is_alive(p)}
        if not seen or time.monotonic() - begun > limit:
            return len(seen)
        for process in seen:
            send(process, signal.SIGKILL)
        reap()
        time.sleep(_POLL)


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:  # gone, or somebody else's
        return []


def _row(pid: int) -> _Row | None:
    if _LINUX:
        return _stat(pid)
    return next(iter(_ps("-p", str(pid))), None)


def _table() -> list[_Row]:
    if _LINUX:
        return [row for pid in _pids() if (row := _stat(pid))]
    return _ps("-ax")


def _stat(pid: int) -> _Row | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read()
    except OSError:
        return None
    # The command stands in brackets and may itself hold brackets and spaces: fields count from the last one.
    fields = text[text.rfind(b")") + 2 :].split()
    return _Row(pid, int(fields[1]), fields[19].decode(), fields[0] in (b"Z", b"X"))


def _ps(*which: str) -> list[_Row]:
    rows = []
    for line in _command("ps", *which, "-o", "pid=,ppid=,stat=,lstart=").splitlines():
        pid, parent, state, started = line.split(None, 3)
        rows.append(_Row(int(pid), int(parent), started.strip(), state.startswith("Z")))
    return rows


def _command(*argv: str) -> str:
    done = subprocess.run(
        argv, capture_output=True, text=True, check=False, env={"PATH": os.defpath, "LC_ALL": "C"}
    )
    return done.stdout
