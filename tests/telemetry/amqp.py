"""Just enough AMQP 0-9-1 for a load generator: declare, publish, consume, acknowledge, or not."""

from __future__ import annotations

import asyncio
import contextlib
import struct

METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
START, TUNE, OPENED, CHANNEL_OPENED = (10, 10), (10, 30), (10, 41), (20, 11)
DECLARED, QOS_SET, CONSUMING, CANCELLED, DELIVER = (50, 11), (60, 11), (60, 21), (60, 31), (60, 60)


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode()


def _long(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


class Channel:
    """One connection with one channel. ``pause`` keeps what is delivered unacknowledged in our hands."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self.deliveries = 0
        self.rejected = 0
        self.pause = asyncio.Event()
        self.delay = 0.0  # seconds of work on each message
        self.reject = False  # give every message back instead of acknowledging it
        self._answers: dict[tuple[int, int], asyncio.Future[bytes]] = {}
        self._delivered: asyncio.Queue[int] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, port: int, vhost: str = "/", user: str = "guest", password: str = "guest") -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._writer.write(b"AMQP\x00\x00\x09\x01")
        self._tasks.append(asyncio.ensure_future(self._receive()))
        await self._answer(START)
        login = f"\x00{user}\x00{password}".encode()
        ok = _long(b"") + _short("PLAIN") + _long(login) + _short("en_US")
        self._method(0, (10, 11), ok)
        await self._answer(TUNE)
        self._method(0, (10, 31), struct.pack(">HIH", 10, 131072, 0))
        self._method(0, (10, 40), _short(vhost) + _short("") + b"\x00")
        await self._answer(OPENED)
        self._method(1, (20, 10), _short(""))
        await self._answer(CHANNEL_OPENED)

    async def declare(self, queue: str) -> tuple[int, int]:
        """Make a queue; the messages that wait in it and its consumers."""
        self._method(1, (50, 10), b"\x00\x00" + _short(queue) + b"\x02" + _long(b""))
        waiting, consumers = struct.unpack(">II", (await self._answer(DECLARED))[-8:])
        return waiting, consumers

    def publish(self, queue: str, content: bytes = b"x") -> None:
        self._method(1, (60, 40), b"\x00\x00" + _short("") + _short(queue) + b"\x00")
        self._frame(HEADER, 1, struct.pack(">HHQH", 60, 0, len(content), 0))
        self._frame(BODY, 1, content)

    async def consume(self, queue: str, prefetch: int = 10) -> None:
        self._method(1, (60, 10), struct.pack(">IHB", 0, prefetch, 0))
        await self._answer(QOS_SET)
        self._method(1, (60, 20), b"\x00\x00" + _short(queue) + _short("us") + b"\x00" + _long(b""))
        await self._answer(CONSUMING)
        self._tasks.append(asyncio.ensure_future(self._work()))

    async def cancel(self) -> None:
        """Stop consuming, with the connection left open."""
        self._method(1, (60, 30), _short("us") + b"\x00")
        await self._answer(CANCELLED)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _work(self) -> None:
        while True:
            tag = await self._delivered.get()
            while self.pause.is_set():
                await asyncio.sleep(0.05)
            if self.delay:
                await asyncio.sleep(self.delay)
            if self.reject:
                await asyncio.sleep(0.05)
                self._method(1, (60, 120), struct.pack(">QB", tag, 0b10))  # back to the queue
                self.rejected += 1
                continue
            self._method(1, (60, 80), struct.pack(">QB", tag, 0))
            self.acknowledged += 1

    async def _receive(self) -> None:
        while True:
            kind, _, size = struct.unpack(">BHI", await self._reader.readexactly(7))
            payload = await self._reader.readexactly(size + 1)
            if kind != METHOD:
                continue
            method = struct.unpack(">HH", payload[:4])
            if method == DELIVER:
                tag_length = payload[4]
                (tag,) = struct.unpack(">Q", payload[5 + tag_length : 13 + tag_length])
                self.deliveries += 1
                self._delivered.put_nowait(tag)
                continue
            waiting = self._future((method[0], method[1]))
            if not waiting.done():
                waiting.set_result(payload[4:-1])

    def _future(self, method: tuple[int, int]) -> asyncio.Future[bytes]:
        return self._answers.setdefault(method, asyncio.get_running_loop().create_future())

    async def _answer(self, method: tuple[int, int]) -> bytes:
        try:
            return await asyncio.wait_for(self._future(method), 20)
        finally:
            self._answers.pop(method, None)

    def _method(self, channel: int, method: tuple[int, int], arguments: bytes) -> None:
        self._frame(METHOD, channel, struct.pack(">HH", *method) + arguments)

    def _frame(self, kind: int, channel: int, payload: bytes) -> None:
        self._writer.write(struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce")
