"""In development (``POSDECK_DEV=1``): names whatever holds up the event loop, because a console that does not
answer a key for a twentieth of a second feels broken, and the culprit is gone by the time one looks."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

LIMIT = 0.05  # seconds without a turn of the loop
BEAT = 0.01


@dataclass(frozen=True, slots=True)
class Block:
    """The loop took no turn for at least ``seconds``; ``culprit`` is the innermost line of posdeck that ran,
    ``stack`` all of it."""

    seconds: float
    culprit: str
    stack: str

    @property
    def words(self) -> str:
        """The same, for people."""
        return f"The event loop stood still for {self.seconds * 1000:.0f} ms in {self.culprit}."


def wanted() -> bool:
    """Whether development mode is on."""
    return os.environ.get("POSDECK_DEV", "") not in {"", "0"}


class Watchdog:
    """Beats on the loop, and looks from a thread of its own whether the beat comes. ``blocks`` are the latest."""

    def __init__(self, told: Callable[[Block], None] | None = None, *, limit: float = LIMIT) -> None:
        self.blocks: deque[Block] = deque(maxlen=50)
        self._told = told
        self._limit = limit
        self._beat = time.monotonic()
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0

    def start(self) -> None:
        """Watch the running loop; call it on that loop."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._stop.clear()
        self._tick()
        threading.Thread(target=self._watch, name="posdeck-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no longer."""
        self._stop.set()

    def _tick(self) -> None:
        self._beat = time.monotonic()
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
            self._note(Block(late, culprit_of(frame), "".join(traceback.format_stack(frame, limit=40))))

    def _note(self, block: Block) -> None:
        self.blocks.append(block)
        if self._told is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._told, block)


def culprit_of(frame: FrameType) -> str:
    """``module:line function`` of the innermost frame that is posdeck's own, else of the innermost one."""
    probe: FrameType | None = frame
    while probe is not None and not _module(probe).startswith("posdeck."):
        probe = probe.f_back
    found = probe or frame
    return f"{_module(found)}:{found.f_lineno} {found.f_code.co_name}"


def _module(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
