"""The whole feed on the real control plane: live within a second, honest while broken, back by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster_reading.support import BreakableProxy, LongestPauses, eventually

from posdeck.clock import ManualClock
from posdeck.cluster.connection import connect
from posdeck.cluster.feed import ClusterFeed
from posdeck.cluster.kubeconfig import Server, Target, User, load_target
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.cluster.snapshot import FeedState, Kind, Snapshot
from posdeck.cluster.watching import Timing
from posdeck.errors import NotFoundError, UnreachableError

Record = Callable[[str, object], None]
MakeProxy = Callable[[str, int], Awaitable[BreakableProxy]]
WATCHED_HERE = (Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.SERVICES, Kind.HPAS, Kind.EVENTS)


def all_live(snapshot: Snapshot) -> bool:
    return all(snapshot.feed(kind).state is FeedState.LIVE for kind in WATCHED_HERE)


class Running:
    """A started feed and its transport."""

    def __init__(self) -> None:
        self._feeds: list[tuple[ClusterFeed, Any]] = []

    async def start(self, target: Target, **options: Any) -> ClusterFeed:
        transport = await connect(target)
        feed = ClusterFeed(transport, target, **options)
        feed.start()
        self._feeds.append((feed, transport))
        return feed

    async def stop(self) -> None:
        for feed, transport in self._feeds:
            await feed.stop()
            await transport.close()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    made = Running()
    yield made
    await made.stop()


async def reach(feed: ClusterFeed, condition: Callable[[Snapshot], bool], within: float = 15) -> Snapshot:
    async with asyncio.timeout(within):
        return await feed.wait_for(condition)


@pytest.mark.cluster
async def test_the_known_namespace_is_seen_live(
    control_plane: ControlPlane, spc_pos: str, running: Running
) -> None:
    feed = await running.start(load_target(control_plane.identity("viewer"), namespace=spc_pos))
    snapshot = await reach(feed, lambda s: all_live(s) and bool(s.connection.version))
    assert len(snapshot.deployments) == 18
    assert len(snapshot.hpas) == 1
    assert snapshot.feed(Kind.NODES).state in (FeedState.FORBIDDEN, FeedState.CONNECTING)
    assert snapshot.connection.identity.username == "viewer"
    consumer = next(d for d in snapshot.deployments.values() if "orders-bulk-upload--" in d.name)
    assert (consumer.desired, consumer.ready, consumer.rollout_done) == (3, 3, True)
    assert len(snapshot.pods_of(consumer)) == 3
    assert all(pod.is_ready for pod in snapshot.pods_of(consumer))
    revision = snapshot.replica_sets_of(consumer)[0]
    assert revision.revision == consumer.revision == 1
    assert revision.template_hash == consumer.template_hash != ""

    control_plane.kubectl("rollout", "restart", f"deployment/{consumer.name}", "-n", spc_pos)
    after = await reach(
        feed,
        lambda s: s.deployments[consumer.name].revision == 2 and s.deployments[consumer.name].rollout_done,
        60,
    )
    changed = after.deployments[consumer.name]
    assert changed.restarted_at is not None
    assert changed.template_hash == consumer.template_hash
    assert changed.uid == consumer.uid
    others = set(snapshot.deployments) - {consumer.name}
    assert all(after.deployments[name].uid == snapshot.deployments[name].uid for name in others)


@pytest.mark.cluster
async def test_a_change_is_handed_out_at_once(
    control_plane: ControlPlane, namespace: str, running: Running
) -> None:
    feed = await running.start(load_target(control_plane.kubeconfig, namespace=namespace))
    await reach(feed, all_live)
    seen: list[Snapshot] = []
    feed.subscribe(seen.append)
    control_plane.kubectl("create", "deployment", "d", "--image=i", "-n", namespace)
    await reach(feed, lambda s: "d" in s.deployments and len(s.pods) == 1)
    revisions = [snapshot.revision for snapshot in seen]
    assert revisions == sorted(set(revisions))


def through(proxy: BreakableProxy, target: Target) -> Target:
    return replace(target, server=replace(target.server, url=f"https://127.0.0.1:{proxy.port}"))


@pytest.mark.cluster
async def test_an_outage_is_shown_and_passes_by_itself(
    control_plane: ControlPlane, namespace: str, running: Running, proxies: MakeProxy, record_property: Record
) -> None:
    proxy = await proxies("127.0.0.1", control_plane.ports["api"])
    feed = await running.start(through(proxy, load_target(control_plane.kubeconfig, namespace=namespace)))
    before = await reach(feed, lambda s: all_live(s) and bool(s.connection.namespace_uid))
    await proxy.refuse()
    stale = await reach(feed, lambda s: all(s.feed(k).state is FeedState.STALE for k in WATCHED_HERE), 10)
    assert f"127.0.0.1:{proxy.port}: " in stale.feed(Kind.PODS).reason
    control_plane.kubectl("create", "deployment", "meanwhile", "--image=i", "-n", namespace)
    await proxy.open()
    began = time.monotonic()
    after = await reach(feed, lambda s: all_live(s) and "meanwhile" in s.deployments, 6)
    record_property("recovered_after", time.monotonic() - began)
    assert after.connection.namespace_uid == before.connection.namespace_uid


@pytest.mark.cluster
async def test_a_watch_that_goes_silent_without_a_word_is_noticed(
    control_plane: ControlPlane, namespace: str, running: Running, proxies: MakeProxy
) -> None:
    proxy = await proxies("127.0.0.1", control_plane.ports["api"])
    target = through(proxy, load_target(control_plane.kubeconfig, namespace=namespace))
    feed = await running.start(target, timing=Timing(watch=3.0, grace=1.0))
    await reach(feed, all_live)
    proxy.silence_open_connections()
    control_plane.kubectl("create", "deployment", "unheard", "--image=i", "-n", namespace)
    await reach(feed, lambda s: "unheard" in s.deployments, 15)


@pytest.mark.cluster
async def test_a_crashed_api_server_is_waited_for(
    breakable_control_plane: ControlPlane, running: Running, record_property: Record
) -> None:
    namespace = breakable_control_plane.create_namespace()
    feed = await running.start(load_target(breakable_control_plane.kubeconfig, namespace=namespace))
    await reach(feed, all_live)
    await asyncio.to_thread(breakable_control_plane.stop_apiserver)
    await reach(feed, lambda s: all(s.feed(k).state is FeedState.STALE for k in WATCHED_HERE))
    await asyncio.to_thread(breakable_control_plane.start_apiserver)
    began = time.monotonic()
    await reach(feed, all_live, 10)
    record_property("recovered_after", time.monotonic() - began)
    breakable_control_plane.delete_namespace(namespace)


@pytest.mark.cluster
async def test_rights_taken_away_and_given_back(
    control_plane: ControlPlane, namespace: str, running: Running, record_property: Record
) -> None:
    target = load_target(control_plane.identity("viewer"), namespace=namespace)
    feed = await running.start(target, timing=Timing(watch=2.0))
    await reach(feed, all_live)
    bindings = control_plane.kubectl("get", "rolebindings", "-n", namespace, "-o", "json").stdout
    control_plane.kubectl("delete", "rolebindings", "--all", "-n", namespace)
    gone = await reach(feed, lambda s: s.feed(Kind.PODS).state is FeedState.FORBIDDEN, 15)
    assert "cannot" in gone.feed(Kind.PODS).reason
    assert not gone.pods
    control_plane.kubectl("apply", "-f", "-", "-n", namespace, input=bindings)
    began = time.monotonic()
    await reach(feed, all_live, 8)
    record_property("recovered_after", time.monotonic() - began)


@pytest.mark.cluster
async def test_a_namespace_deleted_under_it_is_said_and_its_successor_watched(
    control_plane: ControlPlane, running: Running, record_property: Record
) -> None:
    namespace = control_plane.create_namespace()
    feed = await running.start(
        load_target(control_plane.kubeconfig, namespace=namespace), timing=Timing(watch=2.0)
    )
    before = await reach(feed, lambda s: all_live(s) and bool(s.connection.namespace_uid))
    await asyncio.to_thread(control_plane.delete_namespace, namespace, wait=True)
    await reach(feed, lambda s: "does not exist" in s.connection.problem, 20)
    await asyncio.to_thread(control_plane.create_namespace, namespace)
    began = time.monotonic()
    after = await reach(
        feed,
        lambda s: all_live(s) and s.connection.namespace_uid not in {"", before.connection.namespace_uid},
        15,
    )
    record_property("recovered_after", time.monotonic() - began)
    assert not after.connection.problem
    await asyncio.to_thread(control_plane.delete_namespace, namespace)


TARGET = Target("c", "n", Server("https://scripted.invalid"), User())
PODS = "/api/v1/namespaces/n/pods"


def scripted(transport: ScriptedTransport) -> None:
    transport.certificate = b"cert"
    transport.answer("GET", "/version", {"gitVersion": "v1.36.3"})
    for name in ("n", "kube-system"):
        transport.answer(
            "GET", f"/api/v1/namespaces/{name}", {"metadata": {"name": name, "uid": f"uid-{name}"}}
        )
    transport.answer("GET", PODS, {"metadata": {"resourceVersion": "1"}, "items": []})


async def scripted_feed(transport: ScriptedTransport, clock: ManualClock) -> ClusterFeed:
    scripted(transport)
    feed = ClusterFeed(transport, TARGET, kinds=(Kind.PODS,), clock=clock, rand=LongestPauses())
    feed.start()
    return feed


async def test_silence_is_probed_and_a_dead_connection_shown_as_stale(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    feed = await scripted_feed(transport, clock)
    seen: list[Snapshot] = []
    feed.subscribe(seen.append)
    stream = await transport.next_stream(PODS)
    await clock.advance(11)
    confirmed = feed.snapshot.feed(Kind.PODS).confirmed_at
    assert confirmed is not None
    assert (clock.now() - confirmed).total_seconds() <= 5
    assert seen[-1].feed(Kind.PODS).confirmed_at == confirmed

    transport.answer("GET", "/version", UnreachableError("server", "no answer within 4 s"))
    await clock.advance(15)
    stale = feed.snapshot.feed(Kind.PODS)
    assert stale.state is FeedState.STALE
    assert "no answer" in stale.reason
    assert stale.confirmed_at == confirmed
    assert not stream.closed.is_set()

    scripted(transport)
    await clock.advance(5)  # the next probe succeeds; what was open before may be dead and is opened anew
    await eventually(stream.closed.is_set)
    await clock.advance(1)
    await transport.next_stream(PODS)
    assert feed.snapshot.feed(Kind.PODS).state is FeedState.LIVE
    await feed.stop()


async def test_snapshots_are_coalesced_but_the_first_comes_at_once(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    feed = await scripted_feed(transport, clock)
    stream = await transport.next_stream(PODS)
    await clock.advance(1)
    seen: list[Snapshot] = []
    feed.subscribe(seen.append)
    stream.event("ADDED", {"metadata": {"name": "p0", "resourceVersion": "2"}})
    await eventually(lambda: len(seen) == 1)
    assert list(seen[0].pods) == ["p0"]
    for index in range(1, 50):
        stream.event("ADDED", {"metadata": {"name": f"p{index}", "resourceVersion": str(2 + index)}})
    await clock.advance(0.05)
    assert len(seen) == 1
    await clock.advance(0.06)
    assert len(seen) == 2
    assert len(seen[1].pods) == 50
    assert seen[1].pods["p0"] is seen[0].pods["p0"]
    await feed.stop()


async def test_a_recreated_namespace_is_noticed(transport: ScriptedTransport, clock: ManualClock) -> None:
    feed = await scripted_feed(transport, clock)
    stream = await transport.next_stream(PODS)
    await clock.advance(1)
    transport.answer("GET", "/api/v1/namespaces/n", {"metadata": {"name": "n", "uid": "uid-new"}})
    transport.answer(
        "GET", PODS, {"metadata": {"resourceVersion": "50"}, "items": [{"metadata": {"name": "fresh"}}]}
    )
    await clock.advance(16)
    await eventually(stream.closed.is_set)
    await clock.advance(1)
    assert (await transport.next_stream(PODS)).request.params["resourceVersion"] == "50"
    assert list(feed.snapshot.pods) == ["fresh"]
    assert feed.snapshot.connection.namespace_uid == "uid-new"
    await feed.stop()


async def test_a_missing_namespace_is_said(transport: ScriptedTransport, clock: ManualClock) -> None:
    feed = await scripted_feed(transport, clock)
    await transport.next_stream(PODS)
    transport.answer("GET", "/api/v1/namespaces/n", NotFoundError("namespaces n", "not found"))
    await clock.advance(16)
    assert "does not exist" in feed.snapshot.connection.problem
    await feed.stop()


async def test_nothing_is_left_running_after_stop(transport: ScriptedTransport, clock: ManualClock) -> None:
    feed = await scripted_feed(transport, clock)
    stream = await transport.next_stream(PODS)
    await feed.stop()
    assert stream.closed.is_set()
    assert asyncio.all_tasks() == {asyncio.current_task()}
