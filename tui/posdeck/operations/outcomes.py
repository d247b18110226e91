"""Every intent gets its outcome, also when the record cannot be written at the moment that it is due: it is tried
again until it can be, and once more when posdeck ends. What is still owed then is settled by the next start."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from posdeck.audit.record import Result, Verification
from posdeck.errors import AuditError
from posdeck.operations import acting
from posdeck.operations.gate import Permit
from posdeck.operations.workshop import Workshop
from posdeck.runbooks import events as ev
from posdeck.runbooks.session import StepState, StepStatus

AGAIN = 2.0  # seconds between two attempts
_OVER = frozenset(
    {
        StepStatus.PASSED,
        StepStatus.FAILED,
        StepStatus.CANNOT_TELL,
        StepStatus.CANCELLED,
        StepStatus.REFUSED,
    }
)


@dataclass(frozen=True, slots=True)
class _Owed:
    """How one permitted write ended."""

    permit: Permit
    result: Result
    verification: Verification
    message: str
    duration_ms: int


class Outcomes:
    """What the acts of one session owe to the record. ``say`` tells the person."""

    def __init__(self, workshop: Workshop, say: Callable[[str], None]) -> None:
        self._workshop = workshop
        self._say = say
        self._begun: dict[str, tuple[list[Permit], float]] = {}  # by unit, with when it began
        self._owed: list[_Owed] = []
        self._retrying: asyncio.Task[None] | None = None

    @property
    def owes(self) -> bool:
        """Whether an outcome has not been committed yet."""
        return bool(self._begun or self._owed)

    def begin(self, unit: str, permits: list[Permit]) -> None:
        """The intents of ``unit`` are on record."""
        self._begun[unit] = (permits, self._workshop.clock.monotonic())

    async def settle(self, unit: str, state: StepState | None) -> tuple[list[Permit], Result] | None:
        """Commit the outcomes of an act that is over; what it was and how it ended, None when there is nothing to
        commit. What cannot be committed now is kept, told, and tried again."""
        if unit not in self._begun or state is None or state.status not in _OVER:
            return None
        permits, began = self._begun.pop(unit)
        result = _result(state)
        verification = Verification(state.verdict.value) if state.verdict else Verification.CANNOT_TELL
        duration = round((self._workshop.clock.monotonic() - began) * 1000)
        self._owed += [_Owed(p, result, verification, state.note, duration) for p in permits]
        try:
            await self._pay()
        except AuditError as error:
            self._say(f"the outcome is not recorded yet, and tried again: {error}")
            if self._retrying is None or self._retrying.done():
                self._retrying = asyncio.ensure_future(self._again())
        return permits, result

    async def close(self) -> None:
        """At the end of posdeck: once more, then the next start has to settle it."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.gather(self._retrying, return_exceptions=True)
        with contextlib.suppress(AuditError):
            await self._pay()

    async def _again(self) -> None:
        while self._owed:
            await self._workshop.clock.sleep(AGAIN)
            with contextlib.suppress(AuditError):
                await self._pay()
        self._say("the outcome is recorded now")

    async def _pay(self) -> None:
        while self._owed:
            owed = self._owed[0]
            for warning in await acting.settle_all(
                self._workshop,
                [owed.permit],
                owed.result,
                verification=owed.verification,
                message=owed.message,
                duration_ms=owed.duration_ms,
            ):
                self._say(warning)
            self._owed.remove(owed)


def _result(state: StepState) -> Result:
    if state.status is StepStatus.REFUSED or state.changed is ev.Changed.NO:
        return Result.CANCELLED if state.status is StepStatus.CANCELLED else Result.NOTHING_CHANGED
    if state.changed is ev.Changed.UNKNOWN:
        return Result.UNKNOWN
    if state.status is StepStatus.CANCELLED:
        return Result.CANCELLED
    return Result.SUCCEEDED if state.status in {StepStatus.PASSED, StepStatus.CANNOT_TELL} else Result.FAILED
