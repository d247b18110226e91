"""A clock that runs faster than life and the same in every process that is told its beginning."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """``factor`` seconds pass in one. ``began`` is a reading of this machine's monotonic clock."""

    def __init__(self, began: float, factor: float) -> None:
        self._began = began
        self._factor = factor
        self._start = datetime.now(UTC) - timedelta(seconds=time.monotonic() - began)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._factor

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self._factor)
