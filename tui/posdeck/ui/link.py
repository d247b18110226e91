"""The tie to the front: it is made away from the event loop, subscribed to, and ended with the console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual.message import Message

from posdeck.operations.front import Front, Unsubscribe
from posdeck.operations.view import SessionView, View
from posdeck.ui.messages import FrontFailed, FrontReady, SessionChanged, ViewChanged

Post = Callable[[Message], object]


class FrontLink:
    """Makes the front, and turns what it says into messages."""

    def __init__(self, factory: Callable[[], Front], post: Post) -> None:
        self._factory = factory
        self._post = post
        self._front: Front | None = None
        self._unsubscribe: list[Unsubscribe] = []
        self._closed = False

    async def open(self) -> None:
        """Make and start the front; posts FrontReady, or FrontFailed with whatever went wrong."""
        try:
            front = await asyncio.to_thread(self._factory)
            if self._closed:  # the console was pointed elsewhere meanwhile
                return
            self._front = front
            self._unsubscribe = [
                front.subscribe(self._post_view),
                front.subscribe_sessions(self._post_session),
            ]
            self._post(FrontReady(front, self))
            await front.start()
        except Exception as problem:
            self._post(FrontFailed(problem, self))

    async def close(self, cause: str) -> None:
        """Leave nothing behind; what runs is cancelled for this ``cause``."""
        self._closed = True
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self._unsubscribe.clear()
        if self._front is not None:
            await self._front.stop(cause)

    def _post_view(self, view: View) -> None:
        self._post(ViewChanged(view, self))

    def _post_session(self, session: SessionView) -> None:
        self._post(SessionChanged(session, self))
