"""The short path to an API server: aiohttp alone, wherever we resolve the credentials ourselves.

It exists for start-up: importing the official client costs a second on a busy machine. ``official.py`` is the
other path, and the tests hold both equal.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from posdeck.cluster.credentials import Credential, Credentials
from posdeck.cluster.exchange import CONNECT_TIMEOUT, Exchange, let_sockets_close
from posdeck.cluster.kubeconfig import Target
from posdeck.cluster.tls import is_loopback, proxy_for, tls_context

_READ_BUFFER = 1 << 19
_IDLE = 20.0  # seconds; after an outage those of every retired session would stay open for as long
_RETIRED = 12  # sessions kept for what still runs on them
_NO_LIMIT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)


class DirectTransport(Exchange):
    """A transport of our own. Made and used on one event loop."""

    def __init__(self, target: Target, credentials: Credentials) -> None:
        super().__init__(target.server.url, credentials)
        self._target = target.server
        self._session: aiohttp.ClientSession | None = None
        self._context: ssl.SSLContext | None = None
        self._identity: tuple[bytes | None, bytes | None] = (None, None)
        self._retired: list[aiohttp.ClientSession] = []
        self._closing: set[asyncio.Future[None]] = set()
        self._proxy = proxy_for(target.server)
        self._compress = not target.server.disable_compression and not is_loopback(target.server.url)

    async def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, credential: Credential
    ) -> aiohttp.ClientResponse:
        sent = CIMultiDict(headers)
        sent.extend(credential.headers)
        return await self._session_for(credential).request(
            method, URL(url, encoded=True), headers=sent, data=body, timeout=_NO_LIMIT, allow_redirects=False,
            **self._options(),
        )  # fmt: skip

    async def _open_websocket(
        self, url: str, protocols: Sequence[str], credential: Credential
    ) -> aiohttp.ClientWebSocketResponse:
        socket: aiohttp.ClientWebSocketResponse = await self._session_for(credential).ws_connect(
            URL(url, encoded=True), headers=CIMultiDict(credential.headers), protocols=protocols,
            max_msg_size=0, heartbeat=20.0, **self._options(),
        )  # fmt: skip
        return socket

    async def _tls(self) -> tuple[ssl.SSLContext, str]:
        self._session_for(await self._credentials.current())
        assert self._context is not None  # _session_for has set it
        return self._context, self._target.tls_server_name

    def doubt(self) -> None:
        """The next request opens a connection of its own; the old ones are closed with the transport."""
        if self._session is not None:
            self._retired.append(self._session)
            self._session = None
            self._identity = (None, None)
            while len(self._retired) > _RETIRED:  # nothing of use runs on one that was doubted so often since
                old = self._retired.pop(0)
                closing = asyncio.ensure_future(old.close())
                self._closing.add(closing)
                closing.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._closing, return_exceptions=True)
        sessions = [*self._retired, *([self._session] if self._session else [])]
        self._retired, self._session = [], None
        for session in sessions:
            await session.close()
        await let_sockets_close()

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {}
        if self._proxy:
            options["proxy"] = self._proxy
        if self._target.tls_server_name:
            options["server_hostname"] = self._target.tls_server_name
        return options

    def _session_for(self, credential: Credential) -> aiohttp.ClientSession:
        identity = (credential.certificate, credential.key)
        if self._session is not None and identity == self._identity:
            return self._session
        context = tls_context(self._target, credential)
        connector = aiohttp.TCPConnector(
            ssl=context, limit=0, ttl_dns_cache=30, keepalive_timeout=_IDLE, socket_factory=_keepalive_socket
        )
        headers = {"User-Agent": "posdeck"}
        if not self._compress:
            headers["Accept-Encoding"] = "identity"
        if self._session is not None:  # watches still run on the old certificate; they end by themselves
            self._retired.append(self._session)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=_READ_BUFFER, headers=headers)
        self._context, self._identity = context, identity
        return self._session


def _keepalive_socket(info: tuple[Any, ...]) -> socket.socket:
    """A socket whose dead peer the kernel notices within 20 s, though nobody sends a FIN (sleep, VPN)."""
    made = socket.socket(info[0], info[1], info[2])
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = getattr(socket, "TCP_KEEPIDLE", getattr(socket, "TCP_KEEPALIVE", None))
    for option, value in (
        (idle, 10),
        (getattr(socket, "TCP_KEEPINTVL", None), 5),
        (getattr(socket, "TCP_KEEPCNT", None), 2),
    ):
        if option is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
