"""A small client for the embedded cluster, asking as one of its identities."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson

from posdeck.simulator.server import Simulator

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class Client:
    """Requests with a token. Answers are (status, body)."""

    def __init__(self, simulator: Simulator, identity: str = "admin") -> None:
        context = ssl.create_default_context(cadata=simulator.ca_pem.decode())
        self.session = aiohttp.ClientSession(
            simulator.url,
            headers={"Authorization": f"Bearer {simulator.token(identity)}", "User-Agent": "tests/1"},
            connector=aiohttp.TCPConnector(ssl=context),
        )
        self.namespace = simulator.seed.namespace

    def path(self, kind: str, name: str = "", sub: str = "") -> str:
        """The path of "pods" or "apps/v1/deployments" in the seed's namespace."""
        start = f"/apis/{kind.rpartition('/')[0]}" if "/" in kind else "/api/v1"
        path = f"{start}/namespaces/{self.namespace}/{kind.rpartition('/')[2]}"
        return "/".join(filter(None, [path, name, sub]))

    async def request(
        self, method: str, path: str, body: Any = None, *, content: str = "application/json", **headers: str
    ) -> tuple[int, Any]:
        """One request; the body is decoded where it is JSON."""
        data = None if body is None else orjson.dumps(body)
        async with self.session.request(
            method, path, data=data, headers={"Content-Type": content, **headers}
        ) as answer:
            raw = await answer.read()
            return answer.status, orjson.loads(raw) if "json" in answer.content_type else raw.decode()

    async def get(self, path: str, **headers: str) -> Any:
        """The body of a GET that must succeed."""
        status, body = await self.request("GET", path, **headers)
        assert status == 200, body
        return body

    async def patch(self, path: str, body: Any, content: str = MERGE) -> Any:
        """The body of a PATCH that must succeed."""
        status, found = await self.request("PATCH", path, body, content=content)
        assert status in (200, 201), found
        return found

    @asynccontextmanager
    async def watch(self, path: str) -> AsyncIterator[Callable[[], Any]]:
        """A watch; each call of what is yielded awaits the next event."""
        async with self.session.get(path) as answer:
            assert answer.status == 200

            async def event() -> Json:
                line = await asyncio.wait_for(answer.content.readline(), 10)
                return orjson.loads(line) if line else {}  # type: ignore[no-any-return]

            yield event
