"""What happens when the terminal goes away or posdeck is told to end: it leaves in order, so that what runs is
cancelled as its step says and recorded, instead of dying in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import stat
import termios
from collections.abc import Callable
from typing import IO, Any, cast

from textual.drivers.linux_driver import LinuxDriver

ENDING = {
    signal.SIGINT: "posdeck was told to end",
    signal.SIGHUP: "posdeck lost its terminal",
    signal.SIGTERM: "posdeck was told to end",
}


class PatientFile:
    """A terminal's file whose loss is no error: what is written afterwards is dropped. Textual's writing thread
    would end with the first error, and whoever writes next would wait for it for ever."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.lost = False

    def write(self, text: str) -> int:
        """Write, as long as there is somewhere to write to."""
        if not self.lost:
            try:
                return self._file.write(text)
            except (OSError, ValueError):
                self.lost = True
        return len(text)

    def flush(self) -> None:
        """Flush, likewise."""
        if not self.lost:
            try:
                self._file.flush()
            except (OSError, ValueError):
                self.lost = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class TerminalDriver(LinuxDriver):
    """Textual's driver, on a terminal that may be lost."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._file = cast("Any", PatientFile(cast("IO[str]", self._file)))
        self._raw: list[Any] | None = None

    def _sigcont_application(self, *arguments: Any) -> None:
        """Take the terminal back only after having given it up for a stop: a lost terminal is told by a
        continuation too, and a second pair of threads would keep the process from ending. After a stop from
        outside a shell may have used the terminal meanwhile."""
        if self._must_signal_resume:
            super()._sigcont_application(*arguments)
        elif self._raw is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self.fileno, termios.TCSANOW, self._raw)
            self._app.call_later(self._app.refresh, layout=True)

    def start_application_mode(self) -> None:
        """Remember the terminal as it is while posdeck has it."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        with contextlib.suppress(termios.error):
            self._raw = termios.tcgetattr(self.fileno)

    def run_input_thread(self) -> None:
        """Read keys until there can be no more: a lost terminal ends the reading, and is no defect to report."""
        with contextlib.suppress(OSError):
            super().run_input_thread()


def listen(leave: Callable[[int, str], None]) -> Callable[[], None]:
    """Call ``leave`` with exit code and cause when the terminal is lost or posdeck is told to end; returns what
    takes this back. Does nothing off the main thread, where signals do not arrive."""
    loop = asyncio.get_running_loop()
    heard: list[signal.Signals] = []

    def on_signal(number: signal.Signals) -> None:
        if number is signal.SIGHUP and is_lost():
            detach()
        leave(128 + number, ENDING[number])

    for number in ENDING:
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, on_signal, number)
            heard.append(number)

    def deaf() -> None:
        for number in heard:
            loop.remove_signal_handler(number)
        heard.clear()

    return deaf


def leave_if_lost(leave: Callable[[int, str], None]) -> None:
    """Leave when the terminal is gone and no signal said so: only the leader of a session is told, which may be make,
    sudo, or a program that waits for posdeck. To be called now and then."""
    if is_lost():
        detach()
        leave(128 + signal.SIGHUP, ENDING[signal.SIGHUP])


def is_lost() -> bool:
    """Whether the terminal is gone; somebody may send the signal while it is not."""
    try:
        termios.tcgetattr(0)
    except termios.error as problem:
        return bool(problem.args[0] == errno.EIO)
    return False


def detach() -> None:
    """Put something harmless in the place of a terminal that is gone. Reading from it would return at once and
    for ever, and so cost a core until the last run has been cancelled."""
    silent, _ = os.pipe()  # nobody writes to it, and its other end stays open as long as this process
    os.set_blocking(silent, False)  # who was about to read from the terminal must not wait here for ever
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for descriptor, instead in ((0, silent), (1, nowhere), (2, nowhere)):
        if _is_terminal(descriptor):
            os.dup2(instead, descriptor)
    os.close(silent)
    os.close(nowhere)


def _is_terminal(descriptor: int) -> bool:
    """Whether it is one, or was: a lost terminal no longer answers as one, and is still a character device."""
    try:
        return stat.S_ISCHR(os.fstat(descriptor).st_mode)
    except OSError:
        return False
