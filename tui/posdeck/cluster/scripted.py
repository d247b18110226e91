"""A transport that says what it is told to: the fake beside the real ones, for every test above this seam."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from posdeck.cluster.transport import REQUEST_TIMEOUT, Params, Response, WebSocket
from posdeck.errors import NotFoundError, UnreachableError


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    params: dict[str, str]
    headers: Mapping[str, str]
    body: bytes | None


Answer = Response | Exception | Callable[[Request], Response]


def json_answer(document: Any, status: int = 200) -> Response:
    """An answer with a JSON body."""
    return Response(status, orjson.dumps(document))


class ScriptedStream:
    """One open stream; feed it while it is read."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.closed = asyncio.Event()
        self._queue: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def feed(self, *chunks: bytes) -> None:
        """Send chunks, cut as given."""
        for chunk in chunks:
            self._queue.put_nowait(chunk)

    def event(self, kind: str, obj: Any) -> None:
        """Send one watch event."""
        self.feed(orjson.dumps({"type": kind, "object": obj}) + b"\n")

    def end(self) -> None:
        """Close the body in an orderly way."""
        self._queue.put_nowait(None)

    def fail(self, error: Exception) -> None:
        """Break the body off."""
        self._queue.put_nowait(error)

    async def chunks(self) -> AsyncIterator[bytes]:
        while (item := await self._queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item


class ScriptedTransport:
    """Answers by method and path; of several answers the last stays. What has no answer is not found."""

    server = "https://scripted.invalid"

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.certificate: bytes | None = None
        self._answers: dict[tuple[str, str], deque[Answer]] = defaultdict(deque)
        self._refusals: dict[str, deque[Exception]] = defaultdict(deque)
        self._opened: dict[str, asyncio.Queue[ScriptedStream]] = defaultdict(asyncio.Queue)

    def answer(self, method: str, path: str, *answers: Answer | Any) -> None:
        """Replace the answers to a request; what is no Response, error or function is sent as JSON."""
        known = (Response, Exception)
        self._answers[method, path] = deque(
            a if isinstance(a, known) or callable(a) else json_answer(a) for a in answers
        )

    def refuse_streams(self, path: str, *errors: Exception) -> None:
        """Meet the next streams of a path with these errors."""
        self._refusals[path].extend(errors)

    async def next_stream(self, path: str, *, within: float = 5.0) -> ScriptedStream:
        """The next stream opened on a path, in the order of opening."""
        async with asyncio.timeout(within):
            return await self._opened[path].get()

    def count(self, method: str, path: str) -> int:
        """How often this was requested."""
        return sum(r.method == method and r.path == path for r in self.requests)

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> Response:
        asked = self._note(method, path, params, headers, body)
        await asyncio.sleep(0)
        answers = self._answers[method, path]
        if not answers:
            raise NotFoundError(path, "nothing was scripted for this")
        answer = answers.popleft() if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else answer(asked)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        asked = self._note(method, path, params, headers, None)
        await asyncio.sleep(0)
        if self._refusals[path]:
            raise self._refusals[path].popleft()
        opened = ScriptedStream(asked)
        self._opened[path].put_nowait(opened)
        try:
            yield opened.chunks()
        finally:
            opened.closed.set()

    @asynccontextmanager
    async def websocket(
        self, path: str, *, params: Params = (), protocols: Sequence[str] = ()
    ) -> AsyncIterator[WebSocket]:
        raise UnreachableError(self.server, "web sockets are not scripted")
        yield  # makes this a generator, as asynccontextmanager asks

    async def peer_certificate(self) -> bytes | None:
        return self.certificate

    def doubt(self) -> None:
        """Nothing is kept open here."""

    async def close(self) -> None:
        """Nothing to close."""

    def _note(
        self, method: str, path: str, params: Params, headers: Mapping[str, str] | None, body: bytes | None
    ) -> Request:
        request = Request(method, path, dict(params), dict(headers or {}), body)
        self.requests.append(request)
        return request
