"""Lists, pages, selectors, watches, and what is said when history is gone."""

from __future__ import annotations

from typing import Any

import pytest
from tests.simulator.client import TABLE, Client
from tests.simulator.pos_seed import APP, ORDER

from posdeck.clock import ManualClock
from posdeck.simulator.server import Simulator

MAPS = "configmaps"


async def make(client: Client, name: str, **labels: str) -> Any:
    status, body = await client.request(
        "POST", client.path(MAPS), {"metadata": {"name": name, "labels": labels}}
    )
    assert status == 201, body
    return body


async def test_pages_are_of_one_moment(client: Client) -> None:
    first = await client.get(client.path("pods") + "?limit=7")
    assert len(first["items"]) == 7
    assert first["metadata"]["remainingItemCount"] == 12
    await make(client, "in-between")
    status, _ = await client.request("DELETE", client.path("pods", await _last_pod(client)))
    assert status == 200
    names = [p["metadata"]["name"] for p in first["items"]]
    page = first
    while token := page["metadata"].get("continue"):
        page = await client.get(client.path("pods") + f"?limit=7&continue={token}")
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        names += [p["metadata"]["name"] for p in page["items"]]
    assert len(names) == len(set(names)) == 19


async def _last_pod(client: Client) -> str:
    found = await client.get(client.path("pods"))
    return str(found["items"][-1]["metadata"]["name"])


async def test_a_token_from_before_a_compaction_is_expired(simulator: Simulator, client: Client) -> None:
    first = await client.get(client.path("pods") + "?limit=7")
    await make(client, "x")
    simulator.store.compact()
    status, body = await client.request(
        "GET", client.path("pods") + f"?continue={first['metadata']['continue']}&limit=7"
    )
    assert (status, body["reason"]) == (410, "Expired")
    rest = await client.get(client.path("pods") + f"?continue={body['metadata']['continue']}")
    assert len(rest["items"]) == 12  # inconsistent, as the message says, but complete


@pytest.mark.parametrize(
    "query", ["continue=garbage", "limit=x", "labelSelector=a%3D%3D%3Db%20c", "fieldSelector=spec.foo%3D1"]
)
async def test_odd_questions_are_bad_requests(client: Client, query: str) -> None:
    status, body = await client.request("GET", client.path("pods") + f"?{query}")
    assert (status, body["reason"]) == (400, "BadRequest")


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=api", {"a"}),
        ("tier!=api", {"b", "c", "pos-settings"}),
        ("tier in (api,web)", {"a", "b"}),
        ("tier notin (api,web)", {"c", "pos-settings"}),
        ("tier", {"a", "b"}),
        ("!tier", {"c", "pos-settings"}),
        ("tier=web,own==yes", {"b"}),
    ],
)
async def test_label_selectors(client: Client, selector: str, expected: set[str]) -> None:
    await make(client, "a", tier="api")
    await make(client, "b", tier="web", own="yes")
    await make(client, "c", own="no")
    from urllib.parse import quote

    found = await client.get(client.path(MAPS) + f"?labelSelector={quote(selector)}")
    assert {m["metadata"]["name"] for m in found["items"]} == expected


async def test_field_selectors(client: Client) -> None:
    everywhere = await client.get("/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-a,status.phase%3DRunning")
    assert {p["spec"]["nodeName"] for p in everywhere["items"]} == {"node-a"}
    one = await client.get(client.path("apps/v1/deployments") + f"?fieldSelector=metadata.name%3D{APP}")
    assert [d["metadata"]["name"] for d in one["items"]] == [APP]


async def test_a_watch_from_a_version_tells_what_came_after(client: Client) -> None:
    start = (await client.get(client.path(MAPS)))["metadata"]["resourceVersion"]
    await make(client, "one")
    async with client.watch(client.path(MAPS) + f"?watch=1&resourceVersion={start}") as event:
        first = await event()
        assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "one")
        await client.patch(client.path(MAPS, "one"), {"data": {"a": "b"}})
        assert (await event())["type"] == "MODIFIED"
        await client.request("DELETE", client.path(MAPS, "one"))
        last = await event()
        assert last["type"] == "DELETED"
        assert int(last["object"]["metadata"]["resourceVersion"]) > int(
            first["object"]["metadata"]["resourceVersion"]
        )


async def test_leaving_the_selection_is_a_deletion(client: Client) -> None:
    await make(client, "one", tier="api")
    async with client.watch(client.path(MAPS) + "?watch=1&labelSelector=tier%3Dapi") as event:
        assert (await event())["type"] == "ADDED"
        await client.patch(client.path(MAPS, "one"), {"metadata": {"labels": {"tier": "web"}}})
        left = await event()
        assert left["type"] == "DELETED"
        assert left["object"]["metadata"]["labels"] == {"tier": "api"}
        await client.patch(client.path(MAPS, "one"), {"metadata": {"labels": {"tier": "api"}}})
        assert (await event())["type"] == "ADDED"


async def test_a_version_that_is_forgotten_is_gone(simulator: Simulator, client: Client) -> None:
    start = (await client.get(client.path(MAPS)))["metadata"]["resourceVersion"]
    await make(client, "one")
    simulator.store.compact()
    async with client.watch(client.path(MAPS) + f"?watch=1&resourceVersion={start}") as event:
        error = await event()
        assert error["type"] == "ERROR"
        assert (error["object"]["code"], error["object"]["reason"]) == (410, "Expired")
        assert await event() == {}


async def test_bookmarks_carry_the_version_on(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    start = (await client.get(client.path("secrets")))["metadata"]["resourceVersion"]
    path = client.path("secrets") + f"?watch=1&allowWatchBookmarks=true&resourceVersion={start}"
    async with client.watch(path) as event:
        await make(client, "one")
        await clock.advance(31)
        bookmark = await event()
        assert bookmark["type"] == "BOOKMARK"
        assert int(bookmark["object"]["metadata"]["resourceVersion"]) > int(start)
        assert bookmark["object"]["kind"] == "Secret"


async def test_a_watch_ends_when_its_time_is_over(client: Client, clock: ManualClock) -> None:
    async with client.watch(client.path("secrets") + "?watch=1&timeoutSeconds=5") as event:
        await clock.advance(6)
        assert await event() == {}


async def test_initial_events_end_with_a_bookmark(client: Client) -> None:
    query = "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with client.watch(client.path("services") + query) as event:
        kinds = [(await event()) for _ in range(4)]
    assert [k["type"] for k in kinds] == ["ADDED", "ADDED", "ADDED", "BOOKMARK"]
    assert kinds[-1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_a_table_has_the_columns_of_kubectl(client: Client) -> None:
    table = await client.get(client.path("pods") + f"?labelSelector=app%3D{ORDER}", Accept=TABLE)
    assert table["kind"] == "Table"
    assert [c["name"] for c in table["columnDefinitions"]][:5] == [
        "Name",
        "Ready",
        "Status",
        "Restarts",
        "Age",
    ]
    (row,) = table["rows"]
    assert row["cells"][1:5] == ["1/1", "Running", "0", "3d"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    whole = await client.get(client.path("pods") + "?includeObject=Object&limit=1", Accept=TABLE)
    assert whole["rows"][0]["object"]["kind"] == "Pod"
    assert whole["metadata"]["continue"]


async def test_events_are_served_in_both_groups(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    await client.patch(client.path("apps/v1/deployments", ORDER), {"spec": {"replicas": 2}})
    await clock.advance(1)
    core = await client.get(client.path("events"))
    other = await client.get(client.path("events.k8s.io/v1/events"))
    assert len(core["items"]) == len(other["items"]) > 0
    assert core["items"][0]["involvedObject"] == other["items"][0]["regarding"]
    assert other["items"][0]["deprecatedCount"] == 1
