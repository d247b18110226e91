"""What only posdeck can tell of itself: how long its event loop was held, and 100,000 lines of a log."""

from __future__ import annotations

import json
import re
import statistics
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.benchmarks import burst, cluster
from tests.benchmarks.screen import Program, key_times
from tests.benchmarks.terminal import Terminal
from tests.cluster.control_plane import ControlPlane

LINES = 100_000
_PATIENCE = 180.0
CTRL_Q = b"\x11"


@dataclass(slots=True)
class Held:
    """Milliseconds: the longest time that the loop took no turn, and the longest that it computed in one. Only
    turns of over 50 ms are noted (``over``: milliseconds computed, and the culprit)."""

    pods: int
    longest_ms: float = 0.0
    busy_ms: float = 0.0
    over: list[tuple[float, float, str]] = field(default_factory=list)


@dataclass(slots=True)
class LogFigures:
    """100,000 lines from the first on: until the first lines are on the screen, until all were read and redacted,
    the way to the last one then, keys there, and memory."""

    first_s: float | None = None
    all_s: float | None = None
    end_ms: float | None = None
    key_ms: float | None = None
    memory_mb: float | None = None
    missed: list[str] = field(default_factory=list)


def holds(plane: ControlPlane, program: Program, pods: int, folder: Path) -> Held:
    """One session under the watchdog: start, 1,000 changes where there are as many pods, keys, end."""
    told = folder / f"held-{pods}.json"
    watched = replace(program, environment={**program.environment, "POSDECK_DEV": str(told)})
    terminal = Terminal(watched.command, watched.environment)
    try:
        terminal.wait(lambda: "● LIVE" in terminal.text(), 120)
        terminal.rest(4.0)
        if pods >= 1_000:
            written = burst.prepare(plane, cluster.pods(plane, 1_000), "Held")
            written.go()
            while not written.is_over:
                terminal.rest(0.2)  # a terminal that nobody reads would hold the program up
        key_times(terminal, [], 10)
        terminal.press(CTRL_Q)
        terminal.wait(told.exists, 20)
        time.sleep(0.3)
    finally:
        terminal.close()
        if pods >= 1_000:
            burst.restore(plane, cluster.pods(plane, 1_000))
    found = Held(pods)
    if told.exists():
        seen = json.loads(told.read_text())
        found.longest_ms = 1000 * seen["worst"]
        found.over = [(1000 * b["seconds"], 1000 * b["busy"], b["culprit"]) for b in seen["blocks"]]
        found.busy_ms = max((busy for _, busy, _ in found.over), default=0.0)
    return found


def long_log(plane: ControlPlane, program: Program) -> LogFigures:
    """Open the log of the first pod from its first line on."""
    figures = LogFigures()
    pod = cluster.pods(plane, 1)[0]
    words = "GET /api/v1/orders/{} 200 {} ms user-agent=pos upstream=consumer-order queue=orders attempt=1"
    plane.set_logs(cluster.NAMESPACE, pod, (words.format(i, i % 300) for i in range(1, LINES + 1)))
    terminal = Terminal(program.command, program.environment)
    try:
        terminal.wait(lambda: "● LIVE" in terminal.text(), 60)
        terminal.rest(1.0)
        terminal.press(b"l")
        terminal.wait(lambda: "Logs " in terminal.text(), 20)
        terminal.rest(1.5)
        sent = time.perf_counter()
        terminal.press(b"1")
        if terminal.wait(lambda: "orders/2 " in terminal.text(), 60) is not None:
            figures.first_s = time.perf_counter() - sent
        whole = re.compile(rf"from the beginning.*{LINES:,} lines")
        if terminal.wait(lambda: whole.search(terminal.text()) is not None, _PATIENCE) is not None:
            figures.all_s = time.perf_counter() - sent
        else:
            figures.missed.append(f"not all of its {LINES:,} lines were read within {_PATIENCE:.0f} s")
        sent = time.perf_counter()
        terminal.press(b"G")
        if terminal.wait(lambda: f"orders/{LINES} " in terminal.text(), 20) is not None:
            figures.end_ms = 1000 * (time.perf_counter() - sent)
        keys: list[float] = []
        key_times(terminal, keys, 12, names=b"kj")
        figures.key_ms = statistics.median(keys) if keys else None
        figures.memory_mb = terminal.cost().resident / 1e6
    finally:
        terminal.close()
    return figures
