"""What the interface's tests share: the fake front, and an application that has taken its first view."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fake_front import FakeFront
from textual.pilot import Pilot

from posdeck.ui.app import PosdeckApp
from posdeck.ui.picture import screen_text

PATIENCE = 60.0
Opened = Callable[..., AbstractAsyncContextManager["Driver"]]


class Driver:
    """An application under a pilot."""

    def __init__(self, app: PosdeckApp, pilot: Pilot[int], front: FakeFront) -> None:
        self.app = app
        self.pilot = pilot
        self.front = front

    async def press(self, *keys: str) -> None:
        """Press keys, letting each take effect."""
        typed: list[str] = []
        for key in keys:
            if len(key) == 1:
                typed.append(key)
                continue
            await self.pilot.press(*typed, key)
            typed.clear()
            await self.settle()
        if typed:
            await self.pilot.press(*typed)
            await self.settle()

    async def settle(self) -> None:
        """Until the workers that are not endless are done and the messages are handled."""
        await self.pilot.pause()
        waiting = [w for w in self.app.workers if w.group not in {"logs"} and not w.is_finished]
        if waiting:
            await self.app.workers.wait_for_complete(waiting)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Until ``holds`` does: looked at whenever all messages are handled, for as long as a busy machine takes."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not holds():
                    await self.pilot.pause()
        except TimeoutError:
            raise AssertionError(f"never came: {what}\n{self.text()}") from None

    def text(self) -> str:
        """What is on the screen."""
        return screen_text(self.app)

    def line(self, containing: str) -> str:
        """The first line of the screen that contains the text."""
        found = [line for line in self.text().splitlines() if containing in line]
        assert found, f"{containing!r} is not on the screen:\n{self.text()}"
        return found[0]


@pytest.fixture
def opened() -> Opened:
    """Opens the console on a front: ``async with opened(front, size=(120, 30)) as driver``."""

    @asynccontextmanager
    async def open_console(
        front: FakeFront | None = None, *, size: tuple[int, int] = (120, 40), **options: object
    ) -> AsyncIterator[Driver]:
        used = front or FakeFront()
        app = PosdeckApp(lambda: used, used.view.surroundings, now=used.clock.now, **options)  # type: ignore[arg-type]
        async with app.run_test(size=size) as pilot:
            driver = Driver(app, pilot, used)
            await driver.settle()
            yield driver

    return open_console
