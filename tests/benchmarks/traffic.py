"""What the API server pays: requests, watches and bytes of one posdeck and of fifty, counted where they leave.

The same headless application as behind the screen, as many times as wanted, in this process; requests are counted
at the client, bytes by a proxy that passes TLS on unread.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp
from tests.benchmarks import cluster
from tests.cluster.control_plane import ControlPlane

from posdeck.cluster.resources import WATCHED
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import View


@dataclass(frozen=True, slots=True)
class Traffic:
    """``posdecks`` at one namespace of ``pods``. Start: until every one is live. Then per minute, at rest."""

    posdecks: int
    pods: int
    start_s: float
    start_requests: int
    start_bytes: int
    watches: int
    requests_a_minute: float
    bytes_a_minute: float
    by_verb: dict[str, float]


class _Counter:
    """Requests by what they ask for, and how many watches are open."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count every request of this process's HTTP client."""
        original, made = aiohttp.ClientSession._request, self.made

        async def counted(session: Any, method: str, url: Any, **options: Any) -> Any:
            watch = "watch=1" in str(url)
            made["watch" if watch else "list or get" if method == "GET" else method.lower()] += 1
            return await original(session, method, url, **options)

        with patch.object(aiohttp.ClientSession, "_request", counted):
            yield


class _Meter:
    """A TCP proxy on loopback that counts what it passes on, both ways."""

    def __init__(self, port: int) -> None:
        self._to, self.passed, self.port = port, 0, 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.ensure_future(self._pass_on(source, sink))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while chunk := await source.read(1 << 16):
                self.passed += len(chunk)
                sink.write(chunk)
                await sink.drain()
        except OSError:
            pass  # the other side hung up
        finally:
            sink.close()


def measure(plane: ControlPlane, folder: Path, *, posdecks: int, pods: int, seconds: float = 40.0) -> Traffic:
    """Start that many, wait until all are live, then count for ``seconds``."""
    for name in ("STATE", "CONFIG", "CACHE"):
        os.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
    return asyncio.run(_measure(plane, folder, posdecks, pods, seconds))


async def _measure(plane: ControlPlane, folder: Path, posdecks: int, pods: int, seconds: float) -> Traffic:
    meter, counter = _Meter(plane.ports["api"]), _Counter()
    await meter.open()
    kubeconfig = folder / f"metered-{posdecks}.yaml"
    text = plane.kubeconfig.read_text()
    kubeconfig.write_text(text.replace(f":{plane.ports['api']}", f":{meter.port}"))
    opening = open_content(
        Request(kubeconfig=kubeconfig, environment="simulated", namespace=cluster.NAMESPACE)
    )
    consoles = [Console(opening) for _ in range(posdecks)]
    try:
        with counter.counting():
            began = time.perf_counter()
            for console in consoles:
                await console.start()
            async with asyncio.timeout(300):
                await asyncio.gather(*(console.wait_for(_live) for console in consoles))
            took, requests, passed = time.perf_counter() - began, counter.made.total(), meter.passed
            await asyncio.sleep(5.0)  # identity, budgets and what else is asked once
            before, bytes_before = Counter(counter.made), meter.passed
            await asyncio.sleep(seconds)
            made, sent = counter.made - before, meter.passed - bytes_before
    finally:
        await asyncio.gather(*(console.stop() for console in consoles))
        meter.close()
    minutes = seconds / 60
    return Traffic(
        posdecks, pods, took, requests, passed, posdecks * _WATCHES, made.total() / minutes, sent / minutes,
        {verb: count / minutes for verb, count in sorted(made.items())},
    )  # fmt: skip


_WATCHES = len(WATCHED)


def _live(view: View) -> bool:
    feeds = (view.snapshot.feed(kind) for kind in (Kind.PODS, Kind.DEPLOYMENTS, Kind.EVENTS))
    return all(feed.state is FeedState.LIVE for feed in feeds)
