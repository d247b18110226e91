"""Requests to the real control plane as administrator: to arrange what a test is about, and to look at it."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"


class ApiError(Exception):
    """The API server answered with an error; ``code`` and ``body`` are its own."""

    def __init__(self, method: str, path: str, code: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{method} {path}: {code} {body.get('message', body)}")
        self.code = code
        self.body = body


class Api:
    """One kept connection to the API server."""

    def __init__(self, port: int, authority: Path, token: str) -> None:
        self._port = port
        self._authority = authority
        self._token = token
        self._connection: http.client.HTTPSConnection | None = None

    def get(self, path: str) -> dict[str, Any]:
        return self.request("GET", path)

    def table(self, path: str) -> dict[str, Any]:
        """The server's Table of ``path``, with the whole object in each row."""
        return self.request("GET", f"{path}{'&' if '?' in path else '?'}includeObject=Object", accept=TABLE)

    def create(self, path: str, body: object) -> dict[str, Any]:
        return self.request("POST", path, body)

    def patch(self, path: str, body: object, content: str = MERGE_PATCH) -> dict[str, Any]:
        return self.request("PATCH", path, body, content=content)

    def delete(self, path: str, body: object = None) -> dict[str, Any]:
        return self.request("DELETE", path, body)

    def text(self, path: str) -> str:
        """An answer that is not JSON, such as a log."""
        return self._answer("GET", path, None, "*/*", "application/json").decode()

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except ApiError as error:
            if error.code == 404:
                return False
            raise
        return True

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        accept: str = "application/json",
        content: str = "application/json",
    ) -> dict[str, Any]:
        """One request; raises ApiError for an answer of 400 or more, OSError when there is none."""
        raw = self._answer(method, path, body, accept, content)
        return _parsed(raw)

    def _answer(self, method: str, path: str, body: object, accept: str, content: str) -> bytes:
        headers = {"Accept": accept, "Content-Type": content, "Authorization": f"Bearer {self._token}"}
        payload = None if body is None else json.dumps(body)
        kept = self._connection is not None
        try:
            status, raw = self._exchange(method, path, payload, headers)
        except (OSError, http.client.HTTPException):
            # The server may have restarted since the last request; a new connection that fails is an answer.
            if not kept:
                raise
            status, raw = self._exchange(method, path, payload, headers)
        if status >= 400:
            raise ApiError(method, path, status, _parsed(raw))
        return raw

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(
        self, method: str, path: str, payload: str | None, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if self._connection is None:
            context = ssl.create_default_context(cafile=str(self._authority))
            self._connection = http.client.HTTPSConnection(
                "127.0.0.1", self._port, timeout=60, context=context
            )
        try:
            self._connection.request(method, path, payload, dict(headers))
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            self.close()
            raise


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"message": raw.decode(errors="replace")}


def wait_until(ask: Callable[[], T], what: str, *, within: float = 30.0) -> T:
    """The first true answer of ``ask``; AssertionError naming ``what`` when there is none in time."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:g} s: {what}")
        time.sleep(0.05)
    return answer
