"""Starting a control plane, sharing it between pytest workers, and the connection that keeps it alive."""

from __future__ import annotations

import fcntl
import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cluster.api import wait_until

SOCKET = "supervisor.sock"


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        made.connect(str(path))
    except OSError:
        made.close()
        raise
    return made


class Supervised:
    """The connection to a supervisor (``supervisor.py``); its processes live while somebody is connected."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._socket = _connected(state / SOCKET)
        self._answers = self._socket.makefile("rb")

    @classmethod
    def launch(cls) -> tuple[Path, Supervised]:
        """A new supervisor with a new state folder, short enough for the path of a socket."""
        state = Path(tempfile.mkdtemp(prefix="posdeck-cp-"))
        with (state / "supervisor.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("supervisor.py")), str(state)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        # It outlives this process on purpose; without this, Popen warns that it is still running.
        process.returncode = 0
        return state, wait_until(lambda: cls._joined(state), "the supervisor of the control plane")

    @classmethod
    def _joined(cls, state: Path) -> Supervised | None:
        """None while nobody listens: the socket is there a moment before."""
        try:
            return cls(state)
        except OSError:
            return None

    def start(self, name: str, command: list[str]) -> None:
        self._ask({"do": "start", "name": name, "argv": command, "log": str(self.log(name))})

    def stop(self, name: str, number: int) -> None:
        """Send a signal to a process and wait for its end."""
        self._ask({"do": "stop", "name": name, "signal": int(number)})

    def check(self, name: str) -> None:
        """Raise RuntimeError with the end of its log when a process is no longer there."""
        code = self._ask({"do": "list"}).get(name)
        if code is not None:
            tail = self.log(name).read_text(errors="replace")[-2000:]
            raise RuntimeError(f"{name} ended with code {code}: {tail}")

    def pid(self, name: str) -> int:
        """The process id of a component."""
        return int(self._ask({"do": "pids"})[name])

    def log(self, name: str) -> Path:
        return self._state / "logs" / f"{name}.out"

    def close(self) -> None:
        self._answers.close()
        self._socket.close()

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        answer: dict[str, Any] = json.loads(self._answers.readline())
        return answer


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
