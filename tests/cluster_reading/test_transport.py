"""Answers and broken answers mean the same by either path, and the short one stays short."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from posdeck.cluster.connection import Route, connect
from posdeck.cluster.kubeconfig import Server, Target, User
from posdeck.cluster.transport import failure, lines, verb_and_object
from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ResourceVersionExpiredError,
    ThrottledError,
    UnreachableError,
)

PODS = "/api/v1/namespaces/n/pods"
KINDS = {
    400: InvalidError, 401: AuthExpiredError, 403: ForbiddenError, 404: NotFoundError, 409: ConflictError,
    410: ResourceVersionExpiredError, 422: InvalidError, 429: ThrottledError, 500: ClusterError,
    503: ClusterError,
}  # fmt: skip


@pytest.fixture(params=["direct", "official"])
def route(request: pytest.FixtureRequest) -> Route:
    found: Route = request.param
    return found


class Canned:
    """A server that gives one raw answer to whatever is asked, and remembers the request."""

    def __init__(self) -> None:
        self.answer = b""
        self.hang_up = True
        self.asked = b""
        self._server: asyncio.Server | None = None

    async def open(self) -> Target:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return Target("c", "n", Server(f"http://127.0.0.1:{port}"), User(token="t"))

    def close(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked = await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            await writer.drain()
            if not self.hang_up:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.transport.abort() if self.hang_up and not self.answer else writer.close()


@pytest.fixture
async def canned() -> AsyncIterator[Canned]:
    made = Canned()
    yield made
    made.close()


def raw(status: int, body: bytes, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.mark.parametrize("status", KINDS)
async def test_each_status_is_its_error_with_the_servers_words(
    canned: Canned, route: Route, status: int
) -> None:
    transport = await connect(await canned.open(), route=route)
    canned.answer = raw(status, b'{"kind":"Status","message":"said so"}', "Retry-After: 7")
    try:
        with pytest.raises(ClusterError, match="said so") as caught:
            await transport.request("GET", PODS, params=[("labelSelector", "a=b,c!=d")])
        assert type(caught.value) is KINDS[status]
        if isinstance(caught.value, ThrottledError):
            assert caught.value.retry_after == 7
        with pytest.raises(KINDS[status]):
            async with transport.stream("GET", PODS):
                pass
    finally:
        await transport.close()
    assert b"authorization: bearer t" in canned.asked.lower()


BROKEN = {
    "nothing": (b"", "closed the connection"),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{half", "half way"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "no connection"),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_answer_is_no_answer(canned: Canned, route: Route, case: str) -> None:
    transport = await connect(await canned.open(), route=route)
    canned.answer, words = BROKEN[case]
    try:
        with pytest.raises(UnreachableError, match=words):
            await transport.request("GET", PODS)
    finally:
        await transport.close()


async def test_a_stream_that_breaks_gives_what_came_before(canned: Canned, route: Route) -> None:
    transport = await connect(await canned.open(), route=route)
    canned.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\none\ntwo\nthr"
    found: list[bytes] = []

    async def read() -> None:
        async with transport.stream("GET", PODS) as chunks:
            async for line in lines(chunks):
                found.append(line)  # noqa: PERF401 — what came before the break is the point

    try:
        with pytest.raises(UnreachableError, match="half way"):
            await read()
    finally:
        await transport.close()
    assert found == [b"one", b"two"]


async def test_a_server_that_does_not_answer_is_given_up(canned: Canned, route: Route) -> None:
    transport = await connect(await canned.open(), route=route)
    canned.hang_up = False
    try:
        with pytest.raises(UnreachableError, match=r"no answer within 0\.05 s to list pods in n"):
            await transport.request("GET", PODS, timeout=0.05)
    finally:
        await transport.close()


async def test_a_page_of_html_is_not_quoted() -> None:
    error = failure(502, b"<html>big proxy page</html>", {}, method="GET", path=PODS)
    assert "html" not in str(error)


async def test_lines_are_put_together_from_any_pieces() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"a", b"b\nc\n\nd", b"e", b"f\n", b"rest"):
            yield piece

    assert [line async for line in lines(pieces())] == [b"ab", b"c", b"", b"def"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", PODS, ("list", "pods in n")),
        ("GET", f"{PODS}/p/log", ("get", "pods/log p in n")),
        (
            "PATCH",
            "/apis/apps/v1/namespaces/n/deployments/d/scale",
            ("patch", "deployments.apps/scale d in n"),
        ),
        ("GET", "/api/v1/namespaces/n", ("get", "namespaces n")),
        ("GET", "/api/v1/nodes", ("list", "nodes")),
        ("GET", "/version", ("get", "/version")),
    ],
)
def test_a_request_is_told_in_rbacs_words(method: str, path: str, expected: tuple[str, str]) -> None:
    assert verb_and_object(method, path) == expected


def test_the_short_path_does_not_import_the_official_client() -> None:
    root = Path(__file__).parent.parent.parent / "tui"
    code = (
        "import asyncio, sys\n"
        "from posdeck.cluster.connection import connect\n"
        "from posdeck.cluster.feed import ClusterFeed\n"
        "from posdeck.cluster.kubeconfig import Server, Target, User\n"
        "assert 'aiohttp' not in sys.modules\n"
        "asyncio.run(connect(Target('c', 'n', Server('https://k'), User(token='t'))))\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('kubernetes', 'textual', 'pydantic')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
