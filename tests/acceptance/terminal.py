"""A terminal of a program's own: what it shows, keys for it, and its loss."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest

# the terminal controls the session of the program, so that its loss is told by a signal
_TAKING = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """posdeck in a terminal of its own, and what it shows."""

    def __init__(
        self, command: list[str], environment: dict[str, str], folder: Path, *, told: bool = True
    ) -> None:
        """Without ``told`` the terminal does not control the session, so that no signal tells of its loss."""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.screen = pyte.Screen(200, 50)
        self._stream = pyte.ByteStream(self.screen)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKING, *command] if told else command, env=environment, cwd=folder, stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, close_fds=True,
        )  # fmt: skip
        os.close(slave)
        self.output = bytearray()  # everything that the program has written

    def until(self, *words: str, without: tuple[str, ...] = (), within: float = 60) -> str:
        """The screen, once it shows all ``words`` and none of ``without``."""
        deadline = time.monotonic() + within
        while True:
            shown = "\n".join(self.screen.display)
            if all(word in shown for word in words) and not any(word in shown for word in without):
                return shown
            if time.monotonic() > deadline or self.process.poll() is not None:
                missed = f"not shown: {words}" + (f" without {without}" if without else "")
                pytest.fail(f"{missed}, ended {self.process.poll()}\n{shown}")
            self._read()

    def until_true(self, condition: Callable[[], bool], what: str, within: float = 60) -> None:
        """Until ``condition`` holds; what the program draws is read meanwhile."""
        deadline = time.monotonic() + within
        while not condition():
            if time.monotonic() > deadline or self.process.poll() is not None:
                pytest.fail(
                    f"never came: {what}, ended {self.process.poll()}\n" + "\n".join(self.screen.display)
                )
            self._read()

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def ended(self, within: float = 20) -> int:
        """The exit code, once it has ended; what it still draws is read meanwhile."""
        deadline = time.monotonic() + within
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self._read()
        return self.process.returncode

    def _read(self) -> None:
        if self.master < 0:
            time.sleep(0.05)
        elif select.select([self.master], [], [], 0.2)[0]:
            try:
                chunk = os.read(self.master, 65536)
            except OSError:
                return  # its other end was closed
            self.output += chunk
            self._stream.feed(chunk)

    def hang_up(self) -> None:
        """Take the terminal away, as a lost connection or a closed window does."""
        os.close(self.master)
        self.master = -1

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.master >= 0:
            self.hang_up()
