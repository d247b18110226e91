"""The log subresource."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.simulator.client import Client
from tests.simulator.pos_seed import ORDER

from posdeck.clock import ManualClock
from posdeck.simulator.server import Simulator


def pod_of(simulator: Simulator, deployment: str = ORDER) -> Any:
    return next(p for p in simulator.objects("pods") if p["metadata"]["labels"].get("app") == deployment)


def log_path(client: Client, simulator: Simulator) -> str:
    return client.path("pods", pod_of(simulator)["metadata"]["name"], "log")


async def test_the_last_minutes_are_there_from_the_start(simulator: Simulator, client: Client) -> None:
    lines = (await client.get(log_path(client, simulator) + "?timestamps=true")).splitlines()
    assert len(lines) > 300
    stamps = [line.split(" ", 1)[0] for line in lines]
    assert stamps[0] < "2026-03-02T09:45" < stamps[-1] <= "2026-03-02T10:00:00.000000000Z"
    assert stamps == sorted(stamps)


async def test_tail_and_since(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    path = log_path(client, simulator)
    everything = (await client.get(path)).splitlines()
    assert (await client.get(path + "?tailLines=5")).splitlines() == everything[-5:]
    assert await client.get(path + "?tailLines=0") == ""
    recent = (await client.get(path + "?sinceSeconds=600&timestamps=true")).splitlines()
    assert recent
    assert all(line >= "2026-03-02T09:50" for line in recent)
    by_time = (await client.get(path + "?sinceTime=2026-03-02T09:50:00Z&timestamps=true")).splitlines()
    assert by_time == recent
    assert len(await client.get(path + "?limitBytes=100")) == 100


async def test_following_gives_each_line_once_and_ends_with_the_pod(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    pod = pod_of(simulator)
    async with client.session.get(log_path(client, simulator) + "?follow=true&tailLines=1") as answer:
        await asyncio.wait_for(answer.content.readline(), 10)
        for number in range(3):
            simulator.load.say(pod, "info", f"marker {number}")
            line = (await asyncio.wait_for(answer.content.readline(), 10)).decode()
            assert line.endswith(f"marker {number}\n")
        simulator.load.say(pod, "info", "the last")
        await client.request("DELETE", client.path("pods", pod["metadata"]["name"]) + "?gracePeriodSeconds=0")
        await clock.advance(1)
        rest = await asyncio.wait_for(answer.content.read(), 10)
    assert b"the last" in rest


async def test_the_rings_are_bounded(simulator: Simulator, client: Client) -> None:
    pod = pod_of(simulator)
    for number in range(5000):
        simulator.load.say(pod, "info", f"line {number}")
    lines = (await client.get(log_path(client, simulator))).splitlines()
    assert len(lines) == 4000
    assert lines[-1].endswith("line 4999")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("container=other", "container other is not valid for pod"),
        ("previous=true", "previous terminated container"),
        ("sinceSeconds=0", "sinceSeconds"),
        ("sinceSeconds=5&sinceTime=2026-03-02T09:50:00Z", "at most one"),
        ("sinceTime=yesterday", "sinceTime"),
        ("tailLines=-1", "tailLines"),
    ],
)
async def test_odd_questions_are_bad_requests(
    simulator: Simulator, client: Client, query: str, message: str
) -> None:
    status, body = await client.request("GET", log_path(client, simulator) + "?" + query)
    assert status == 400
    assert message in body["message"]


async def test_a_container_that_waits_has_no_log(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    body = {"metadata": {"name": "late"}, "spec": {"containers": [{"name": "app", "image": "app:broken"}]}}
    await client.request("POST", client.path("pods"), body)
    await clock.advance(2)
    status, answer = await client.request("GET", client.path("pods", "late", "log"))
    assert status == 400
    assert "is waiting to start: trying and failing to pull image" in answer["message"]


async def test_two_containers_need_a_name(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    containers = [{"name": "one", "image": "a:1"}, {"name": "two", "image": "a:1"}]
    await client.request(
        "POST", client.path("pods"), {"metadata": {"name": "pair"}, "spec": {"containers": containers}}
    )
    await clock.advance(5)
    status, answer = await client.request("GET", client.path("pods", "pair", "log"))
    assert status == 400
    assert "choose one of: [one two]" in answer["message"]
    assert "starting a:1" in await client.get(client.path("pods", "pair", "log") + "?container=one")
