"""The short path to an API server: aiohttp alone, wherever we resolve the credentials ourselves.

It exists for start-up: importing the official client costs a second on a busy machine. ``official.py`` is the
other path, and the tests hold both equal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from posdeck.cluster.credentials import Credential, Credentials
from posdeck.cluster.exchange import CONNECT_TIMEOUT, Exchange, let_sockets_close
from posdeck.cluster.kubeconfig import Server, Target
from posdeck.errors import ConfigurationError

_READ_BUFFER = 1 << 19
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
            ssl=context, limit=0, ttl_dns_cache=30, keepalive_timeout=60, socket_factory=_keepalive_socket
        )
        headers = {"User-Agent": "posdeck"}
        if not self._compress:
            headers["Accept-Encoding"] = "identity"
        if self._session is not None:  # watches still run on the old certificate; they end by themselves
            self._retired.append(self._session)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=_READ_BUFFER, headers=headers)
        self._context, self._identity = context, identity
        return self._session


def tls_context(server: Server, credential: Credential) -> ssl.SSLContext:
    """How the server's certificate is checked, and our own shown. Raises ConfigurationError."""
    try:
        cadata = server.ca.decode("ascii") if server.ca is not None else None
        context = ssl.create_default_context(cadata=cadata)
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        raise ConfigurationError(
            server.url,
            f"the certificate authority is not a PEM certificate ({error})",
            "Check the kubeconfig.",
        ) from None
    # Python 3.13 asks for extensions that many clusters' own authorities lack; kubectl does not.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if server.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if credential.certificate is not None and credential.key is not None:
        try:
            with _readable(credential.certificate + b"\n" + credential.key) as path:
                context.load_cert_chain(path)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                server.url,
                f"the client certificate and key do not fit together ({error})",
                "Check the kubeconfig.",
            ) from None
    return context


@contextlib.contextmanager
def _readable(content: bytes) -> Iterator[str]:
    """A path where OpenSSL can read ``content``: a key touches a disk only where there is no memfd."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("posdeck", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="posdeck-") as file:  # 0600, gone in a moment
        file.write(content)
        file.flush()
        yield file.name


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def proxy_for(server: Server) -> str:
    """The proxy for a server: the kubeconfig's, else the environment's, "" for none; never for loopback."""
    if server.proxy_url:
        return server.proxy_url
    if is_loopback(server.url):
        return ""
    from urllib import request as environment

    parts = urlsplit(server.url)
    bypassed = environment.proxy_bypass_environment(parts.netloc)  # type: ignore[attr-defined]
    if bypassed:
        return ""
    return environment.getproxies_environment().get(parts.scheme, "")


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
