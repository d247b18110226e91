"""The first look: what it finds is what the watches find, and where anything is unusual it finds nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest
from tests.cluster.control_plane import ControlPlane

from posdeck.clock import ManualClock, SystemClock
from posdeck.cluster.connection import connect
from posdeck.cluster.feed import ClusterFeed
from posdeck.cluster.glance import PODS_SEEN, glance
from posdeck.cluster.kubeconfig import ExecSpec, Server, Target, User, load_target
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.cluster.snapshot import FeedState, Kind

Answer = Callable[[str], tuple[int, dict[str, Any]]]


def pod(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "uid": name, "resourceVersion": "1"}, "status": {"phase": "Running"}}


def listing(*items: dict[str, Any], left: int = 0) -> dict[str, Any]:
    more = {"continue": "x", "remainingItemCount": left} if left else {}
    return {"metadata": {"resourceVersion": "9", **more}, "items": list(items)}


class Server_(ThreadingHTTPServer):
    """Answers lists, and remembers what was asked with which token."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.answer: Answer = lambda path: (
            200,
            listing(pod("a"), pod("b")) if "/pods?" in path else listing(),
        )

    @property
    def target(self) -> Target:
        return Target("c", "n", Server(f"http://127.0.0.1:{self.server_port}/base"), User(token="secret"))


class _Handler(BaseHTTPRequestHandler):
    server: Server_
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization", "")))
        status, document = self.server.answer(self.path)
        body = orjson.dumps(document)
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the tests' output."""


@pytest.fixture
def server() -> Iterator[Server_]:
    made = Server_()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_it_reads_the_deployments_and_the_first_pods_of_the_one_namespace(server: Server_) -> None:
    server.answer = lambda path: (
        200,
        listing(pod("a"), pod("b"), left=9_998) if "/pods?" in path else listing({"metadata": {"name": "d"}}),
    )
    seen = glance(server.target, ManualClock())
    assert seen is not None
    assert list(seen.pods) == ["a", "b"]
    assert list(seen.deployments) == ["d"]
    assert seen.feed(Kind.PODS).total == 10_000
    assert seen.feed(Kind.DEPLOYMENTS).total is None
    assert {seen.feed(kind).state for kind in Kind} == {FeedState.CONNECTING}, "a look is no watch"
    assert seen.feed(Kind.PODS).confirmed_at == ManualClock().now()
    assert seen.feed(Kind.EVENTS).confirmed_at is None
    assert server.asked == [
        ("/base/apis/apps/v1/namespaces/n/deployments?limit=500", "Bearer secret"),
        (f"/base/api/v1/namespaces/n/pods?limit={PODS_SEEN}", "Bearer secret"),
    ]


@pytest.mark.parametrize("status", [301, 401, 403, 404, 429, 500])
def test_any_answer_but_a_list_is_left_to_the_watches(server: Server_, status: int) -> None:
    server.answer = lambda _path: (status, {"kind": "Status"})
    assert glance(server.target, ManualClock()) is None


@pytest.mark.parametrize("document", [{}, {"items": None, "metadata": {}}, {"items": [1], "metadata": 1}])
def test_nonsense_is_left_to_the_watches(server: Server_, document: dict[str, Any]) -> None:
    server.answer = lambda _path: (200, document)
    assert glance(server.target, ManualClock()) is None


def test_a_part_of_the_deployments_is_not_shown_for_all(server: Server_) -> None:
    """The wall says "missing" of a workload that is not there."""
    server.answer = lambda path: (200, listing(pod("a"), left=0 if "/pods?" in path else 3))
    assert glance(server.target, ManualClock()) is None


def test_nobody_is_asked_where_a_plugin_or_a_proxy_would_have_to_be_asked_first(server: Server_) -> None:
    plain = server.target
    plugin = ExecSpec("/bin/false", "client.authentication.k8s.io/v1")
    for target in (
        replace(plain, user=User(exec=plugin)),
        replace(plain, user=User(auth_provider="oidc")),
        replace(plain, in_cluster=True),
        replace(plain, server=replace(plain.server, proxy_url="http://127.0.0.1:1")),
    ):
        assert glance(target, ManualClock()) is None
    assert server.asked == []


def test_a_server_that_is_not_there_is_no_error_here() -> None:
    made = Server_()
    target = made.target
    made.server_close()
    assert glance(target, ManualClock()) is None


async def test_a_feed_shows_what_was_seen_until_the_lists_are_there(server: Server_) -> None:
    """Rows neither vanish nor are called live in between, and what is gone meanwhile goes."""
    seen = await asyncio.to_thread(glance, server.target, ManualClock())
    assert seen is not None
    transport = ScriptedTransport()
    feed = ClusterFeed(transport, server.target, clock=SystemClock(), seen=seen)
    assert list(feed.snapshot.pods) == ["a", "b"]
    assert feed.snapshot.feed(Kind.PODS).state is FeedState.CONNECTING
    transport.answer("GET", "/api/v1/namespaces/n/pods", listing(pod("b"), pod("c")))
    shown: list[tuple[str, ...]] = []
    feed.subscribe(lambda snapshot: shown.append(tuple(snapshot.pods)))
    feed.start()
    try:
        async with asyncio.timeout(60):
            await feed.wait_for(lambda snapshot: snapshot.feed(Kind.PODS).state is FeedState.LIVE)
    finally:
        await feed.stop()
    assert set(shown) <= {("a", "b"), ("b", "c")}
    assert tuple(feed.snapshot.pods) == ("b", "c")


@pytest.mark.cluster
async def test_it_sees_what_the_watches_see(control_plane: ControlPlane) -> None:
    target = load_target(control_plane.kubeconfig, namespace="kube-system")
    seen = await asyncio.to_thread(glance, target, SystemClock())
    assert seen is not None
    transport = await connect(target)
    feed = ClusterFeed(transport, target, kinds=(Kind.PODS, Kind.DEPLOYMENTS))
    feed.start()
    try:
        async with asyncio.timeout(60):
            live = await feed.wait_for(
                lambda s: all(s.feed(k).state is FeedState.LIVE for k in (Kind.PODS, Kind.DEPLOYMENTS))
            )
    finally:
        await feed.stop()
        await transport.close()
    assert dict(seen.deployments) == dict(live.deployments)
    assert set(seen.pods) == set(live.pods)
