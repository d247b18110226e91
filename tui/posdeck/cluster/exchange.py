"""What both transports share: bodies read, failures told apart, a 401 answered by renewing once."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import aiohttp

from posdeck.cluster.credentials import Credential, Credentials
from posdeck.cluster.relogin import RereadCredentials
from posdeck.cluster.transport import (
    JSON,
    REQUEST_TIMEOUT,
    Params,
    Response,
    WebSocket,
    failure,
    verb_and_object,
)
from posdeck.errors import UnreachableError

CONNECT_TIMEOUT = 5.0
_ERROR_BODY = 1 << 20  # an error's body is read no further
_RETRY = "posdeck tries again by itself; check the VPN and the network."


class Exchange(ABC):
    """A transport over aiohttp; subclasses know how a session is made and a request signed."""

    def __init__(self, server: str, credentials: Credentials) -> None:
        self._server = server
        self._credentials = credentials

    @property
    def server(self) -> str:
        return self._server

    @abstractmethod
    async def _open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, credential: Credential
    ) -> aiohttp.ClientResponse:
        """Send a request and return at its answer's headers."""

    @abstractmethod
    async def _open_websocket(
        self, url: str, protocols: Sequence[str], credential: Credential
    ) -> aiohttp.ClientWebSocketResponse:
        """Open a web socket."""

    @abstractmethod
    async def _tls(self) -> tuple[ssl.SSLContext, str]:
        """The TLS context in use and the server name to expect ("" for the address's own)."""

    @abstractmethod
    @abstractmethod
    def doubt(self) -> None:
        """Use new connections for what comes."""

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

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
        try:
            async with asyncio.timeout(timeout):
                response = await self._answer(method, path, params, headers, body)
                async with response:
                    content = await response.read()
        except TimeoutError:
            raise self._silent(method, path, params, timeout) from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error, method, path, params) from error
        return Response(response.status, content, _lower(response.headers))

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
        try:
            async with asyncio.timeout(timeout):
                response = await self._answer(method, path, params, headers, None)
        except TimeoutError:
            raise self._silent(method, path, params, timeout) from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error, method, path, params) from error
        chunks = self._chunks(response, method, path, params)
        try:
            yield chunks
        finally:
            await chunks.aclose()
            response.close()

    async def _chunks(
        self, response: aiohttp.ClientResponse, method: str, path: str, params: Params
    ) -> Any:  # an async generator; typed Any so that aclose is known to the caller
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error, method, path, params) from error

    @asynccontextmanager
    async def websocket(
        self, path: str, *, params: Params = (), protocols: Sequence[str] = ()
    ) -> AsyncIterator[WebSocket]:
        url = self._url(path, params)
        credential = await self._credentials.current()
        try:
            try:
                socket = await self._upgrade(url, protocols, credential)
            except aiohttp.WSServerHandshakeError as error:
                renewed = await self._credentials.renew(credential) if error.status == 401 else None
                if renewed is None:
                    raise
                socket = await self._upgrade(url, protocols, renewed)
        except aiohttp.WSServerHandshakeError as error:
            raise failure(error.status, b"", {}, method="POST", path=path, params=params) from error
        except TimeoutError:
            raise self._silent("POST", path, params, CONNECT_TIMEOUT * 2) from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._unreachable(error, "POST", path, params) from error
        opened = _Socket(socket, self._server)
        try:
            yield opened
        finally:
            await opened.close()

    async def peer_certificate(self) -> bytes | None:
        parts = urlsplit(self._server)
        if parts.scheme != "https":
            return None
        context, name = await self._tls()
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                _, writer = await asyncio.open_connection(
                    parts.hostname, parts.port or 443, ssl=context, server_hostname=name or parts.hostname
                )
        except (OSError, TimeoutError) as error:
            raise self._unreachable(error, "GET", "the server's certificate", ()) from error
        try:
            found = writer.get_extra_info("ssl_object").getpeercert(True)
            return found if isinstance(found, bytes) else None
        finally:
            writer.transport.abort()

    async def _upgrade(
        self, url: str, protocols: Sequence[str], credential: Credential
    ) -> aiohttp.ClientWebSocketResponse:
        async with asyncio.timeout(CONNECT_TIMEOUT * 2):
            return await self._open_websocket(url, protocols, credential)

    async def _answer(
        self, method: str, path: str, params: Params, headers: Mapping[str, str] | None, body: bytes | None
    ) -> aiohttp.ClientResponse:
        """An answer below 400; a 401 is met by one renewal, since a refused request has changed nothing."""
        url = self._url(path, params)
        sent = {"Accept": JSON, **(headers or {})}
        if body is not None:
            sent.setdefault("Content-Type", JSON)
        credential = await self._credentials.current()
        response = await self._open(method, url, sent, body, credential)
        if response.status == 401:
            renewed = await self._credentials.renew(credential)
            if renewed is not None:
                response.close()
                response = await self._open(method, url, sent, body, renewed)
        if response.status < 400:
            return response
        async with response:
            content = await response.content.read(_ERROR_BODY)
        raise failure(
            response.status, content, _lower(response.headers), method=method, path=path, params=params
        )

    def _url(self, path: str, params: Params) -> str:
        return f"{self._server}{path}?{urlencode(params)}" if params else self._server + path

    def _silent(self, method: str, path: str, params: Params, timeout: float) -> UnreachableError:
        verb, what = verb_and_object(method, path, params)
        return UnreachableError(self._server, f"no answer within {timeout:g} s to {verb} {what}", _RETRY)

    def _unreachable(self, error: BaseException, method: str, path: str, params: Params) -> UnreachableError:
        verb, what = verb_and_object(method, path, params)
        cause, remedy = _explain(error)
        if isinstance(self._credentials, RereadCredentials) and self._credentials.suspicion:
            cause = f"{cause}; the {self._credentials.suspicion}"
        return UnreachableError(self._server, f"{cause} (at {verb} {what})", remedy)


class _Socket:
    """An aiohttp web socket as ``WebSocket``."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, server: str) -> None:
        self._socket = socket
        self._server = server

    @property
    def protocol(self) -> str:
        return self._socket.protocol or ""

    async def send(self, message: bytes) -> None:
        try:
            await self._socket.send_bytes(message)
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise UnreachableError(
                self._server, f"the web socket broke ({error})", "Open it again."
            ) from error

    async def receive(self) -> bytes | None:
        while True:
            message = await self._socket.receive()
            if message.type is aiohttp.WSMsgType.BINARY:
                return bytes(message.data)
            if message.type is aiohttp.WSMsgType.TEXT:
                return str(message.data).encode()
            if message.type is aiohttp.WSMsgType.ERROR:
                raise UnreachableError(
                    self._server, f"the web socket broke ({message.data})", "Open it again."
                )
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                return None

    async def close(self) -> None:
        await self._socket.close()


async def let_sockets_close() -> None:
    """Give the loop the turns in which connections broken off just now, TLS handshakes included, let go."""
    for _ in range(3):
        await asyncio.sleep(0)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _explain(error: BaseException) -> tuple[str, str]:
    """Cause and remedy of a failed connection, in words that tell DNS, TLS, refusal and a cut apart."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = getattr(error.certificate_error, "verify_message", "") or str(error.certificate_error)
        return (
            f"the server's certificate is not trusted: {reason}",
            "This may be another cluster. Check the kubeconfig's certificate authority before anything else.",
        )
    if isinstance(error, (aiohttp.ClientConnectorSSLError, ssl.SSLError)):
        return f"TLS failed: {_strerror(error)}", "Check the client certificate (expired?) and the address."
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the host name is unknown ({_strerror(error)})", _RETRY
    if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
        return f"the proxy cannot be used ({_strerror(error)})", "Check proxy-url and HTTPS_PROXY."
    if isinstance(error, ConnectionRefusedError) or (
        isinstance(error, aiohttp.ClientConnectorError) and isinstance(error.os_error, ConnectionRefusedError)
    ):
        return "the connection is refused", _RETRY
    if isinstance(error, TimeoutError):
        return "no connection in time", _RETRY
    if isinstance(error, aiohttp.ClientPayloadError):
        return "the answer broke off half way", _RETRY
    if isinstance(error, (aiohttp.ServerDisconnectedError, ConnectionResetError)):
        return "the server closed the connection", _RETRY
    return f"no connection ({_strerror(error)})", _RETRY


def _strerror(error: BaseException) -> str:
    inner = getattr(error, "os_error", None) or error
    return getattr(inner, "strerror", None) or str(inner) or type(inner).__name__
