"""A program in a pseudo-terminal of 200 by 50, its screen kept by an emulator: what its user sees, and when."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyte

COLUMNS, LINES = 200, 50
# Sequences that the emulator does not know and would print as text.
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;]*[a-zA-Z]|\x1b\[\?[0-9;]*\$p|\x1bP[^\x1b]*\x1b\\")
# Questions that a terminal answers; a program may wait for them.
_ANSWERS = {b"\x1b[c": b"\x1b[?62;c", b"\x1b[6n": b"\x1b[1;1R", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process and its descendants have used: CPU seconds since their start, and bytes resident now."""

    cpu: float
    resident: int


class Terminal:
    """Runs ``command`` from the moment of construction (``began``, monotonic seconds)."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._screen = pyte.Screen(COLUMNS, LINES)
        self._stream = pyte.ByteStream(self._screen)
        variables = {
            **environment,
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "COLUMNS": str(COLUMNS),
            "LINES": str(LINES),
        }
        self.began = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            with contextlib.suppress(OSError):
                os.execvpe(command[0], list(command), variables)
            os._exit(127)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def read(self, seconds: float) -> bool:
        """Draw what comes within ``seconds``; whether anything came."""
        if not select.select([self._fd], [], [], seconds)[0]:
            return False
        try:
            chunk = os.read(self._fd, 1 << 16)
        except OSError:
            return False
        for question, answer in _ANSWERS.items():
            if question in chunk:
                os.write(self._fd, answer)
        self._stream.feed(_UNKNOWN.sub(b"", chunk))
        return True

    def rest(self, seconds: float) -> None:
        """Keep drawing for so long."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(min(left, 0.02))

    def text(self) -> str:
        """The screen as text."""
        return "\n".join(self._screen.display)

    def looks(self) -> object:
        """The screen as it looks: text, cursor line, and the background of a column that every row has."""
        return tuple(self._screen.display), self._screen.cursor.y, self.cursor()

    def cursor(self) -> object:
        """Where the cursor's row is: the background of a column that every row has."""
        column = (self._screen.buffer[line][5] for line in range(LINES))
        return [(cell.bg, cell.reverse) for cell in column]

    def wait(self, condition: Callable[[], bool], seconds: float) -> float | None:
        """Seconds since ``began`` at which the screen first fulfils ``condition``; None when it never does. It is
        looked at when something was drawn, and now and then: looking takes as long as drawing, and what comes
        meanwhile would wait."""
        now = time.perf_counter()
        end, looked, drawn = now + seconds, 0.0, True
        while now < end:
            if drawn or now - looked > 0.2:
                looked = now
                if condition():
                    return now - self.began
            drawn = self.read(0.02)
            now = time.perf_counter()
        return None

    def press(self, keys: bytes) -> None:
        """Send keys."""
        os.write(self._fd, keys)

    def cost(self) -> Cost:
        """What the program has used."""
        cpu, resident = 0.0, 0
        for pid in _family(self.pid):
            with contextlib.suppress(OSError, IndexError, ValueError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                cpu += (int(fields[11]) + int(fields[12])) / _TICK
                resident += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        return Cost(cpu, resident)

    def close(self) -> None:
        """End the program and all that it started."""
        for pid in reversed(_family(self.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        os.close(self._fd)


def _family(root: int) -> list[int]:
    """A process and its descendants, parents first."""
    found, at = [root], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(pid) for pid in children.read_text().split()]
        at += 1
    return found
