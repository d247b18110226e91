"""What one sees at once after the confirming key: that it starts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks.screen import Program
from tests.benchmarks.terminal import Terminal

_PATIENCE = 60.0


@dataclass(slots=True)
class Confirmed:
    """From the key on: milliseconds until "Starting…" is on the screen."""

    starting_ms: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def measure(program: Program, *, runs: int = 3) -> Confirmed:
    """Restart the first workload, each time in a posdeck of its own; ``program`` opens on the workloads."""
    figures = Confirmed()
    for _ in range(runs):
        terminal = Terminal(program.command, program.environment)
        try:
            _once(terminal, program, figures)
        finally:
            terminal.close()
    return figures


def _once(terminal: Terminal, program: Program, figures: Confirmed) -> None:
    def seen(*words: str) -> Callable[[], bool]:
        return lambda: any(word in terminal.text() for word in words)

    if terminal.wait(seen(program.watching), _PATIENCE) is None:
        figures.missed.append("the workloads were never live")
        return
    terminal.rest(6.0)  # rules and runbooks are loaded by then
    terminal.press(b"r")
    if terminal.wait(seen("y do it"), _PATIENCE) is None:
        figures.missed.append("the restart never asked for a confirmation")
        return
    terminal.rest(4.0)  # as long as one reads: the playbook is loaded meanwhile
    pressed = time.perf_counter() - terminal.began
    terminal.press(b"y")
    started = terminal.wait(seen("Starting…"), _PATIENCE)
    if started is None:
        figures.missed.append("the act never started")
        return
    figures.starting_ms.append(1000 * (started - pressed))
    terminal.rest(3.0)
    terminal.wait(lambda: "· running" not in terminal.text(), _PATIENCE)  # what was begun is left to end
