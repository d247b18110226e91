"""Leaving the console: at once when nothing runs, else only when it is asked for twice."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from posdeck.operations.view import SessionSummary
from posdeck.ui.plain import plain

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp


AGAIN = timedelta(seconds=10)  # for so long a second request means yes


def leave_if_meant(app: PosdeckApp, asked: str) -> None:
    """End the console. While something runs, say what leaving does to it, and leave when asked again soon;
    ``asked`` is how it was asked for."""
    running, before = app.running(), app.asked_to_leave
    if not running or (before is not None and app.scene.now - before <= AGAIN):
        app.leave()
        return
    app.asked_to_leave = app.scene.now
    app.notice(
        f"Still running: {_named(running)}. {asked} again stops it as its step says, and leaves.", "warn"
    )


def say_what_is_stopped(running: Sequence[SessionSummary]) -> None:
    """Tell on the terminal, given back already, why the prompt does not come at once."""
    if sys.stderr.isatty():
        sys.stderr.write(f"posdeck: stopping {_named(running)}, as its step says …\n")


def _named(running: Sequence[SessionSummary]) -> str:
    return ", ".join(plain(f"{s.title} · {s.target}".strip(" ·")) for s in running)
