"""Pipes on the event loop: whole lines in, bytes out, neither ever blocking."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable


class LinePipe(asyncio.Protocol):
    """Calls ``on_line`` for each line, however long; ``closed`` is set when every writer has gone."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_line = on_line
        self._parts: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        first, *rest = data.split(b"\n")
        self._parts.append(first)
        for part in rest:
            line = b"".join(self._parts)
            self._parts = [part]
            self._on_line(line)

    def connection_lost(self, exc: Exception | None) -> None:
        # What is left is half a line: its writer was killed while writing.
        if not self.closed.done():
            self.closed.set_result(None)


async def open_reader(fd: int, on_line: Callable[[bytes], None]) -> LinePipe:
    """Read lines from ``fd``, which is closed with the pipe."""
    loop = asyncio.get_running_loop()
    _, protocol = await loop.connect_read_pipe(lambda: LinePipe(on_line), os.fdopen(fd, "rb", buffering=0))
    return protocol


async def open_writer(fd: int) -> asyncio.WriteTransport:
    """Write to ``fd`` by a transport that buffers what the reader does not take yet."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(fd, "wb", buffering=0))
    return transport
