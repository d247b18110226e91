"""Keys in the order they were typed: each has taken its whole effect before the next is looked at.

Textual hands a key to the widget in focus at once. Over a slow line many keys arrive together, and the second of them
would go to what was in focus before the first took effect: a letter behind ``:pods⏎`` could be read as an action of
the place that was left. So a key waits here until the one before it has gone through all that may handle it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from textual import events
from textual.dom import DOMNode
from textual.message_pump import MessagePump

PATIENCE = 3.0  # seconds, for a view that is loaded for the first time on a busy machine; then the next key has its turn


class Typeahead:
    """Holds keys back while one is under way. All methods belong to the application's own task."""

    def __init__(self, send: Callable[[events.Key], Awaitable[None]]) -> None:
        """``send`` handles one key; it says what it began by ``follow``."""
        self._send = send
        self._waiting: deque[events.Key] = deque()
        self._under_way = 0  # counts, so that a late end of an earlier key is told from the present one's
        self._ends: asyncio.TimerHandle | None = None

    async def take(self, key: events.Key) -> None:
        """A key was typed: it is handled now, or once those before it are."""
        if self._ends is not None:
            self._waiting.append(key)
        else:
            await self._send(key)

    def before_others(self, key: events.Key) -> None:
        """A key that comes next, whatever waits."""
        self._waiting.appendleft(key)

    def follow(self, app: MessagePump, target: DOMNode | None, *, rounds: int = 1) -> None:
        """A key was given to ``target``: what is typed next waits until it has passed there, in everything around it
        and in the application; ``rounds`` times where the key causes messages that cause others."""
        self._under_way += 1
        number = self._under_way
        around = [*(target.ancestors_with_self if target is not None else ())]
        way = [each for _ in range(rounds) for each in around if each is not app] + [app]

        async def ended() -> None:
            if number == self._under_way and self._ends is not None:
                self._ends.cancel()
                self._ends = None
                await self._next()

        def pass_on() -> None:
            while way:
                pump = way.pop(0)
                if pump.call_later(pass_on if pump is not app else ended):
                    return

        self._ends = asyncio.get_running_loop().call_later(PATIENCE, lambda: app.call_later(ended))
        pass_on()

    async def _next(self) -> None:
        while self._waiting and self._ends is None:
            await self._send(self._waiting.popleft())
