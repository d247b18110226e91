"""What workers and subscriptions tell the interface. Whole states may replace one another, deltas never.

``link`` is the tie that a message came through: what still comes from a front that was left must not be drawn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from posdeck.operations.front import Front, LogLine
    from posdeck.operations.view import SessionView, View


class ViewChanged(Message):
    """There is a new view; an older one that still waits is dropped."""

    def __init__(self, view: View, link: object = None) -> None:
        super().__init__()
        self.link = link
        self.view = view

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, ViewChanged)


class SessionChanged(Message):
    """A session has a new state; an older state of the same session that still waits is dropped."""

    def __init__(self, session: SessionView, link: object = None) -> None:
        super().__init__()
        self.link = link
        self.session = session

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SessionChanged) and message.session.id == self.session.id


class FrontReady(Message):
    """The application behind the screen is loaded."""

    def __init__(self, front: Front, link: object = None) -> None:
        super().__init__()
        self.link = link
        self.front = front


class FrontFailed(Message):
    """The application behind the screen could not be loaded."""

    def __init__(self, problem: BaseException, link: object = None) -> None:
        super().__init__()
        self.link = link
        self.problem = problem


class LogLines(Message):
    """Log lines that came since the last message; a delta, so it never replaces another."""

    def __init__(self, lines: list[LogLine], *, generation: int) -> None:
        super().__init__()
        self.lines = lines
        self.generation = generation


class LogEnded(Message):
    """The stream ended; ``reason`` is empty when it was complete."""

    def __init__(self, reason: str, *, generation: int) -> None:
        super().__init__()
        self.reason = reason
        self.generation = generation
