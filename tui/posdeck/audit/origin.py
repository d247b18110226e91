"""Who is sitting where, as far as the operating system knows, and whether a process of the record still
lives."""

from __future__ import annotations

import os
import platform
import pwd
import socket
import subprocess
import sys
from pathlib import Path

from posdeck.audit.record import Actor, Place, Process

_PROC = Path("/proc")
_UNSET_LOGIN_UID = 2**32 - 1  # the kernel's "nobody logged in": a service, a container
_START_TIME = (
    19  # fields of /proc/PID/stat after the command name, see proc_pid_stat(5): starttime is the 22nd
)


def os_actor(kubernetes_user: str = "", kubernetes_groups: tuple[str, ...] = ()) -> Actor:
    """The person of this process: the user of its real uid, and the uid that logged in, which sudo and su
    leave alone."""
    uid = os.getuid()
    return Actor(_user_name(uid), uid, login_uid(), kubernetes_user, kubernetes_groups)


def _user_name(uid: int) -> str:
    """From the password database, not from $USER, which anybody may set."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def login_uid(proc: Path = _PROC) -> int | None:
    """The audit uid of the login session; None where the system keeps none (macOS, containers)."""
    try:
        value = int((proc / "self/loginuid").read_text("ascii"))
    except (OSError, ValueError):
        return None
    return None if value == _UNSET_LOGIN_UID else value


def os_place(
    *,
    context: str = "",
    server: str = "",
    cluster_uid: str = "",
    namespace: str = "",
    environment: str = "",
) -> Place:
    """This host and terminal, and the cluster as the caller knows it."""
    return Place(
        host=socket.gethostname(),
        tty=terminal(),
        ssh_connection=os.environ.get("SSH_CONNECTION", ""),
        context=context,
        server=server,
        cluster_uid=cluster_uid,
        namespace=namespace,
        environment=environment,
    )


def terminal() -> str:
    """The controlling terminal's name, from whichever standard stream still is one; empty without a
    terminal."""
    for descriptor in (0, 1, 2):
        try:
            return os.ttyname(descriptor)
        except OSError:
            continue
    return ""


def this_process() -> Process:
    """This process, so that a later start can tell whether it is still there."""
    pid = os.getpid()
    return Process(pid, start_time(pid) or "", boot_id())


def boot_id(proc: Path = _PROC) -> str:
    """Differs after every boot; empty where the system does not say."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return _sysctl("kern.bootsessionuuid") if platform.system() == "Darwin" else ""


def start_time(pid: int, proc: Path = _PROC) -> str | None:
    """When the process started, in the system's own words (clock ticks after boot on Linux, ps's date
    elsewhere); None when there is no such process."""
    if sys.platform != "linux":
        return _output(["/bin/ps", "-o", "lstart=", "-p", str(pid)]) or None
    try:
        stat = (proc / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    rest = stat[stat.rindex(")") + 2 :].split()  # the name before it may hold spaces and parentheses
    return None if rest[0] in {"Z", "X"} else rest[_START_TIME]


def process_alive(process: Process) -> bool:
    """Whether this very process still runs here: same boot, same pid, same start. A process of which too
    little was recorded to be sure counts as alive only while its pid exists."""
    if process.boot_id and process.boot_id != boot_id():
        return False
    started = start_time(process.pid)
    if started is None:
        return False
    return not process.start_time or process.start_time == started


def _sysctl(name: str) -> str:
    return _output(["/usr/sbin/sysctl", "-n", name])


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(done.stdout.split())
