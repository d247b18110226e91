"""Told to end while it starts: the console is not there yet to leave in order, and the first frame is on the screen."""

from __future__ import annotations

import signal


def at_once() -> None:
    """Until the console listens itself, a signal ends posdeck by an exception, so that whoever drew gives the terminal
    back."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _raise)


def _raise(number: int, frame: object) -> None:
    raise SystemExit(128 + number)
