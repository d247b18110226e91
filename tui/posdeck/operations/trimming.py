"""Gives memory back that lists took while they were read: where the allocator is left alone, a console that met a few
outages keeps what they took at their worst, for as long as it is open."""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Callable

from posdeck.clock import Clock

PERIOD = 60.0  # seconds


def trimmer() -> Callable[[], None] | None:
    """What gives free memory back to the system; None where the C library cannot (macOS, musl)."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):
        return None

    def give_back() -> None:
        trim(ctypes.c_size_t(0))

    return give_back


async def trim_for_ever(clock: Clock) -> None:
    """Now and then, beside the loop: it takes milliseconds."""
    trim = trimmer()
    while trim is not None:
        await clock.sleep(PERIOD)
        await asyncio.to_thread(trim)
