"""What the tests of cluster reading share: jitter without chance, deadlines, a proxy that can break."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable


class LongestPauses(random.Random):
    """Jitter at its upper end: pauses can be foretold."""

    def uniform(self, a: float, b: float) -> float:
        return b


class BreakableProxy:
    """A TCP proxy on loopback that can go silent (connections stay open, nothing passes), cut, or refuse."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._stuck: set[asyncio.StreamWriter] = set()
        self.port = 0

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def silence_open_connections(self) -> None:
        """Nothing passes on the connections there are; new ones work."""
        self._stuck |= self._writers

    def cut(self) -> None:
        """Break every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def refuse(self) -> None:
        """Break every connection and accept no new ones until ``open``."""
        assert self._server is not None
        self._server.close()
        self.cut()

    async def close(self) -> None:
        await self.refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = {writer}
        self._writers |= writers
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
            writers.add(upstream_writer)
            self._writers |= writers
            await asyncio.gather(self._copy(reader, upstream_writer), self._copy(upstream_reader, writer))
        except (OSError, asyncio.CancelledError):
            return  # a cut is what this is for
        finally:
            self._writers -= writers
            for one in writers:
                one.transport.abort()
            self._tasks.discard(task)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while content := await reader.read(1 << 16):
                if writer in self._stuck:
                    continue
                writer.write(content)
                await writer.drain()
        writer.close()


async def eventually(condition: Callable[[], bool], *, within: float = 10.0) -> None:
    """Wait until ``condition`` holds; fails after ``within`` seconds."""
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
