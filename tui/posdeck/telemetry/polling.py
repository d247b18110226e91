"""When a source is asked: on its own rhythm, sooner on request, more and more seldom while it fails. Each source has
a loop of its own, so that a slow one delays no other."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from posdeck.clock import Clock

LONGEST = 60.0  # seconds between two attempts at a source that fails
TOGETHER = 0.25  # seconds in which several requests are one


class Poller:
    """Calls ``ask`` again and again; it returns the seconds until the next time, and whether it went well."""

    def __init__(self, ask: Callable[[], Awaitable[tuple[float, bool]]], clock: Clock, name: str) -> None:
        self._ask = ask
        self._clock = clock
        self._name = name
        self._soon = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._failures = 0

    def start(self) -> None:
        """Begin; harmless when it runs already."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def soon(self) -> None:
        """Ask again soon, also where a failing source would be left alone for longer."""
        self._soon.set()

    async def _run(self) -> None:
        while True:
            period, went_well = await self._ask()
            self._failures = 0 if went_well else self._failures + 1
            await self._wait(backed_off(period, self._failures))

    async def _wait(self, seconds: float) -> None:
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        asked = asyncio.ensure_future(self._soon.wait())
        try:
            await asyncio.wait({waiting, asked}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                await self._clock.sleep(TOGETHER)
                self._soon.clear()
        finally:
            for each in (waiting, asked):
                each.cancel()
            await asyncio.gather(waiting, asked, return_exceptions=True)


def backed_off(period: float, failures: int) -> float:
    """Seconds until the next attempt after so many failures in a row."""
    return max(period, min(LONGEST, period * 2.0 ** min(failures, 10))) if failures else period
