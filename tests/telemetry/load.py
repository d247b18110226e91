"""A load on a real broker: a publisher at a steady rate, and waiting for what a reader makes of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tests.telemetry.amqp import Channel

from posdeck.catalogue.model import Workload
from posdeck.operations.processing import judge
from posdeck.operations.view import Verdict
from posdeck.telemetry.queues import QueueFeed

WORKLOAD = Workload("consumer-order", "spc--pos--be--consumer-order--prod", "orders", 1, 1, 3)


@asynccontextmanager
async def published(channel: Channel, queue: str, per_second: float) -> AsyncIterator[None]:
    """Messages into a queue for as long as the block runs."""

    async def publish() -> None:
        while True:
            channel.publish(queue)
            await asyncio.sleep(1 / per_second)

    task = asyncio.ensure_future(publish())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def verdict_of(feed: QueueFeed) -> tuple[Verdict, str]:
    """Ask once and judge."""
    await feed.poll()
    return judge(WORKLOAD, None, feed.numbers[WORKLOAD.name])


async def reaches(feed: QueueFeed, wanted: Verdict, seconds: float) -> str:
    """Poll until the verdict is the wanted one; how it was reasoned. Fails after ``seconds``."""
    last: tuple[Verdict, str] = (Verdict.CANNOT_TELL, "never asked")

    async def look() -> bool:
        nonlocal last
        last = await verdict_of(feed)
        return last[0] is wanted

    assert await within(seconds, look), f"wanted {wanted}, is {last[0]} ({last[1]})"
    return last[1]


async def within(seconds: float, true: Callable[[], Awaitable[bool]]) -> bool:
    """Whether something comes true before the deadline."""
    end = asyncio.get_running_loop().time() + seconds
    while not await true():
        if asyncio.get_running_loop().time() > end:
            return False
        await asyncio.sleep(0.3)
    return True
