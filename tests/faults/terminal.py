"""posdeck in a pseudo-terminal whose other end the test keeps: what it shows, and how it leaves the terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyte

PATIENCE = 60.0
# What a terminal remembers of a program: the alternate screen, mouse reports, focus reports, bracketed paste, cursor.
_MODE = re.compile(rb"\x1b\[\?([0-9;]+)([hl])")
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1bP[^\x1b]*\x1b\\\\")
AS_IT_WAS = frozenset({7, 25})  # lines wrap and the cursor is shown
_SYNCHRONISED = 2026  # begins and ends with every frame


class Screen:
    """``command`` in a terminal of its own. The test's side keeps the terminal open after the program has gone."""

    def __init__(
        self, command: Sequence[str], environment: dict[str, str], *, columns: int = 120, lines: int = 35
    ) -> None:
        self._master, self._slave = pty.openpty()
        self._output = b""
        self._display = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._display)
        self.resize(columns, lines)
        self.before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _IN_TERMINAL, *command],
            stdin=self._slave, stdout=self._slave, stderr=self._slave, start_new_session=True,
            env={**environment, "TERM": "xterm-256color", "PATH": os.environ["PATH"]},
        )  # fmt: skip

    def read(self, seconds: float = 0.05) -> bool:
        """Take in what comes within ``seconds``; whether anything came."""
        if self._master < 0 or not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._master, 1 << 16)
        except OSError:
            return False
        self._output += chunk
        self._stream.feed(_UNKNOWN.sub(b"", chunk))
        return bool(chunk)

    @property
    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self._display.display)

    def wait(self, condition: Callable[[str], bool], what: str) -> float:
        """Seconds until the screen fulfils the condition; AssertionError with the screen when it never does."""
        began = time.monotonic()
        while not condition(self.text):
            self.read()
            assert self.process.poll() is None, f"it has ended: {self.text}"
            assert time.monotonic() - began < PATIENCE, f"never came: {what}\n{self.text}"
        return time.monotonic() - began

    def press(self, keys: str) -> None:
        """Send keys."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the size, and tell the program."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._display.resize(lines, columns)
        process: subprocess.Popen[bytes] | None = getattr(self, "process", None)
        if process is not None:
            process.send_signal(signal.SIGWINCH)

    def ended(self) -> int:
        """Wait for the end of the program; its exit code."""
        began = time.monotonic()
        while self.process.poll() is None:
            self.read()
            assert time.monotonic() - began < PATIENCE, f"it does not end\n{self.text}"
        while self.read(0.2):
            pass
        return int(self.process.returncode)

    @property
    def modes(self) -> set[int]:
        """The private modes that are on by now."""
        on = set(AS_IT_WAS)
        for numbers, switch in _MODE.findall(self._output):
            for number in map(int, numbers.split(b";")):
                on.add(number) if switch == b"h" else on.discard(number)
        return on - {_SYNCHRONISED}

    @property
    def settings(self) -> list[Any]:
        """What ``stty`` would say."""
        return termios.tcgetattr(self._slave)

    def hang_up(self) -> None:
        """Close the terminal under the program, as when its window is closed."""
        os.close(self._slave)
        os.close(self._master)
        self._master = -1

    def close(self) -> None:
        """End what still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=30)
        for descriptor in (self._master, self._slave):
            with contextlib.suppress(OSError):
                os.close(descriptor)


# Takes the terminal as its controlling one, so that closing it is felt, and becomes the program.
_IN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


def environment_of(home: Path) -> dict[str, str]:
    """Folders of its own."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE")}
    return {"HOME": str(home), "LC_ALL": "C.UTF-8", "COLORTERM": "truecolor", **folders}
