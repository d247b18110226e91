"""Port-forwarding to pods over a WebSocket, in the channel protocol (``v4.channel.k8s.io``) and, for kubectl, as
SPDY streams tunnelled through the WebSocket (``SPDY/3.1+portforward.k8s.io``)."""

from __future__ import annotations

import struct
from typing import Any

from aiohttp import WSMsgType, web

from posdeck.simulator.jsontree import dig
from posdeck.simulator.request import Target
from posdeck.simulator.resources import PODS
from posdeck.simulator.spdy import TUNNEL, Tunnel
from posdeck.simulator.status import bad_request, not_found
from posdeck.simulator.store import Store
from posdeck.simulator.workload_http import Connection, Workloads

Json = dict[str, Any]

CHANNELS = "v4.channel.k8s.io"


class PortForwardEndpoint:
    """``…/pods/NAME/portforward``."""

    def __init__(self, store: Store, workloads: Workloads) -> None:
        self._store = store
        self._workloads = workloads

    async def __call__(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Forward until the client leaves."""
        pod = self._store.get(PODS.key, target.namespace, target.name)
        if pod is None:
            raise not_found("pods", "", target.name)
        if dig(pod, "status", "phase") != "Running":
            raise bad_request(
                f"unable to forward port because pod is not running. Current status="
                f"{dig(pod, 'status', 'phase')}"
            )
        if request.headers.get("Upgrade", "").lower() != "websocket":
            raise bad_request("port-forward is served over a WebSocket only: an upgrade request is required")
        socket = web.WebSocketResponse(protocols=(TUNNEL, CHANNELS), max_msg_size=0)
        await socket.prepare(request)
        if socket.ws_protocol == TUNNEL:
            await self._tunnel(socket, pod)
        else:
            await self._channels(
                socket, pod, [int(p) for p in request.query.getall("ports", []) if p.isdigit()]
            )
        return socket

    async def _tunnel(self, socket: web.WebSocketResponse, pod: Json) -> None:
        tunnel = Tunnel(lambda port: self._open(pod, port))
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                data = tunnel.feed(message.data)
                if data:
                    await socket.send_bytes(data)

    def _open(self, pod: Json, port: int) -> Connection | None:
        return Connection(self._workloads, pod, port) if self._workloads.listens(pod, port) else None

    async def _channels(self, socket: web.WebSocketResponse, pod: Json, ports: list[int]) -> None:
        """Channel 2n carries the data of the n-th port, 2n+1 its errors; each begins with the port's number."""
        for index, port in enumerate(ports):
            for channel in (2 * index, 2 * index + 1):
                await socket.send_bytes(bytes([channel]) + struct.pack("<H", port))
        open_now = [self._open(pod, port) for port in ports]
        async for message in socket:
            if message.type is not WSMsgType.BINARY or not message.data:
                continue
            index, odd = divmod(message.data[0], 2)
            if odd or index >= len(ports):
                continue
            connection = open_now[index]
            if connection is None:
                text = f"error forwarding port {ports[index]} to pod: connection refused"
                await socket.send_bytes(bytes([2 * index + 1]) + text.encode())
                continue
            if reply := connection.feed(message.data[1:]):
                await socket.send_bytes(bytes([2 * index]) + reply)
            if connection.done:
                await socket.close()
