"""Long lists come in parts: the next is asked for while one is worked through, and not every part is drawn."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import orjson

from posdeck.clock import ManualClock
from posdeck.cluster.listing import list_pages
from posdeck.cluster.resources import RESOURCES
from posdeck.cluster.snapshot import Kind
from posdeck.cluster.store import PARTS, Store
from posdeck.cluster.transport import Response, Transport


class Server:
    """Three pages of one object; what was asked is kept, and the last page can be held back."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.ended = 0
        self.held = asyncio.Event()

    async def request(self, _method: str, _path: str, *, params: Any = ()) -> Response:
        token = dict(params).get("continue", "0")
        self.asked.append(token)
        try:
            if token == "2":
                await self.held.wait()
        finally:
            self.ended += 1
        following = {"continue": str(int(token) + 1)} if token != "2" else {}
        items = [{"metadata": {"name": f"pod-{token}"}}]
        return Response(
            200, orjson.dumps({"metadata": {"resourceVersion": "7", **following}, "items": items})
        )


def pages_of(server: Server) -> Any:
    return list_pages(cast("Transport", server), RESOURCES[Kind.PODS], "ns", limit=1)


async def test_the_next_page_is_on_its_way_while_one_is_worked_through() -> None:
    server = Server()
    server.held.set()
    asked_at_each, names = [], []
    async for page in pages_of(server):
        await asyncio.sleep(0)
        asked_at_each.append(list(server.asked))
        names += [item["metadata"]["name"] for item in page.items]
    assert names == ["pod-0", "pod-1", "pod-2"]
    assert asked_at_each == [["0", "1"], ["0", "1", "2"], ["0", "1", "2"]]


async def test_a_page_that_nobody_wants_any_more_is_not_waited_for() -> None:
    server = Server()
    pages = pages_of(server)
    async for page in pages:
        if not page.first:
            break
    await asyncio.sleep(0)
    assert server.asked == ["0", "1", "2"]
    await pages.aclose()
    assert server.ended == 3


def test_a_part_is_worth_a_snapshot_now_and_then() -> None:
    clock = ManualClock()
    store = Store(clock)

    def come(name: str, *, first: bool = False) -> bool:
        store.changed.clear()
        store.extend(Kind.PODS, {name: SimpleNamespace(name=name, uid=name)}, 3, first=first)
        assert name in store.snapshot().pods, "who looks sees every part"
        return store.changed.is_set()

    assert come("a", first=True)
    assert not come("b")
    clock.skip(PARTS)
    assert come("c")
    store.changed.clear()
    store.replace(Kind.PODS, {**store.snapshot().pods, "d": SimpleNamespace(name="d", uid="d")})
    assert store.changed.is_set(), "the whole is shown at once"
