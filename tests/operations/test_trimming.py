"""What the allocator holds for nobody goes back to the system, now and then."""

from __future__ import annotations

import asyncio
import sys

import pytest

from posdeck.clock import ManualClock
from posdeck.operations import trimming


@pytest.mark.skipif(sys.platform != "linux", reason="a call of the GNU C library")
def test_there_is_a_way_on_linux() -> None:
    trim = trimming.trimmer()
    assert trim is not None
    trim()


async def test_it_is_done_each_period_and_never_where_there_is_no_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, times = ManualClock(), list[int]()
    monkeypatch.setattr(trimming, "trimmer", lambda: lambda: times.append(1))
    running = asyncio.ensure_future(trimming.trim_for_ever(clock))
    for done in range(1, 3):
        await clock.advance(trimming.PERIOD)
        async with asyncio.timeout(10):
            while len(times) < done:
                await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    monkeypatch.setattr(trimming, "trimmer", lambda: None)
    await trimming.trim_for_ever(clock)
    assert len(times) == 2
