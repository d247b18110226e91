"""In development (``POSDECK_DEV=1``, or the path of a file for what was seen): names whatever holds up the event
loop, because a console that does not answer a key for a twentieth of a second feels broken, and the culprit is gone
by the time one looks."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

LIMIT = 0.05  # seconds without a turn of the loop
BEAT = 0.01


@dataclass(slots=True)
class Block:
    """The loop took no turn for at least ``seconds``, of which it computed for ``busy`` (the rest it waited, for
    a processor or for something else); ``culprit`` is the innermost line of posdeck that ran, ``stack`` all of
    it."""

    seconds: float
    culprit: str
    stack: str
    busy: float = 0.0

    @property
    def words(self) -> str:
        """The same, for people."""
        return f"The event loop stood still for {self.seconds * 1000:.0f} ms in {self.culprit}."


def wanted() -> bool:
    """Whether development mode is on."""
    return os.environ.get("POSDECK_DEV", "") not in {"", "0"}


class Watchdog:
    """Beats on the loop, and looks from a thread of its own whether the beat comes. ``blocks`` are the latest,
    ``worst`` is the longest time between two turns of the loop, in seconds."""

    def __init__(self, told: Callable[[Block], None] | None = None, *, limit: float = LIMIT) -> None:
        self.blocks: deque[Block] = deque(maxlen=50)
        self.worst = 0.0
        self._told = told
        self._limit = limit
        self._beat = time.monotonic()
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._noted: Block | None = None
        self._busy = 0.0  # processor seconds of the loop's thread at the last beat

    def start(self) -> None:
        """Watch the running loop; call it on that loop."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._stop.clear()
        self._beat = time.monotonic()
        self._tick()
        threading.Thread(target=self._watch, name="posdeck-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer; what was seen goes to the file that POSDECK_DEV names, if it names one."""
        self._stop.set()
        path = os.environ.get("POSDECK_DEV", "")
        if os.sep in path:
            seen = [{"seconds": b.seconds, "busy": b.busy, "culprit": b.culprit} for b in self.blocks]
            Path(path).write_text(json.dumps({"worst": self.worst, "blocks": seen}), encoding="utf-8")

    def _tick(self) -> None:
        now, busy = time.monotonic(), time.thread_time()
        held = now - self._beat - BEAT
        self.worst = max(self.worst, held)
        if self._noted is not None:  # seen in the middle: now it is known how long it was
            self._noted.seconds, self._noted.busy = held, busy - self._busy
            self._noted = None
        self._beat, self._busy = now, busy
        if not self._stop.is_set() and self._loop is not None:
            self._loop.call_later(BEAT, self._tick)

    def _watch(self) -> None:
        seen = 0.0
        while not self._stop.wait(BEAT):
            beat = self._beat
            late = time.monotonic() - beat
            if late <= self._limit or beat == seen:
                continue
            frame = sys._current_frames().get(self._thread_id)
            if frame is None or self._beat != beat:
                continue  # it went on meanwhile: this frame is not the culprit's
            seen = beat
            stack = "".join(traceback.format_stack(frame, limit=40))
            self._note(Block(late, culprit_of(frame), stack, max(0.0, _used(self._thread_id) - self._busy)))

    def _note(self, block: Block) -> None:
        self.blocks.append(block)
        self._noted = block
        if self._told is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told, block)


def _used(thread_id: int) -> float:
    """Processor seconds of a thread; 0 where the system does not tell."""
    if not hasattr(time, "pthread_getcpuclockid"):
        return 0.0
    return time.clock_gettime(time.pthread_getcpuclockid(thread_id))


def culprit_of(frame: FrameType) -> str:
    """``module:line function`` of the innermost frame that is posdeck's own, else of the innermost one."""
    probe: FrameType | None = frame
    while probe is not None and not _module(probe).startswith("posdeck."):
        probe = probe.f_back
    found = probe or frame
    return f"{_module(found)}:{found.f_lineno} {found.f_code.co_name}"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
