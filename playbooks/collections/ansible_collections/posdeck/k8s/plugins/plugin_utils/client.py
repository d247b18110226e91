"""The API server over the standard library's HTTP: a task needs two or three requests, and importing a full
client costs more than all of them together."""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from .credentials import forget, with_credentials
from .errors import KubeError, UsageError, answer_error
from .kubeconfig import Access

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
_READ_ATTEMPTS = 3


class Client:
    """Requests of one task. ``timeout`` is in seconds, for connecting and for each read."""

    def __init__(
        self,
        access: Access,
        *,
        timeout: float = 15.0,
        cache: Path | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._plain = access
        self._cache = cache
        self._timeout = timeout
        self._sleep = sleep
        self._access = with_credentials(access, cache)
        self._connection: http.client.HTTPConnection | None = None

    @property
    def server(self) -> str:
        """The API server's URL."""
        return self._plain.server

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET an object; raises KubeError. Safe reads are tried again where that can help."""
        return self._object("GET", path, query=query)

    def text(self, path: str, query: Mapping[str, Any] | None = None) -> str:
        """GET a text, such as a log."""
        status, body = self._with_retries("GET", path, query, None, JSON)
        if status >= 400:
            raise answer_error(f"GET {path}", status, body)
        return body.decode("utf-8", "replace")

    def items(self, path: str, query: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Every object of a list, page by page."""
        wanted = {"limit": 500, **(query or {})}
        found: list[dict[str, Any]] = []
        while True:
            page = self.get(path, wanted)
            kind = str(page.get("kind", "")).removesuffix("List")
            defaults = {"apiVersion": page.get("apiVersion"), "kind": kind}
            found += [{**defaults, **item} for item in page.get("items") or ()]
            wanted["continue"] = (page.get("metadata") or {}).get("continue")
            if not wanted["continue"]:
                return found

    def write(
        self,
        method: str,
        path: str,
        body: Any,
        content_type: str = JSON,
        query: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Send one write, once. Raises KubeError, with ``unknown`` set when it may have been carried out."""
        return self._object(method, path, query=query, body=body, content_type=content_type)

    def exchange(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request as it is: status and body; status 0 with the reason when no answer came."""
        try:
            return self._with_retries(method, path, None, body, JSON)
        except KubeError as error:
            return 0, str(error).encode()

    def upgrade(
        self, path: str, headers: list[tuple[str, str]]
    ) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        """Ask for another protocol on a connection of its own; the caller closes it. Raises KubeError."""
        connection = _open(self._access, self._timeout)
        try:
            connection.putrequest("GET", urlsplit(self._access.server).path + path, skip_accept_encoding=True)
            for name, value in [*self._headers(None, JSON), *headers]:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            if answer.status == 101:
                return connection, answer
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._no_answer(f"GET {path}", error, False) from error
        connection.close()
        raise answer_error(f"GET {path}", answer.status, body)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _object(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None,
        body: Any = None,
        content_type: str = JSON,
    ) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body).encode()
        status, answer = self._with_retries(method, path, query, sent, content_type)
        what = f"{method} {path}"
        if status >= 400:
            raise answer_error(what, status, answer)
        try:
            parsed = json.loads(answer)
        except ValueError as error:
            raise KubeError(
                what, "the answer is not JSON; is this a Kubernetes API server?", status=status
            ) from error
        if not isinstance(parsed, dict):
            raise KubeError(what, "the answer is not an object", status=status)
        return parsed

    def _with_retries(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: bytes | None, content_type: str
    ) -> tuple[int, bytes]:
        """One request; a read is repeated when it failed on the way, anything when it was surely not
        performed (429, or a 401 for a credential that an exec plugin can renew)."""
        attempt = 0
        while True:
            attempt += 1
            try:
                status, answer, wait = self._once(method, path, query, body, content_type)
            except KubeError as error:
                if method != "GET" or attempt >= _READ_ATTEMPTS or isinstance(error, UsageError):
                    raise
                self._sleep(0.1 * attempt)
                continue
            if status == 401 and attempt == 1 and forget(self._plain, self._cache):
                self.close()
                self._access = with_credentials(self._plain, self._cache)
                continue
            if (status == 429 or (status >= 502 and method == "GET")) and attempt < _READ_ATTEMPTS:
                self._sleep(min(wait, 5.0))
                continue
            return status, answer

    def _once(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: bytes | None, content_type: str
    ) -> tuple[int, bytes, float]:
        url = urlsplit(self._access.server).path + path
        pairs = {key: value for key, value in (query or {}).items() if value is not None}
        if pairs:
            url += ("&" if "?" in url else "?") + urlencode(pairs)
        connection, sent = self._connect(), False
        try:
            if connection.sock is None:
                connection.connect()
            connection.putrequest(method, url, skip_accept_encoding=True)
            for name, value in self._headers(body, content_type):
                connection.putheader(name, value)
            sent = True
            connection.endheaders(body)
            answer = connection.getresponse()
            content = answer.read()
            if answer.will_close:
                self.close()
            return answer.status, content, _seconds(answer.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            self.close()
            unknown = method != "GET" and sent
            raise self._no_answer(f"{method} {path}", error, unknown) from error

    def _no_answer(self, what: str, error: Exception, unknown: bool) -> KubeError:
        server = self._access.server
        if isinstance(error, TimeoutError):
            cause = f"{server} did not answer within {self._timeout:g} s"
        elif isinstance(error, ssl.SSLCertVerificationError):
            cause = f"the certificate of {server} is not trusted ({error.verify_message}); check the CA"
        else:
            cause = f"{server} cannot be reached ({error or type(error).__name__})"
        if unknown:
            cause += "; whether the change was made is not known"
        return KubeError(what, cause, unknown=unknown)

    def _headers(self, body: bytes | None, content_type: str) -> list[tuple[str, str]]:
        access = self._access
        headers = [("Accept", JSON), ("User-Agent", "posdeck-ansible"), *access.impersonate]
        if access.token:
            headers.append(("Authorization", f"Bearer {access.token}"))
        elif access.username:
            pair = base64.b64encode(f"{access.username}:{access.password}".encode()).decode()
            headers.append(("Authorization", f"Basic {pair}"))
        if body is not None:
            headers += [("Content-Type", content_type), ("Content-Length", str(len(body)))]
        return headers

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            self._connection = _open(self._access, self._timeout)
        return self._connection


class _NamedHTTPSConnection(http.client.HTTPSConnection):
    """HTTPS to one host with the certificate of another name (``tls-server-name``)."""

    def __init__(self, host: str, port: int, *, context: ssl.SSLContext, timeout: float, name: str) -> None:
        super().__init__(host, port, context=context, timeout=timeout)
        self._own_context = context
        self._name = name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        host = self._name or getattr(self, "_tunnel_host", None) or self.host
        self.sock = self._own_context.wrap_socket(self.sock, server_hostname=host)


def _open(access: Access, timeout: float) -> http.client.HTTPConnection:
    url = urlsplit(access.server)
    host, port = url.hostname, url.port or (443 if url.scheme == "https" else 80)
    if url.scheme not in ("http", "https") or not host:
        raise UsageError(access.source, f"its server {access.server!r} is not an http or https address")
    proxy = urlsplit(access.proxy) if access.proxy else None
    if proxy is not None and (proxy.scheme != "http" or not proxy.hostname):
        raise UsageError(access.source, f"proxy-url {access.proxy!r}: only http proxies are supported here")
    if url.scheme == "http":
        if proxy is not None:
            raise UsageError(access.source, "a proxy for a server without TLS is not supported here")
        return http.client.HTTPConnection(host, port, timeout=timeout)
    first = (proxy.hostname, proxy.port or 80) if proxy else (host, port)
    connection = _NamedHTTPSConnection(
        str(first[0]), first[1], context=_tls(access), timeout=timeout, name=access.server_name
    )
    if proxy is not None:
        connection.set_tunnel(host, port)
    return connection


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if not access.verify:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    elif access.ca:
        context.load_verify_locations(cadata=access.ca)
    else:
        context.load_default_certs()
    if access.certificate:
        # The standard library takes a client certificate only from a file: private, and gone at once.
        with tempfile.NamedTemporaryFile("w", suffix=".pem", delete=False) as file:
            try:
                file.write(f"{access.certificate}\n{access.key}")
                file.flush()
                context.load_cert_chain(file.name)
            except ssl.SSLError as error:
                raise UsageError(
                    access.source, f"its client certificate cannot be used ({error.reason})"
                ) from error
            finally:
                os.unlink(file.name)
    return context


def _seconds(header: str | None) -> float:
    try:
        return float(header or 1.0)
    except ValueError:
        return 1.0
