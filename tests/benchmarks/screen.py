"""What the user of a terminal dashboard waits for, measured from outside: start, change, key, and what it costs."""

from __future__ import annotations

import itertools
import json
import re
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tests.benchmarks import burst, cluster
from tests.benchmarks.terminal import Terminal
from tests.cluster.control_plane import ControlPlane


@dataclass(frozen=True, slots=True)
class Program:
    """A dashboard: how it is started on the list of pods, which row of it is a pod, and the word by which it says
    that the rows are watched from now on and keys work ("" where it says nothing)."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    watching: str = ""
    row: str = r"(load-\d+-\S+|consumer-order-\S+|be--consumer-order\S+)\s.*Running"


@dataclass(slots=True)
class Figures:
    """One program at one size. Seconds, milliseconds, percent of one core, megabytes."""

    program: str
    pods: int
    first_frame_s: list[float] = field(default_factory=list)
    live_rows_s: list[float] = field(default_factory=list)
    watched_s: list[float] = field(default_factory=list)
    change_ms: list[float] = field(default_factory=list)
    key_ms: list[float] = field(default_factory=list)
    idle_cpu_pct: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)
    burst_took_s: list[float] = field(default_factory=list)
    burst_ms: list[float] = field(default_factory=list)
    burst_key_ms: list[float] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def median(self, name: str) -> float | None:
        """The median of one row, None when nothing was measured."""
        values = getattr(self, name)
        return statistics.median(values) if values else None

    def as_json(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Effort:
    """How often each thing is measured."""

    starts: int = 5
    changes: int = 12
    keys: int = 20
    idle: float = 20.0
    settle: float = 6.0
    burst: int = 0


def measure(plane: ControlPlane, program: Program, pods: int, effort: Effort) -> Figures:
    """Start ``program`` several times; stay in the last one for the rest."""
    figures = Figures(program.name, pods)
    terminal: Terminal | None = None
    for _ in range(effort.starts):
        if terminal is not None:
            terminal.close()
        terminal = Terminal(program.command, program.environment)
        _start(terminal, program, figures)
    assert terminal is not None
    try:
        if program.watching:
            terminal.wait(lambda: program.watching in terminal.text(), 120)
        terminal.rest(effort.settle)
        _idle(terminal, figures, effort.idle)
        key_times(terminal, figures.key_ms, effort.keys)
        _changes(terminal, plane, figures, effort.changes)
        if effort.burst:
            _burst(terminal, plane, figures, effort.burst)
    finally:
        terminal.close()
        burst.restore(plane, cluster.pods(plane, max(500, effort.burst)))
    return figures


def _start(terminal: Terminal, program: Program, figures: Figures) -> None:
    row = re.compile(program.row)
    first = terminal.wait(lambda: bool(terminal.text().strip()), 60)
    live = terminal.wait(lambda: row.search(terminal.text()) is not None, 120)
    seen = [("first_frame_s", first), ("live_rows_s", live)]
    if program.watching:
        seen.append(("watched_s", terminal.wait(lambda: program.watching in terminal.text(), 120)))
    for name, value in seen:
        if value is None:
            figures.missed.append(name)
        else:
            getattr(figures, name).append(value)


def _idle(terminal: Terminal, figures: Figures, seconds: float) -> None:
    before, began = terminal.cost(), time.perf_counter()
    terminal.rest(seconds)
    after = terminal.cost()
    figures.idle_cpu_pct.append(100 * (after.cpu - before.cpu) / (time.perf_counter() - began))
    figures.memory_mb.append(after.resident / 1e6)


def key_times(
    terminal: Terminal,
    into: list[float],
    count: int,
    quiet: float = 0.15,
    names: bytes = b"jk",
    looks: Callable[[], object] | None = None,
) -> None:
    """Cursor down and up; milliseconds from the key to any change of the screen, or of what ``looks`` looks at."""
    looks = looks or terminal.looks
    for number in range(count):
        end = time.perf_counter() + 1.0
        while terminal.read(quiet) and time.perf_counter() < end:
            pass
        before = looks()
        sent = time.perf_counter()
        terminal.press(names[number % 2 : number % 2 + 1])
        seen = terminal.wait(lambda before=before: looks() != before, 3)  # type: ignore[misc]
        if seen is not None:
            into.append(1000 * (terminal.began + seen - sent))


def _changes(terminal: Terminal, plane: ControlPlane, figures: Figures, count: int) -> None:
    """A pod that is on the screen changes; the time from the server's answer to the new text."""
    names = [name for name in cluster.pods(plane) if _shown(terminal, name)]
    if not names:
        figures.missed.append("change_ms: no pod is on the screen by its name")
        return
    for number in range(count):
        text = f"Mark{time.monotonic_ns() % 100000}x{number}"
        done = in_background(lambda text=text: cluster.mark(plane, names[0], text))  # type: ignore[misc]
        seen = terminal.wait(lambda text=text: text in terminal.text(), 20)  # type: ignore[misc]
        done.wait(20)
        if seen is None:
            figures.missed.append("change_ms")
        else:
            figures.change_ms.append(max(0.0, 1000 * (terminal.began + seen - done.at)))
        terminal.rest(0.13 * (number % 7))


def _shown(terminal: Terminal, pod: str) -> bool:
    """Whether the pod's random end is on the screen; dashboards shorten the beginning."""
    return pod.rpartition("-")[2] in terminal.text()


def _burst(terminal: Terminal, plane: ControlPlane, figures: Figures, count: int) -> None:
    """Many changes at once; the last one is on a pod of the screen. Keys are pressed meanwhile."""
    names = cluster.pods(plane, max(count, 1))
    shown = [name for name in names if _shown(terminal, name)]
    if not shown:
        figures.missed.append("burst_ms: no pod is on the screen by its name")
        return
    stamp = f"Burst{time.monotonic_ns() % 100000}"
    others = [name for name in names if name != shown[0]][: count - 1]
    written = burst.prepare(plane, others, stamp, last=shown[0])
    written.go()
    for number in itertools.count():
        if written.is_over:
            break
        # down and up in turn: the changed pod has to stay on the screen
        key = b"j" if number % 2 == 0 else b"k"
        key_times(terminal, figures.burst_key_ms, 1, quiet=0.0, names=key * 2, looks=terminal.cursor)
        terminal.rest(0.02)
    if written.problem:
        figures.missed.append(f"burst_ms: {written.problem}")
        return
    figures.burst_took_s.append(written.ended - written.began)
    seen = terminal.wait(lambda: f"{stamp}end" in terminal.text(), 20)
    if seen is None:
        figures.missed.append("burst_ms: the last change was never shown")
    else:
        figures.burst_ms.append(max(0.0, 1000 * (terminal.began + seen - written.ended)))


class _Done:
    """Set with the moment at which background work ended."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.at = float("inf")

    def finish(self) -> None:
        self.at = time.perf_counter()
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        if not self._event.wait(seconds):
            raise TimeoutError("the control plane does not answer")


def in_background(work: Callable[[], None]) -> _Done:
    done = _Done()

    def run() -> None:
        work()
        done.finish()

    threading.Thread(target=run, daemon=True).start()
    return done
