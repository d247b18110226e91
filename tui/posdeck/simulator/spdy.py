"""SPDY/3.1 framing, as much of it as kubectl's port-forward speaks through a WebSocket.

A forwarded connection is a pair of streams, ``error`` and ``data``, which carry the port and a request id in their
headers. From the SPDY/3.1 draft; the header dictionary is the one that it prescribes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from posdeck.simulator.workload_http import Connection

TUNNEL = "SPDY/3.1+portforward.k8s.io"

_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 1, 2, 3, 4, 6, 7, 9
_FIN = 0x01
_CHUNK = 16 << 10


def _dictionary() -> bytes:
    words = (
        "options", "head", "post", "put", "delete", "trace", "accept", "accept-charset", "accept-encoding",
        "accept-language", "accept-ranges", "age", "allow", "authorization", "cache-control", "connection",
        "content-base", "content-encoding", "content-language", "content-length", "content-location", "content-md5",
        "content-range", "content-type", "date", "etag", "expect", "expires", "from", "host", "if-match",
        "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "last-modified", "location",
        "max-forwards", "pragma", "proxy-authenticate", "proxy-authorization", "range", "referer", "retry-after",
        "server", "te", "trailer", "transfer-encoding", "upgrade", "user-agent", "vary", "via", "warning",
        "www-authenticate", "method", "get", "status", "200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie",
        "keep-alive", "origin",
    )  # fmt: skip
    tail = (
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service UnavailableJan Feb Mar "
        "Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,"
        "image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,publicprivate"
        "max-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
    )
    return b"".join(struct.pack(">I", len(w)) + w.encode() for w in words) + tail.encode()


@dataclass(slots=True)
class Stream:
    """One stream of the client's."""

    headers: dict[str, str]
    connection: Connection | None = None
    refused: bool = False


class Tunnel:
    """The server's end. ``opened(port)`` gives the connection to a port of the pod, or None where nothing listens."""

    def __init__(self, opened: Callable[[int], Connection | None]) -> None:
        self._opened = opened
        self._inflate = zlib.decompressobj(zdict=_dictionary())
        self._deflate = zlib.compressobj(zdict=_dictionary())
        self._buffer = b""
        self._streams: dict[int, Stream] = {}

    def feed(self, data: bytes) -> bytes:
        """The frames that answer to what came in."""
        self._buffer += data
        out = b""
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[5:8], "big")
            if len(self._buffer) < 8 + length:
                break
            head, body = self._buffer[:8], self._buffer[8 : 8 + length]
            self._buffer = self._buffer[8 + length :]
            out += self._control(head, body) if head[0] & 0x80 else self._data(head, body)
        return out

    def _control(self, head: bytes, body: bytes) -> bytes:
        kind = int.from_bytes(head[2:4], "big")
        if kind == _SYN_STREAM:
            return self._syn(body)
        if kind == _PING:
            return head + body
        if kind == _RST_STREAM:
            self._streams.pop(int.from_bytes(body[:4], "big") & 0x7FFFFFFF, None)
        return b""  # settings, windows and goodbyes need no answer

    def _syn(self, body: bytes) -> bytes:
        number = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
        stream = self._streams[number] = Stream(self._headers(body[10:]))
        out = _frame(_SYN_REPLY, struct.pack(">I", number) + self._packed({}))
        if stream.headers.get("streamtype") == "data":
            port = stream.headers.get("port", "")
            stream.connection = self._opened(int(port)) if port.isdigit() else None
            if stream.connection is None:
                stream.refused = True
                out += self._complain(stream, port) + _data_frame(number, b"", fin=True)
        return out

    def _complain(self, data: Stream, port: str) -> bytes:
        """The refusal, on the error stream of the same request."""
        for number, stream in self._streams.items():
            same = stream.headers.get("requestid") == data.headers.get("requestid")
            if same and stream.headers.get("streamtype") == "error":
                return _data_frame(
                    number, f"connection refused: nothing listens on port {port}".encode(), fin=True
                )
        return b""

    def _data(self, head: bytes, body: bytes) -> bytes:
        number = int.from_bytes(head[:4], "big") & 0x7FFFFFFF
        stream = self._streams.get(number)
        out = b""
        if stream is None:
            return out
        if body:
            out += _frame(_WINDOW_UPDATE, struct.pack(">II", number, len(body)))
        if stream.connection is not None and body:
            reply = stream.connection.feed(body)
            for start in range(0, len(reply), _CHUNK):
                out += _data_frame(number, reply[start : start + _CHUNK])
            if stream.connection.done:
                out += _data_frame(number, b"", fin=True) + self._close_errors(stream)
        return out

    def _close_errors(self, data: Stream) -> bytes:
        """A connection that ended well closes its error stream empty."""
        out = b""
        for number, stream in self._streams.items():
            same = stream.headers.get("requestid") == data.headers.get("requestid")
            if same and stream.headers.get("streamtype") == "error":
                out += _data_frame(number, b"", fin=True)
        return out

    def _headers(self, packed: bytes) -> dict[str, str]:
        raw = self._inflate.decompress(packed)
        count, at = int.from_bytes(raw[:4], "big"), 4
        found: dict[str, str] = {}
        for _ in range(count):
            texts = []
            for _ in range(2):
                size = int.from_bytes(raw[at : at + 4], "big")
                texts.append(raw[at + 4 : at + 4 + size].decode())
                at += 4 + size
            found[texts[0].lower()] = texts[1]
        return found

    def _packed(self, headers: dict[str, str]) -> bytes:
        raw = struct.pack(">I", len(headers))
        for name, value in headers.items():
            raw += (
                struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(value)) + value.encode()
            )
        return self._deflate.compress(raw) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _frame(kind: int, body: bytes, flags: int = 0) -> bytes:
    return struct.pack(">HHI", 0x8003, kind, (flags << 24) | len(body)) + body


def _data_frame(stream: int, body: bytes, *, fin: bool = False) -> bytes:
    return struct.pack(">II", stream, ((_FIN if fin else 0) << 24) | len(body)) + body
