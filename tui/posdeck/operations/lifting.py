"""Redaction lifted for a while: for the screen alone, with a reason, recorded before a single line is shown.

What is saved, exported, recorded or kept as evidence stays redacted meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from posdeck.audit.record import Note, Topic
from posdeck.errors import AuditError, RefusedError

if TYPE_CHECKING:
    from posdeck.operations.workshop import Workshop

SECONDS = 600.0
SHORTEST_REASON = 8  # characters: "x" is no reason


class Lifting:
    """Whether redaction is lifted on this screen, until when, and why."""

    def __init__(
        self,
        workshop: Callable[[], Workshop],
        changed: Callable[[], None],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._workshop, self._changed, self._spawn = workshop, changed, spawn
        self._until: datetime | None = None
        self._reason = ""

    @property
    def until(self) -> datetime | None:
        """When redaction is in force again; None while it is."""
        if self._until is None or self._workshop().clock.now() >= self._until:
            return None
        return self._until

    @property
    def active(self) -> bool:
        """Whether text may be shown as it came."""
        return self.until is not None

    async def lift(self, reason: str) -> datetime:
        """Record the reason, then lift redaction for ten minutes. Raises RefusedError without a reason worth the
        name, AuditError when it cannot be recorded: then nothing is lifted."""
        reason = reason.strip()
        if len(reason) < SHORTEST_REASON:
            raise RefusedError(
                "reason",
                "redaction",
                "it is lifted only for a reason, which is recorded",
                "Say in some words what has to be read, and for whom.",
            )
        until = self._workshop().clock.now() + timedelta(seconds=SECONDS)
        await self._note(
            f"redaction lifted on this screen for {SECONDS / 60:.0f} minutes",
            reason,
            until=until.astimezone(UTC).isoformat(),
        )
        self._until, self._reason = until, reason
        self._changed()
        self._spawn(self._end_by_itself(until))
        return until

    async def end(self, how: str = "by key") -> None:
        """Put redaction in force again, at once; the record says when, and how it came."""
        if self._until is None:
            return
        self._until = None
        self._changed()
        await self._note(f"redaction in force again, {how}", self._reason)

    async def _end_by_itself(self, until: datetime) -> None:
        clock = self._workshop().clock
        await clock.sleep(max(0.0, (until - clock.now()).total_seconds()))
        if self._until == until:
            try:
                await self.end("when its time was over")
            except AuditError:
                return  # it has ended; its beginning and its latest end are on record

    async def _note(self, text: str, reason: str, **details: str) -> None:
        workshop = self._workshop()
        standing = workshop.standing()
        note = Note(
            Topic.REDACTION_LIFTED,
            text,
            standing.actor,
            standing.place,
            subject=standing.environment,
            reason=reason,
            details={"seconds": SECONDS, **details},
        )
        await workshop.record(lambda store: store.append_note(note))
