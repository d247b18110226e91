"""One connection to a port of a pod, through the API server and over the standard library: a WebSocket that
carries the channels of ``v4.channel.k8s.io`` (0 data, 1 errors, each opening with the port as two bytes)."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import struct
from typing import Any
from urllib.parse import urlencode

from .client import Client
from .errors import KubeError
from .objects import object_path

_PROTOCOL = "v4.channel.k8s.io"
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_CONTINUED, _BINARY, _CLOSE, _PING, _PONG = 0x0, 0x2, 0x8, 0x9, 0xA
_LARGEST = 16 << 20  # bytes of one message; the kubelet sends far less


class ForwardedPort(io.RawIOBase):
    """Bytes to and from a pod's port. Reading raises KubeError with what the pod's side says."""

    def __init__(self, client: Client, namespace: str, pod: str, port: int) -> None:
        super().__init__()
        self._what = f"{pod}:{port}"
        key = base64.b64encode(os.urandom(16)).decode()
        path = f"{object_path('Pod', namespace, pod)}/portforward?{urlencode({'ports': port})}"
        self._connection, answer = client.upgrade(path, _upgrade_headers(key))
        expected = base64.b64encode(hashlib.sha1(key.encode() + _MAGIC, usedforsecurity=False).digest())
        spoken = (answer.getheader("Sec-WebSocket-Accept"), answer.getheader("Sec-WebSocket-Protocol"))
        if spoken != (expected.decode(), _PROTOCOL):
            self._connection.close()
            raise KubeError(self._what, "the API server does not offer port-forwarding over a WebSocket")
        self._answer = answer  # kept: one that is collected closes its stream
        self._stream: Any = answer.fp  # frames may lie in its buffer already
        self._opening = {0, 1}
        self._ready = b""
        self._over = False

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill ``buffer`` with what has come; 0 at the end."""
        while not self._ready and not self._over:
            self._take()
        piece = self._ready[: len(buffer)]
        buffer[: len(piece)] = piece
        self._ready = self._ready[len(piece) :]
        return len(piece)

    def send(self, content: bytes) -> None:
        """Send bytes to the port."""
        self._send_frame(_BINARY, b"\0" + content)

    def close(self) -> None:
        """Close the connection."""
        if not self.closed:
            self._connection.close()  # and with it the answer and its stream
        super().close()

    def _take(self) -> None:
        opcode, payload = self._message()
        if opcode == _CLOSE:
            self._over = True
        elif opcode == _PING:
            self._send_frame(_PONG, payload)
        elif opcode == _BINARY and payload:
            channel, content = payload[0], payload[1:]
            if channel in self._opening:
                self._opening.discard(channel)
                content = content[2:]
            if channel == 1 and content:
                raise KubeError(self._what, content.decode("utf-8", "replace").strip())
            if channel == 0:
                self._ready += content

    def _message(self) -> tuple[int, bytes]:
        """One whole message; control frames are never split, and come between the parts of others."""
        first, parts = _BINARY, b""
        while True:
            final, opcode, payload = self._frame()
            if opcode >= _CLOSE:
                if parts and opcode == _PING:
                    self._send_frame(_PONG, payload)
                    continue
                return opcode, payload
            first = opcode if opcode != _CONTINUED else first
            parts += payload
            if len(parts) > _LARGEST:
                raise KubeError(self._what, "the API server sends a message that is too large")
            if final:
                return first, parts

    def _frame(self) -> tuple[bool, int, bytes]:
        head = self._stream.read(2)
        if len(head) < 2:
            return True, _CLOSE, b""
        length = head[1] & 0x7F
        if length >= 126:
            form, size = (">H", 2) if length == 126 else (">Q", 8)
            (length,) = struct.unpack(form, self._exactly(size))
        if length > _LARGEST:
            raise KubeError(self._what, "the API server sends a message that is too large")
        return bool(head[0] & 0x80), head[0] & 0x0F, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        found: bytes = self._stream.read(count)
        if len(found) < count:
            raise KubeError(self._what, "the connection was cut")
        return found

    def _send_frame(self, opcode: int, payload: bytes) -> None:
        mask = os.urandom(4)
        length = len(payload)
        size = bytes([0x80 | length]) if length < 126 else bytes([0x80 | 126]) + struct.pack(">H", length)
        masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
        self._connection.sock.sendall(bytes([0x80 | opcode]) + size + mask + masked)


def get_through(
    client: Client, namespace: str, pod: str, port: int, path: str, limit: int
) -> tuple[int, bytes]:
    """GET ``path`` from a pod's port: status and at most ``limit`` bytes. Raises KubeError, TimeoutError, OSError
    or an HTTPException."""
    with ForwardedPort(client, namespace, pod, port) as forwarded:
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: posdeck\r\nConnection: close\r\n\r\n"
        forwarded.send(head.encode("ascii"))
        answer = http.client.HTTPResponse(_AsSocket(forwarded))  # type: ignore[arg-type]
        answer.begin()
        return answer.status, answer.read(limit)


class _AsSocket:
    """What HTTPResponse wants of a socket."""

    def __init__(self, forwarded: ForwardedPort) -> None:
        self._forwarded = forwarded

    def makefile(self, mode: str) -> io.BufferedReader:
        """The reading side."""
        return io.BufferedReader(self._forwarded)


def _upgrade_headers(key: str) -> list[tuple[str, str]]:
    return [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Protocol", _PROTOCOL),
    ]
