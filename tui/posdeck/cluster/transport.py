"""The seam between posdeck and an API server: one request, one stream, one web socket, one tree of errors.

Nothing above this module knows which HTTP client is at work; tests put a recorded one in its place.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    ResourceVersionExpiredError,
    ThrottledError,
)

Params = Sequence[tuple[str, str]]
JSON = "application/json"
REQUEST_TIMEOUT = 30.0
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer with a status below 400. Header names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)


class WebSocket(Protocol):
    """An open web socket carrying binary messages."""

    @property
    def protocol(self) -> str:
        """The subprotocol that the server chose, "" for none."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one binary message. Raises UnreachableError."""
        ...

    async def receive(self) -> bytes | None:
        """The next message; None when the other side has closed. Raises UnreachableError."""
        ...

    async def close(self) -> None:
        """Close; harmless when closed already."""
        ...


class Transport(Protocol):
    """A connection to one API server as one identity. Paths begin with "/" and carry no query."""

    @property
    def server(self) -> str:
        """The server's address."""
        ...

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
        """One request and its whole answer; ``timeout`` in seconds. Raises the ClusterError tree."""
        ...

    def stream(
        self,
        method: str,
        path: str,
        *,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A body as it arrives, in chunks of any size; ``timeout`` bounds the wait for the headers only.

        Entering and iterating raise the ClusterError tree.
        """
        ...

    def websocket(
        self, path: str, *, params: Params = (), protocols: Sequence[str] = ()
    ) -> AbstractAsyncContextManager[WebSocket]:
        """A web socket. Entering raises the ClusterError tree."""
        ...

    async def peer_certificate(self) -> bytes | None:
        """The server's certificate (DER); None without TLS."""
        ...

    def doubt(self) -> None:
        """Connections that are open may be dead without a word: use new ones for what comes. What runs goes on."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a stream, without their ends; a last piece without one is no line and is dropped."""
    held: list[bytes] = []
    async for chunk in chunks:
        if b"\n" not in chunk:
            held.append(chunk)
            continue
        first, *rest = chunk.split(b"\n")
        yield b"".join([*held, first])
        for line in rest[:-1]:
            yield line
        held = [rest[-1]] if rest[-1] else []


_PATH = re.compile(
    r"/(?:api/(?P<core>[^/]+)|apis/(?P<group>[^/]+)/(?P<version>[^/]+))"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[^/]))?/(?P<resource>[^/]+)(?:/(?P<name>[^/]+))?(?:/(?P<sub>.+))?"
)


def verb_and_object(method: str, path: str, params: Params = ()) -> tuple[str, str]:
    """What a request does, in RBAC's verb, and to what: ``("patch", "deployments.apps x in y")``."""
    match = _PATH.fullmatch(path)
    if match is None:
        return method.lower(), path
    named = match["name"]
    watching = any(key == "watch" and value not in ("", "0", "false") for key, value in params)
    read = "watch" if watching else ("get" if named else "list")
    verb = {"GET": read, "POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}.get(
        method, method
    )
    what = match["resource"] + (f".{match['group']}" if match["group"] else "")
    what += f"/{match['sub']}" if match["sub"] else ""
    what += f" {named}" if named else ""
    return verb, what + (f" in {match['namespace']}" if match["namespace"] else "")


def failure(
    status: int, body: bytes, headers: Mapping[str, str], *, method: str, path: str, params: Params = ()
) -> ClusterError:
    """The error that an answer of 400 or above stands for; the server's own message is its cause."""
    verb, what = verb_and_object(method, path, params)
    cause = _message(body) or f"the API server answered {status}"
    if status == 401:
        return AuthExpiredError(
            what,
            f"the API server does not accept our credentials ({cause})",
            "Log in again; see `posdeck doctor`.",
        )
    if status == 403:
        return ForbiddenError(what, f"cannot {verb}: {cause}", f"Ask for the verb {verb} on {what}.")
    if status == 404:
        return NotFoundError(what, cause, "Check the name and the namespace.")
    if status == 409:
        return ConflictError(what, cause, "Read it again and repeat.")
    if status == 410:
        return ResourceVersionExpiredError(what, cause)
    if status == 429:
        return ThrottledError(
            what, cause, "It is tried again by itself.", retry_after=retry_after(headers) or 1.0
        )
    if 400 <= status < 500:
        return InvalidError(what, cause, "")
    return ClusterError(
        what, f"the API server failed with {status} ({cause})", "Try again; see the server's log."
    )


def failure_of_status(document: Mapping[str, object], *, path: str, params: Params) -> ClusterError:
    """The error that a Status object inside a watch stands for."""
    import orjson

    code = document.get("code")
    return failure(
        code if isinstance(code, int) else 500,
        orjson.dumps(document),
        {},
        method="GET",
        path=path,
        params=params,
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header, at most a minute; None without one (dates count as none)."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, 60.0) if seconds >= 0 else None


def _message(body: bytes) -> str:
    import orjson

    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body[:300].decode("utf-8", "replace").strip()
        return " ".join(text.split()) if not text.startswith("<") else ""
    message = document.get("message") if isinstance(document, dict) else None
    return message.strip()[:2000] if isinstance(message, str) else ""
