"""The interface on a real or embedded cluster, led by nothing but keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from tests.paths.leading import has_read
from tests.paths.stage import Ahead, Stage
from textual.pilot import Pilot

from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import SessionView, Surroundings
from posdeck.ui.app import PosdeckApp
from posdeck.ui.picture import screen_text

PATIENCE = 120.0
SMALL = (80, 24)


@dataclass
class Hands:
    """An application under a pilot, and the stage behind it."""

    app: PosdeckApp
    pilot: Pilot[int]
    stage: Stage
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.stage.console.subscribe(lambda _: self._changed.set())
        self.stage.console.subscribe_sessions(lambda _: self._changed.set())

    async def press(self, *keys: str) -> None:
        """Press keys, letting each take effect."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def say(self, command: str) -> None:
        """Type a command after a colon."""
        await self.press("colon", *command, "enter")

    def text(self) -> str:
        """What is on the screen."""
        return screen_text(self.app)

    async def until(self, holds: Callable[[], object], what: str) -> None:
        """Until ``holds`` does: looked at whenever the application has something new."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self.pilot.pause()
                while not holds():
                    self._changed.clear()
                    await self._changed.wait()
                    await self.pilot.pause()
        except TimeoutError:
            raise AssertionError(f"never came: {what}\n{self.text()}") from None

    async def shows(self, text: str) -> None:
        """Until a text is on the screen."""
        await self.until(lambda: text in self.text(), f"{text!r}")

    async def asked(self, step: str) -> SessionView:
        """Until the session on show asks something at this step, of which the keys are on the screen."""

        def asks() -> bool:
            shown = self.session
            return shown is not None and shown.current == step and bool(shown.question or shown.confirmation)

        await self.until(asks, f"a question at {step}")
        assert self.session is not None
        return self.session

    @property
    def session(self) -> SessionView | None:
        """The session on the screen."""
        return getattr(self.app.console_screen.current, "session", None)

    async def ended(self) -> SessionView:
        """Until the session on show is over."""
        await self.until(lambda: self.session and self.session.exit_code is not None, "the session's end")
        assert self.session is not None
        return self.session


def _reads(console: Console) -> bool:
    """It has read what a path needs; whether it may write is another matter."""
    view = console.view
    connected = not view.surroundings.writes_reason.startswith("not connected")
    return connected and has_read(view)


@asynccontextmanager
async def hands_on(
    request: Request,
    monkeypatch: pytest.MonkeyPatch,
    *,
    proofs: frozenset[str],
    blind: bool,
    played: bool = True,
    size: tuple[int, int] = SMALL,
) -> AsyncIterator[Hands]:
    """The interface as it is started, at the size of a small terminal; ``played``, as ``Stage`` says."""
    clock = Ahead()
    console = Console(open_content(request), clock=clock, rules_later=True)
    app = PosdeckApp(lambda: console, Surroundings(request.environment or "", False, "ask"), now=clock.now)
    async with app.run_test(size=size) as pilot:
        stage = Stage(console, clock, blind=blind, proofs=proofs)
        if played:
            stage.install(monkeypatch)
        hands = Hands(app, pilot, stage)
        await hands.until(lambda: _reads(console) and app.front is not None, "everything read")
        await hands.until(console.runbooks, "the runbooks")
        yield hands
