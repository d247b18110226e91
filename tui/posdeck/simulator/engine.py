"""Runs the controllers: each is told of changes, names what to look at again, and may ask to be called later.

All work happens between two awaits of one task, at moments of the injected clock; so a test that drives the clock
sees the same sequence every time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Iterable
from typing import Any, Protocol

from posdeck.clock import Clock
from posdeck.simulator.store import Change, Key, Store

_log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0
LIMIT = 1_000_000  # of reconciliations at one moment; more is a loop that feeds itself
SLICE = 20  # reconciliations after which a running engine lets requests and watches have their turn


class Controller(Protocol):
    """One loop of the control plane."""

    name: str

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        """What to reconcile because of ``change``. Must not write."""
        ...

    def reconcile(self, key: Key) -> float | None:
        """Bring one object where it should be; seconds until it wants another look, or None."""
        ...


class Engine:
    """The queue, the timers and the task."""

    def __init__(self, store: Store, clock: Clock, controllers: list[Controller]) -> None:
        self._clock = clock
        self._controllers = controllers
        self._dirty: dict[tuple[int, Key], None] = {}
        self._timers: list[tuple[float, int, int, Key]] = []
        self._due: dict[tuple[int, Key], float] = {}
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self.failures: list[BaseException] = []
        store.listen(self._observe)

    def _observe(self, kind: str, change: Change) -> None:
        for index, controller in enumerate(self._controllers):
            for key in controller.observe(kind, change):
                self._dirty[(index, key)] = None
        if self._dirty:
            self._wake.set()

    def look(self, name: str, key: Key) -> None:
        """Have the controller called ``name`` look at ``key`` now."""
        index = next(i for i, c in enumerate(self._controllers) if c.name == name)
        self._dirty[(index, key)] = None
        self._wake.set()

    def settle(self) -> None:
        """Do everything that is due at this moment, and what follows from it."""
        now = self._clock.monotonic()
        for _ in range(LIMIT):
            if not self._advance(now):
                return
        raise RuntimeError("the controllers do not come to rest")

    def _advance(self, now: float) -> bool:
        """Do one piece of work; False when nothing is due."""
        while self._timers and self._timers[0][0] <= now:
            moment, _, index, key = heapq.heappop(self._timers)
            if self._due.get((index, key)) == moment:
                del self._due[(index, key)]
                self._dirty[(index, key)] = None
        if not self._dirty:
            return False
        (index, key) = next(iter(self._dirty))
        del self._dirty[(index, key)]
        self._reconcile(index, key, now)
        return True

    def _reconcile(self, index: int, key: Key, now: float) -> None:
        try:
            delay = self._controllers[index].reconcile(key)
        except Exception as error:
            # A controller that stumbles over one object goes on with the others, as the real ones do.
            _log.exception("controller %s failed on %s", self._controllers[index].name, key)
            self.failures.append(error)
            delay = RETRY_SECONDS
        if delay is not None:
            moment = now + max(delay, 0.001)
            if moment < self._due.get((index, key), float("inf")):
                self._due[(index, key)] = moment
                heapq.heappush(self._timers, (moment, next(self._order), index, key))

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            now = self._clock.monotonic()
            busy = all(self._advance(now) for _ in range(SLICE))
            if busy or self._wake.is_set():
                await asyncio.sleep(0)
                continue
            await self._pause()

    async def _pause(self) -> None:
        """Wait for a change or the next timer."""
        waits: set[asyncio.Future[Any]] = {asyncio.ensure_future(self._wake.wait())}
        if self._timers:
            delay = self._timers[0][0] - self._clock.monotonic()
            waits.add(asyncio.ensure_future(_sleep(self._clock, delay)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def _sleep(clock: Clock, seconds: float) -> None:
    await clock.sleep(seconds)
