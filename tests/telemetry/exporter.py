"""A tiny exporter: the counters of a broker that a test turns by hand, as Prometheus scrapes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


class Exporter:
    """Queues with RabbitMQ's own names of metrics. ``rates`` are messages a second (in, out); the counters move
    by them in real time. ``text`` replaces the answer."""

    def __init__(self) -> None:
        self.rates: dict[str, tuple[float, float]] = {}
        self.published: dict[str, float] = {}
        self.acknowledged: dict[str, float] = {}
        self.consumers: dict[str, int] = {}
        self.text: str | None = None
        self.port = 0

    def queue(self, name: str, arriving: float, leaving: float, backlog: float = 0.0) -> None:
        self.rates[name] = (arriving, leaving)
        self.published.setdefault(name, 1000.0 + backlog)
        self.acknowledged.setdefault(name, 1000.0)
        self.consumers.setdefault(name, 1)

    def restart(self, name: str) -> None:
        """The broker came back: its counters begin at nothing, its messages are still there."""
        waiting = self.published[name] - self.acknowledged[name]
        self.acknowledged[name] = 0.0
        self.published[name] = waiting

    def render(self) -> str:
        if self.text is not None:
            return self.text
        rows = []
        for name in self.rates:
            label = f'{{queue="{name}"}}'
            ready = int(self.published[name]) - int(self.acknowledged[name])
            rows += [
                f"rabbitmq_queue_messages_ready{label} {ready}",
                f"rabbitmq_queue_messages_unacked{label} 0",
                f"rabbitmq_queue_consumers{label} {self.consumers[name]}",
                f"rabbitmq_queue_messages_published_total{label} {int(self.published[name])}",
                f"rabbitmq_queue_messages_acked_total{label} {int(self.acknowledged[name])}",
            ]
        return "\n".join(rows) + "\n"

    async def turn(self) -> None:
        """Let the counters move."""
        loop = asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(0.05)
            now = loop.time()
            for name, (arriving, leaving) in self.rates.items():
                self.published[name] += arriving * (now - last)
                done = self.acknowledged[name] + leaving * (now - last)
                self.acknowledged[name] = min(self.published[name], done)
            last = now


@asynccontextmanager
async def exporter() -> AsyncIterator[Exporter]:
    """An exporter that answers on a free loopback port."""
    made = Exporter()

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(text=made.render(), content_type="text/plain")

    application = web.Application()
    application.router.add_get("/metrics", metrics)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.port = runner.addresses[0][1]
    turning = asyncio.ensure_future(made.turn())
    try:
        yield made
    finally:
        turning.cancel()
        await asyncio.gather(turning, return_exceptions=True)
        await runner.cleanup()
