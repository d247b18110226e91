"""Ports of a pod reached through the API server's web socket: for probes, metrics and a local listener.

One web socket serves one connection (``v4.channel.k8s.io``: channel 0 carries data, channel 1 errors, and
each opens with the port as two bytes, little end first), as the kubelet has spoken it since Kubernetes 1.6.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from posdeck.cluster.resources import PODS
from posdeck.cluster.transport import Transport, WebSocket
from posdeck.errors import ClusterError, PosdeckError, UnreachableError

_PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_CHUNK = 1 << 15


class ForwardStream:
    """One connection to the pod's port: ``reader`` as asyncio's, and ``write``."""

    def __init__(self, socket: WebSocket, forward: PortForward) -> None:
        self.reader = asyncio.StreamReader()
        self._socket = socket
        self._forward = forward

    async def write(self, content: bytes) -> None:
        """Send bytes. Raises UnreachableError."""
        for start in range(0, len(content), _CHUNK):
            piece = content[start : start + _CHUNK]
            await self._socket.send(bytes([_DATA]) + piece)
            self._forward.bytes_sent += len(piece)

    async def receive(self) -> None:
        """Feed ``reader`` until the other side has closed; its error ends the reader with one."""
        awaiting_port = {_DATA, _ERROR}
        try:
            while (message := await self._socket.receive()) is not None:
                if not message:
                    continue
                channel, content = message[0], message[1:]
                if channel in awaiting_port:
                    awaiting_port.discard(channel)
                    content = content[2:]
                if not content:
                    continue
                if channel == _DATA:
                    self._forward.bytes_received += len(content)
                    self.reader.feed_data(content)
                elif channel == _ERROR:
                    raise self._forward.refused(content.decode("utf-8", "replace").strip())
            self.reader.feed_eof()
        except PosdeckError as error:
            self._forward.last_error = str(error)
            self.reader.set_exception(error)


class PortForward:
    """Connections to one port of one pod. ``bytes_sent``, ``bytes_received``, ``connections`` and
    ``last_error`` tell how it goes."""

    def __init__(self, transport: Transport, namespace: str, pod: str, port: int) -> None:
        self.pod = pod
        self.port = port
        self.bytes_sent = 0
        self.bytes_received = 0
        self.connections = 0
        self.last_error = ""
        self._transport = transport
        self._path = PODS.path(namespace, pod, "portforward")
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    def refused(self, cause: str) -> ClusterError:
        """The error of a connection that the pod's side did not accept."""
        return UnreachableError(
            f"{self.pod}:{self.port}", cause, "Check that the container listens on this port."
        )

    @asynccontextmanager
    async def open_stream(self) -> AsyncIterator[ForwardStream]:
        """One connection, without a listener. Raises the ClusterError tree; reading may raise it too."""
        socket = self._transport.websocket(
            self._path, params=[("ports", str(self.port))], protocols=[_PROTOCOL]
        )
        async with socket as opened:
            if opened.protocol != _PROTOCOL:
                raise self.refused("the server does not speak port-forward over web sockets")
            stream = ForwardStream(opened, self)
            receiving = asyncio.ensure_future(stream.receive())
            self.connections += 1
            try:
                yield stream
            finally:
                self.connections -= 1
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)

    async def listen(self, port: int = 0) -> int:
        """Accept connections on 127.0.0.1; the port, a free one for 0. Raises UnreachableError."""
        try:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        except OSError as error:
            raise UnreachableError(
                f"127.0.0.1:{port}", f"cannot listen ({error.strerror})", "Choose another local port."
            ) from None
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            async with self.open_stream() as stream:
                up = asyncio.ensure_future(_copy_up(reader, stream))
                down = asyncio.ensure_future(_copy_down(stream, writer))
                try:
                    await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
                    if not down.done():
                        await asyncio.wait({down}, timeout=30)  # a half-closed client still reads its answer
                finally:
                    up.cancel()
                    down.cancel()
                    await asyncio.gather(up, down, return_exceptions=True)
        except PosdeckError as error:
            self.last_error = str(error)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _copy_up(reader: asyncio.StreamReader, stream: ForwardStream) -> None:
    with contextlib.suppress(ConnectionError, PosdeckError):
        while content := await reader.read(_CHUNK):
            await stream.write(content)


async def _copy_down(stream: ForwardStream, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError, PosdeckError):
        while content := await stream.reader.read(_CHUNK):
            writer.write(content)
            await writer.drain()
