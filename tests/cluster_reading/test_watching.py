"""Whatever breaks, the picture is made good again, and nothing is shown as live that is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.cluster_reading.support import LongestPauses, eventually

from posdeck.clock import ManualClock
from posdeck.cluster.scripted import Request, ScriptedStream, ScriptedTransport, json_answer
from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.cluster.store import Store
from posdeck.cluster.transport import Response
from posdeck.cluster.watching import Watcher
from posdeck.errors import (
    AuthExpiredError,
    ClusterError,
    ForbiddenError,
    NotFoundError,
    ResourceVersionExpiredError,
    ThrottledError,
    UnreachableError,
)

PATH = "/api/v1/namespaces/n/pods"


def pod(name: str, version: int, phase: str = "Running", uid: str = "") -> dict[str, Any]:
    metadata = {"name": name, "uid": uid or f"uid-{name}", "resourceVersion": str(version)}
    return {"metadata": metadata, "spec": {"containers": [{"name": "c"}]}, "status": {"phase": phase}}


def listed(
    version: int, *pods: dict[str, Any], more: str = "", remaining: int | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if more:
        metadata |= {"continue": more, "remainingItemCount": remaining}
    return {"kind": "PodList", "metadata": metadata, "items": list(pods)}


class Cluster:
    """One cluster after the other; what a list brings is of the one there when it begins."""

    def __init__(self) -> None:
        self.present = 1
        self.listed = 0
        self.asked = 0
        self.trouble: Exception | None = None

    async def begin(self, since: float | None) -> None:
        self.listed = self.present

    async def same(self, since: float) -> bool:
        self.asked += 1
        await asyncio.sleep(0)
        if self.trouble is not None:
            raise self.trouble
        return self.listed == self.present


class Bench:
    """One watcher of pods on a scripted transport, and its cluster."""

    def __init__(self, transport: ScriptedTransport, clock: ManualClock, kind: Kind = Kind.PODS) -> None:
        self.transport = transport
        self.clock = clock
        self.store = Store(clock)
        self.cluster = Cluster()
        self.watcher = Watcher(
            kind, transport, "n", self.store, clock, origin=self.cluster, rand=LongestPauses()
        )
        self.task = asyncio.ensure_future(self.watcher.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    @property
    def feed(self) -> Any:
        return self.store.feed(Kind.PODS)

    def pods(self) -> dict[str, str]:
        return {name: p.status for name, p in self.store.snapshot().pods.items()}

    async def stream(self) -> ScriptedStream:
        return await self.transport.next_stream(PATH)

    async def wait(self, seconds: float) -> None:
        await self.clock.advance(seconds)


@pytest.fixture
async def bench(transport: ScriptedTransport, clock: ManualClock) -> AsyncIterator[Bench]:
    transport.answer("GET", PATH, listed(10, pod("a", 9)))
    made = Bench(transport, clock)
    yield made
    await made.end()


async def test_events_change_the_picture_and_the_version_to_go_on_from(bench: Bench) -> None:
    stream = await bench.stream()
    assert stream.request.params["resourceVersion"] == "10"
    assert stream.request.params["allowWatchBookmarks"] == "true"
    assert bench.feed.state is FeedState.LIVE
    stream.event("ADDED", pod("b", 11))
    stream.event("MODIFIED", pod("a", 12, "Failed"))
    await eventually(lambda: bench.pods() == {"a": "Failed", "b": "Running"})
    stream.event("DELETED", pod("a", 13))
    await eventually(lambda: bench.pods() == {"b": "Running"})
    assert bench.feed.resource_version == "13"


async def test_an_event_cut_into_pieces_is_put_together(bench: Bench) -> None:
    stream = await bench.stream()
    whole = (
        b'{"type":"ADDED","object":{"metadata":{"name":"b","resourceVersion":"11"},"status":{"phase":"P"}}}\n'
    )
    stream.feed(*(whole[i : i + 7] for i in range(0, len(whole), 7)))
    await eventually(lambda: bench.pods().get("b") == "P")


async def test_a_bookmark_confirms_and_moves_the_version(bench: Bench) -> None:
    stream = await bench.stream()
    await bench.wait(20)
    stream.event("BOOKMARK", {"metadata": {"resourceVersion": "99"}})
    await eventually(lambda: bench.feed.resource_version == "99")
    assert bench.feed.confirmed_at == bench.clock.now()
    await bench.wait(9)
    stream.end()
    again = await bench.stream()
    assert again.request.params["resourceVersion"] == "99"
    assert bench.cluster.asked <= 2  # as each watch was opened; the first ended in its own time
    assert bench.transport.count("GET", PATH) == 3  # one list, two watches


async def test_an_unchanged_object_stays_the_same_python_object(bench: Bench) -> None:
    stream = await bench.stream()
    before = bench.store.snapshot()
    stream.event("ADDED", pod("b", 11))
    await eventually(lambda: "b" in bench.pods())
    after = bench.store.snapshot()
    assert after.revision > before.revision
    assert after.pods["a"] is before.pods["a"]
    assert after.deployments is before.deployments
    assert "b" not in before.pods


@pytest.mark.parametrize("inside", [True, False], ids=["as an event", "as an answer"])
async def test_410_lists_again(bench: Bench, inside: bool) -> None:
    stream = await bench.stream()
    bench.transport.answer("GET", PATH, listed(50, pod("c", 49), pod("a", 9)))
    kept = bench.store.snapshot().pods["a"]
    if inside:
        stream.event("ERROR", {"kind": "Status", "code": 410, "message": "too old resource version"})
    else:
        bench.transport.refuse_streams(PATH, ResourceVersionExpiredError(PATH, "too old"))
        await bench.wait(25)
        stream.end()
    await eventually(lambda: bench.feed.state is FeedState.STALE)
    assert "too old" in bench.feed.reason
    await bench.wait(1)
    again = await bench.stream()
    assert again.request.params["resourceVersion"] == "50"
    assert bench.pods() == {"c": "Running", "a": "Running"}
    assert bench.store.snapshot().pods["a"] is kept
    assert bench.feed.state is FeedState.LIVE


async def test_a_cut_goes_on_from_the_last_version_when_it_is_the_same_cluster(bench: Bench) -> None:
    stream = await bench.stream()
    stream.event("ADDED", pod("b", 11))
    await eventually(lambda: "b" in bench.pods())
    stream.fail(UnreachableError("server", "cut"))
    await eventually(lambda: bench.feed.state is FeedState.STALE)
    assert bench.pods() == {"a": "Running", "b": "Running"}
    assert stream.closed.is_set()
    await bench.wait(0.25)
    again = await bench.stream()
    assert again.request.params["resourceVersion"] == "11"
    assert bench.feed.state is FeedState.LIVE


async def test_another_cluster_under_the_same_address_is_listed_anew(bench: Bench) -> None:
    stream = await bench.stream()
    bench.cluster.present += 1
    bench.transport.answer("GET", PATH, listed(7, pod("other", 5)))
    stream.fail(UnreachableError("server", "cut"))
    await bench.wait(1)
    again = await bench.stream()
    assert again.request.params["resourceVersion"] == "7"
    assert bench.pods() == {"other": "Running"}


async def test_a_watch_that_reached_another_cluster_than_the_list_is_listed_anew(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    """The versions of the other one fit by chance, so that nothing broke."""
    bench = Bench(transport, clock)

    def swapped(_: Request) -> Response:
        bench.cluster.present = 2
        return json_answer(listed(10, pod("mine", 9)))

    transport.answer("GET", PATH, swapped, listed(10, pod("theirs", 9)))
    stream = await bench.stream()
    await eventually(stream.closed.is_set)
    assert "another cluster" in bench.feed.reason
    await bench.wait(1)
    again = await bench.stream()
    assert bench.pods() == {"theirs": "Running"}
    await bench.wait(1)
    assert bench.feed.state is FeedState.LIVE
    assert not again.closed.is_set()
    await bench.end()


async def test_whether_it_is_the_same_cluster_is_asked_until_it_is_told(bench: Bench) -> None:
    stream = await bench.stream()
    bench.cluster.trouble = UnreachableError("server", "no answer")
    stream.end()
    await bench.wait(25)
    asked = bench.cluster.asked
    await bench.wait(10)
    assert bench.cluster.asked > asked
    bench.cluster.trouble = None
    await bench.wait(5)
    assert bench.feed.state is FeedState.LIVE


async def test_a_pause_and_a_list_without_an_answer_end_when_the_server_is_back(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    transport.answer(
        "GET", PATH, ThrottledError("pods", "too many", retry_after=600), listed(10, pod("a", 9))
    )
    bench = Bench(transport, clock)
    await bench.wait(60)
    assert bench.transport.count("GET", PATH) == 1
    bench.watcher.reopen("the connection was lost for a while")
    await bench.stream()
    assert bench.pods() == {"a": "Running"}
    await bench.end()


async def test_an_outage_is_waited_out_with_growing_pauses_and_ends_within_five_seconds(bench: Bench) -> None:
    stream = await bench.stream()
    await bench.wait(0.1)
    bench.cluster.trouble = UnreachableError("server", "refused")
    stream.fail(UnreachableError("server", "cut"))
    await bench.wait(60)
    assert bench.feed.state is FeedState.STALE
    assert 10 <= bench.cluster.asked <= 22  # 0.25, 0.5, 1, 2, then every 4 seconds
    bench.cluster.trouble = None
    await bench.wait(4)
    await bench.stream()
    assert bench.feed.state is FeedState.LIVE


async def test_a_silent_watch_is_opened_anew(bench: Bench) -> None:
    stream = await bench.stream()
    await bench.wait(39)
    assert bench.feed.state is FeedState.LIVE
    await bench.wait(2)
    assert stream.closed.is_set()
    await bench.wait(1)
    again = await bench.stream()
    assert again.request.params["resourceVersion"] == "10"
    assert bench.cluster.asked >= 2  # as the first was open, and after the break


async def test_bytes_keep_a_watch_from_being_taken_for_dead(bench: Bench) -> None:
    stream = await bench.stream()
    for version in range(11, 17):
        await bench.wait(20)
        stream.event("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})
        await eventually(lambda version=version: bench.feed.resource_version == str(version))
    assert not stream.closed.is_set()


async def test_a_watch_can_be_opened_anew_on_request(bench: Bench) -> None:
    stream = await bench.stream()
    bench.watcher.reopen("the machine slept")
    await eventually(stream.closed.is_set)
    await eventually(lambda: "slept" in bench.feed.reason)
    await bench.wait(1)
    await bench.stream()


async def test_rubbish_in_the_stream_is_not_skipped_over(bench: Bench) -> None:
    stream = await bench.stream()
    stream.event("ADDED", pod("b", 11))
    stream.feed(b"<html>oops</html>\n")
    stream.event("DELETED", pod("b", 12))
    await eventually(stream.closed.is_set)
    assert bench.pods() == {"a": "Running", "b": "Running"}
    await bench.wait(1)
    assert (await bench.stream()).request.params["resourceVersion"] == "11"


STATES = [
    (ForbiddenError("pods", "cannot list"), FeedState.FORBIDDEN, {}),
    (NotFoundError("pods", "no such API"), FeedState.ABSENT, {}),
    (AuthExpiredError("plugin", "token has expired"), FeedState.AUTH_EXPIRED, {"a": "Running"}),
    (ClusterError("pods", "failed with 500"), FeedState.STALE, {"a": "Running"}),
    (ThrottledError("pods", "too many", retry_after=3), FeedState.STALE, {"a": "Running"}),
]


@pytest.mark.parametrize(("error", "state", "shown"), STATES, ids=lambda value: getattr(value, "value", None))
async def test_each_failure_has_its_state_and_passes(
    bench: Bench, error: Exception, state: FeedState, shown: dict[str, str]
) -> None:
    stream = await bench.stream()
    bench.transport.answer("GET", PATH, error)
    bench.cluster.present += 1
    if isinstance(error, (ForbiddenError, NotFoundError, AuthExpiredError)):
        bench.cluster.trouble = error
    stream.end()
    await bench.wait(10)
    assert bench.feed.state is state
    assert bench.feed.reason
    assert bench.pods() == shown
    bench.cluster.trouble = None
    bench.transport.answer("GET", PATH, listed(20, pod("a", 9)))
    await bench.wait(5 + getattr(error, "retry_after", 0))
    await bench.stream()
    assert bench.feed.state is FeedState.LIVE
    assert bench.pods() == {"a": "Running"}


async def test_throttling_is_heeded(transport: ScriptedTransport, clock: ManualClock) -> None:
    transport.answer("GET", PATH, ThrottledError("pods", "too many", retry_after=17))
    bench = Bench(transport, clock)
    await bench.wait(16)
    assert transport.count("GET", PATH) == 1
    await bench.wait(2)
    assert transport.count("GET", PATH) == 2
    await bench.end()


@pytest.mark.parametrize(("kind", "least", "most"), [(Kind.PODS, 145, 160), (Kind.NODES, 15, 30)])
async def test_what_was_never_allowed_is_asked_for_more_rarely_outside_of_the_namespace(
    transport: ScriptedTransport, clock: ManualClock, kind: Kind, least: int, most: int
) -> None:
    """A right in the namespace may be given at any moment, and then its kind is there within five seconds."""
    path = PATH if kind is Kind.PODS else "/api/v1/nodes"
    transport.answer("GET", path, ForbiddenError("pods", "cannot list"))
    bench = Bench(transport, clock, kind)
    await bench.wait(600)
    assert least <= transport.count("GET", path) <= most
    await bench.end()


async def test_the_first_page_is_shown_at_once_with_the_total(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    transport.answer(
        "GET", PATH, listed(10, pod("a", 1), more="token", remaining=9_999), ClusterError("pods", "500")
    )
    bench = Bench(transport, clock)
    await eventually(lambda: "a" in bench.pods())
    assert bench.feed.total == 10_000
    assert bench.feed.state is FeedState.CONNECTING
    transport.answer("GET", PATH, listed(11, pod("a", 1), pod("b", 2)))
    await bench.wait(1)
    await bench.stream()
    assert bench.feed.total is None
    assert bench.feed.state is FeedState.LIVE
    await bench.end()


async def test_a_list_whose_token_expired_begins_again(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    expired = ResourceVersionExpiredError("pods", "the continue token is too old")
    transport.answer(
        "GET", PATH, listed(10, pod("gone", 1), more="token"), expired, listed(20, pod("a", 15), more="t2"),
        listed(20, pod("b", 16)),
    )  # fmt: skip
    bench = Bench(transport, clock)
    assert (await bench.stream()).request.params["resourceVersion"] == "20"
    assert bench.pods() == {"a": "Running", "b": "Running"}
    await bench.end()


async def test_a_server_that_hangs_up_at_once_is_not_asked_in_a_tight_loop(bench: Bench) -> None:
    for _ in range(200):
        stream = await bench.stream()
        stream.end()
        await eventually(stream.closed.is_set)
        await bench.wait(4)
        if bench.clock.monotonic() > 60:
            break
    assert bench.transport.count("GET", PATH) < 30


async def test_a_deleted_object_does_not_take_its_successor_with_it(bench: Bench) -> None:
    stream = await bench.stream()
    stream.event("ADDED", pod("a", 12, "Pending", uid="new"))
    stream.event("DELETED", pod("a", 13, uid="uid-a"))
    stream.event("BOOKMARK", {"metadata": {"resourceVersion": "14"}})
    await eventually(lambda: bench.feed.resource_version == "14")
    assert bench.pods() == {"a": "Pending"}
