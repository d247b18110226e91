"""Lists read in pages, so that ten thousand objects neither stall the screen nor stand in memory at once."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from posdeck.cluster.resources import Resource
from posdeck.cluster.transport import Params, Response, Transport
from posdeck.errors import ClusterError, ResourceVersionExpiredError

PAGE = 500
_HEAVY_PAGE = 3 << 19  # bytes; parsing more at once would hold the event loop for over 20 ms
_SMALLEST = 25
_PART = 1 << 17  # bytes
_RESTARTS = 3


@dataclass(frozen=True, slots=True)
class Page:
    """One page. ``remaining`` counts the objects still to come, None where the server does not say."""

    items: Sequence[Any]
    resource_version: str
    remaining: int | None
    first: bool
    last: bool


async def list_pages(
    transport: Transport, resource: Resource, namespace: str = "", *, limit: int = PAGE, params: Params = ()
) -> AsyncGenerator[Page, None]:
    """The pages of a collection, all of one resource version; the loop gets its turn between them.

    When the server has dropped that version half way, the list begins anew: a page with ``first`` set means
    that all before it is void. Raises the ClusterError tree.
    """
    path = resource.path(namespace)
    for attempt in range(_RESTARTS):
        try:
            size = limit if attempt < _RESTARTS - 1 else 0
            async with contextlib.aclosing(_pages(transport, path, size, params)) as pages:
                async for page in pages:
                    yield page
            return
        except ResourceVersionExpiredError:
            if attempt == _RESTARTS - 1:
                raise


async def _pages(transport: Transport, path: str, limit: int, params: Params) -> AsyncGenerator[Page, None]:
    """Each page is asked for while the one before it is worked through: the server takes as long as we do."""
    first = True
    coming = _ask(transport, path, limit, "", params)
    try:
        while True:
            response = await coming
            document, size = parse_list(response.body, path), len(response.body)
            del response
            metadata = document["metadata"]
            token = metadata.get("continue") or ""
            remaining = metadata.get("remainingItemCount")
            if token:
                if limit and size > _HEAVY_PAGE:
                    limit = max(_SMALLEST, limit * _HEAVY_PAGE // size)
                coming = _ask(transport, path, limit, token, params)
            yield Page(
                items=document["items"],
                resource_version=str(metadata.get("resourceVersion") or ""),
                remaining=remaining if isinstance(remaining, int) else None,
                first=first,
                last=not token,
            )
            if not token:
                return
            first = False
            del document
            await asyncio.sleep(0)
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _ask(transport: Transport, path: str, limit: int, token: str, params: Params) -> asyncio.Task[Response]:
    asked = [*params]
    if limit:
        asked.append(("limit", str(limit)))
    if token:
        asked.append(("continue", token))
    return asyncio.create_task(transport.request("GET", path, params=asked))


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cyclic collector out of a short synchronous stretch that makes many objects and no cycles: it
    would walk all of them again and again, and takes twice as long as the parsing itself."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def in_parts(body: bytes, size: int = _PART) -> Iterator[bytes]:
    """A long list of usage as several short ones, in its order: that API knows no pages, and parsing 10,000 objects
    at once would hold the event loop for over 100 ms. Each part is a list document of about ``size`` bytes.

    It is cut where an item ends and the next begins with its metadata; within a string of JSON these very bytes
    cannot stand, because its quotes are escaped. A body of another form comes as it is.
    """
    begin = body.find(_ITEMS)
    if len(body) <= size or begin < 0 or not body.rstrip().endswith(_END):
        yield body
        return
    end, at = body.rindex(_END), begin + len(_ITEMS)
    while at < end:
        cut = body.find(_BETWEEN, min(at + size, end), end)
        last = end if cut < 0 else cut + 1
        yield b'{"items":[' + body[at:last] + b"]}"
        at = last + 1


_ITEMS, _BETWEEN, _END = b'"items":[', b'},{"metadata":{', b"]}"


def parse_list(body: bytes, path: str) -> dict[str, Any]:
    """A list document with its ``items`` and ``metadata``. Raises ClusterError when the answer is no list."""
    try:
        with collector_paused():
            document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ClusterError(
            path, f"the answer is not JSON ({error})", "Something stands between us and it."
        ) from None
    if not isinstance(document, dict):
        raise ClusterError(path, "the answer is no list", "Something stands between us and it.")
    if not isinstance(document.get("metadata"), Mapping):
        document["metadata"] = {}
    found = document.get("items")
    if found is None:
        document["items"] = []  # an empty list of a custom resource may be null
    elif not isinstance(found, list):
        raise ClusterError(path, "the answer is no list", "Something stands between us and it.")
    return document
