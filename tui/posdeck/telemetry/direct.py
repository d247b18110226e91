"""Reaching a source over plain HTTP(S): token, basic authentication and client certificates, from files that are
read at each request, so that a renewed credential is taken up. Redirects are not followed: a credential is sent to
the host that the inventory names and to no other."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from posdeck.telemetry.source import LONGEST_ANSWER, Fetch, SourceError

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

TIMEOUT = 8.0  # seconds for one whole answer


@dataclass(frozen=True, slots=True)
class Access:
    """Where a source is and how we show who we are. Files may begin with ``~``; what is None is not used."""

    url: str
    token_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None  # what its certificate is checked against, where that is not the host


def direct(access: Access, name: str, *, timeout: float = TIMEOUT) -> Fetch:
    """A way to ask the source at ``access``; ``name`` is how errors call it."""

    async def fetch(path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        import aiohttp

        headers, context = await asyncio.to_thread(_credentials, access, name)
        limit = aiohttp.ClientTimeout(total=timeout)
        address = f"{access.url.rstrip('/')}{path}"
        try:
            async with (
                aiohttp.ClientSession(timeout=limit, headers=headers) as session,
                session.get(
                    _encoded(address),
                    params=list(parameters),
                    ssl=context if context is not None else True,
                    server_hostname=access.server_name,
                    allow_redirects=False,
                ) as response,
            ):
                body = await _limited(response.content, name)
                if response.status >= 300 and not _explains_itself(response.status, body):
                    raise SourceError(name, _refusal(response.status, body), _remedy(response.status))
                return body
        except TimeoutError as error:
            raise SourceError(name, f"no answer within {timeout:.0f} s", "Check its load.") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            cause = str(error) or type(error).__name__
            raise SourceError(name, f"does not answer ({cause})", "Check its address.") from error

    return fetch


def _encoded(address: str) -> URL:
    """The address as it stands: "%2F", the name of RabbitMQ's default virtual host, must stay so."""
    from yarl import URL

    return URL(address, encoded=True)


async def _limited(content: aiohttp.StreamReader, name: str) -> bytes:
    """A body that ends; one that does not is not read to its end."""
    parts, size = [], 0
    async for chunk in content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > LONGEST_ANSWER:
            cause = f"its answer is longer than {LONGEST_ANSWER:,} bytes"
            raise SourceError(name, cause, "Narrow the query.")
        parts.append(chunk)
    return b"".join(parts)


def _credentials(access: Access, name: str) -> tuple[Mapping[str, str], ssl.SSLContext | None]:
    headers = {"User-Agent": "posdeck"}
    try:
        if access.token_file:
            headers["Authorization"] = f"Bearer {_text(access.token_file)}"
        elif access.username is not None:
            password = _text(access.password_file) if access.password_file else ""
            pair = base64.b64encode(f"{access.username}:{password}".encode()).decode("ascii")
            headers["Authorization"] = f"Basic {pair}"
        if not access.url.startswith("https:"):
            return headers, None
        context = ssl.create_default_context(cafile=_path(access.ca_file) if access.ca_file else None)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # authorities of clusters often lack the extensions
        if access.certificate_file:
            key = _path(access.key_file) if access.key_file else None
            context.load_cert_chain(_path(access.certificate_file), key)
    except (OSError, ssl.SSLError, UnicodeDecodeError) as error:
        cause = f"its credentials cannot be read ({error})"
        raise SourceError(name, cause, "Check the files that the inventory names.") from error
    return headers, context


def _path(file: str) -> str:
    return str(Path(file).expanduser())


def _text(file: str) -> str:
    return Path(file).expanduser().read_text(encoding="utf-8").strip()


def _explains_itself(status: int, body: bytes) -> bool:
    """Prometheus tells what is wrong with a query in an answer of 400, 422 or 503 of its own form."""
    return status in (400, 422, 503) and body.lstrip().startswith(b'{"status"')


def _refusal(status: int, body: bytes) -> str:
    said = " ".join(body[:200].decode("utf-8", "replace").split())
    return f"it answers {status}" + (f" ({said})" if said and not said.startswith("<") else "")


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "Check the credentials that the inventory names."
    return "Check its address." if status < 500 else "Check the source itself."
