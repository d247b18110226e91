"""One HTTP request to a pod's port through the API server: does it answer, with what, and how fast."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from posdeck.clock import Clock
from posdeck.cluster.portforward import ForwardStream, PortForward
from posdeck.errors import UnreachableError

_LONGEST_HEAD = 1 << 16
_QUIET = 0.5


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """An answer: status, seconds from the request to the status line, and the first part of the body, without the
    marks of chunks. ``whole`` is whether the body is known to be complete."""

    status: int
    reason: str
    seconds: float
    body: bytes
    connect_seconds: float
    whole: bool = False


async def http_probe(
    forward: PortForward,
    path: str,
    clock: Clock,
    *,
    limit: float = 5.0,
    host: str = "",
    body_limit: int = 4096,
) -> ProbeResult:
    """GET ``path`` once within ``limit`` seconds. Raises the ClusterError tree; UnreachableError
    means that no HTTP answer came."""
    if not path.startswith("/") or any(c <= " " or c == "\x7f" for c in path + host):
        raise ValueError("a path begins with / and holds no spaces or control characters")
    probing = asyncio.ensure_future(_exchange(forward, path, host or "localhost", clock, body_limit))
    alarm = asyncio.ensure_future(clock.sleep(limit))
    try:
        await asyncio.wait({probing, alarm}, return_when=asyncio.FIRST_COMPLETED)
        if not probing.done():
            raise _silent(forward, f"no answer within {limit:g} s")
        return probing.result()
    finally:
        alarm.cancel()
        probing.cancel()
        await asyncio.gather(probing, alarm, return_exceptions=True)


async def _exchange(forward: PortForward, path: str, host: str, clock: Clock, body_limit: int) -> ProbeResult:
    began = clock.monotonic()
    async with forward.open_stream() as stream:
        connected = clock.monotonic()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: posdeck\r\n"
            "Accept: */*\r\nConnection: close\r\n\r\n"
        )
        await stream.write(request.encode("utf-8"))
        status, reason, headers, answered = await _head(forward, stream, clock)
        body, whole = b"", True
        if status not in (204, 304):
            body, whole = await _body(stream, headers, clock, body_limit)
    return ProbeResult(status, reason, answered - connected, body, connected - began, whole)


async def _head(
    forward: PortForward, stream: ForwardStream, clock: Clock
) -> tuple[int, str, dict[str, str], float]:
    headers: dict[str, str] = {}
    try:
        line = await stream.reader.readuntil(b"\r\n")
        answered = clock.monotonic()
        size = 0
        while (header := await stream.reader.readuntil(b"\r\n")) != b"\r\n":
            size += len(header)
            if size > _LONGEST_HEAD:
                raise _silent(forward, "its headers have no end")
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
    except asyncio.IncompleteReadError:
        raise _silent(forward, "it closed the connection without an HTTP answer") from None
    except asyncio.LimitOverrunError:
        raise _silent(forward, "its answer is not HTTP") from None
    parts = line.decode("latin-1").strip().split(" ", 2)
    if len(parts) < 2 or not parts[0].startswith("HTTP/") or not parts[1].isdigit():
        raise _silent(forward, "its answer is not HTTP")
    return int(parts[1]), parts[2] if len(parts) > 2 else "", headers, answered


async def _body(
    stream: ForwardStream, headers: dict[str, str], clock: Clock, limit: int
) -> tuple[bytes, bool]:
    """The first ``limit`` bytes, and whether they are all. A forward need not tell that the pod has closed its
    side, so a body without a length ends when nothing comes for a moment."""
    length = headers.get("content-length", "")
    known = length.isascii() and length.isdigit()
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    wanted = min(limit, int(length)) if known and not chunked else limit
    found, ended = b"", False
    while len(found) < wanted and not (chunked and found.endswith(b"0\r\n\r\n")):
        reading = asyncio.ensure_future(stream.reader.read(wanted - len(found)))
        quiet = asyncio.ensure_future(clock.sleep(_QUIET))
        try:
            await asyncio.wait({reading, quiet}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                break
            if not (piece := reading.result()):
                ended = not known
                break
        finally:
            quiet.cancel()
            reading.cancel()
            await asyncio.gather(reading, quiet, return_exceptions=True)
        found += piece
    if chunked:
        return _unchunked(found)
    return found, ended or (known and len(found) == int(length))


def _unchunked(sent: bytes) -> tuple[bytes, bool]:
    """The content of chunks, and whether the last one has come."""
    found, rest = b"", sent
    while True:
        head, mark, rest = rest.partition(b"\r\n")
        try:
            size = int(head.partition(b";")[0], 16)
        except ValueError:
            return found, False
        if not mark or size == 0:
            return found, bool(mark)
        found += rest[:size]
        if len(rest) < size + 2:
            return found, False
        rest = rest[size + 2 :]


def _silent(forward: PortForward, cause: str) -> UnreachableError:
    return UnreachableError(
        f"{forward.pod}:{forward.port}", cause, "Check that the application listens there."
    )
