"""A followed log has every line once, in order, whatever happens to the connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster_reading.support import BreakableProxy, LongestPauses, eventually

from posdeck.clock import ManualClock, SystemClock
from posdeck.cluster.connection import connect
from posdeck.cluster.kubeconfig import load_target
from posdeck.cluster.log_merge import LogMerge
from posdeck.cluster.logs import LogItem, LogLine, LogMark, LogOptions, LogStream
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.errors import ForbiddenError, NotFoundError, UnreachableError

POD = "/api/v1/namespaces/n/pods/p"
LOG = f"{POD}/log"


def pod(restarts: int = 0, *, terminated: bool = False, phase: str = "Running") -> dict[str, Any]:
    state = {"terminated": {"exitCode": 0}} if terminated else {"running": {}}
    status = {"name": "c", "restartCount": restarts, "state": state}
    return {"spec": {"restartPolicy": "Always"}, "status": {"phase": phase, "containerStatuses": [status]}}


def line(second: float, text: str) -> bytes:
    whole = int(second)
    return f"2026-01-01T00:00:{whole:02d}.{round((second - whole) * 1e9):09d}Z {text}\n".encode()


class Following:
    """A followed stream and what it has brought."""

    def __init__(self, transport: ScriptedTransport, clock: ManualClock, **options: Any) -> None:
        self.items: list[LogItem] = []
        self.stream = LogStream(
            transport, "n", "p", "c", clock, options=LogOptions(**options), rand=LongestPauses()
        )
        self.task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        async for batch in self.stream.follow():
            self.items += batch

    def lines(self) -> list[str]:
        return [item.text for item in self.items if isinstance(item, LogLine)]

    def marks(self) -> str:
        return "; ".join(item.text for item in self.items if isinstance(item, LogMark))

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_a_cut_stream_goes_on_without_gap_or_repetition(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    transport.answer("GET", POD, pod())
    following = Following(transport, clock, tail=10)
    first = await transport.next_stream(LOG)
    assert first.request.params == {
        "container": "c",
        "timestamps": "true",
        "follow": "true",
        "tailLines": "10",
    }
    sent = [line(1, "old"), line(4.1, "same"), line(4.1, "same"), line(4.05, "late"), line(4.2, "x")]
    first.feed(*sent, line(4.3, "cut")[:20])
    await eventually(lambda: len(following.lines()) == 5)
    first.fail(UnreachableError("server", "cut"))
    await eventually(lambda: "interrupted" in following.marks())
    await clock.advance(1)
    second = await transport.next_stream(LOG)
    assert second.request.params["sinceTime"] == "2026-01-01T00:00:03Z"
    assert "tailLines" not in second.request.params
    second.feed(*sent[1:], line(4.2, "x"), line(4.3, "cut"), line(5, "same"))
    await eventually(lambda: len(following.lines()) == 8)
    assert following.lines() == ["old", "same", "same", "late", "x", "x", "cut", "same"]
    await following.end()


async def test_after_a_restart_the_end_of_the_old_container_comes_first(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    transport.answer("GET", POD, pod(0))
    following = Following(transport, clock)
    first = await transport.next_stream(LOG)
    first.feed(line(1, "a"))
    await eventually(lambda: following.lines() == ["a"])
    transport.answer("GET", POD, pod(1))
    first.end()
    await clock.advance(1)
    previous = await transport.next_stream(LOG)
    assert previous.request.params["previous"] == "true"
    assert "follow" not in previous.request.params
    previous.feed(line(1, "a"), line(2, "last words")[:-1])
    previous.end()
    current = await transport.next_stream(LOG)
    current.feed(line(9, "born"))
    await eventually(lambda: following.lines() == ["a", "last words", "born"])
    assert "restarted" in following.marks()
    await following.end()


async def test_a_container_that_ended_for_good_ends_the_log_with_its_last_line(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    transport.answer("GET", POD, pod(), pod(terminated=True, phase="Succeeded"))
    following = Following(transport, clock)
    stream = await transport.next_stream(LOG)
    stream.feed(line(1, "a"), line(2, "no line end")[:-1])
    stream.end()
    last = await transport.next_stream(LOG)
    last.feed(line(1, "a"), line(2, "no line end")[:-1])
    last.end()
    async with asyncio.timeout(5):
        await following.task
    assert following.lines() == ["a", "no line end"]
    assert following.marks() == "the container has ended"


async def test_a_deleted_pod_ends_the_log(transport: ScriptedTransport, clock: ManualClock) -> None:
    transport.answer("GET", POD, pod(), NotFoundError("pods p", "gone"))
    following = Following(transport, clock)
    (await transport.next_stream(LOG)).end()
    async with asyncio.timeout(5):
        await following.task
    assert following.marks() == "the pod is gone"


async def test_a_log_that_may_not_be_read_says_so(transport: ScriptedTransport, clock: ManualClock) -> None:
    transport.answer("GET", POD, pod())
    transport.refuse_streams(LOG, ForbiddenError("pods/log p", "cannot get"))
    with pytest.raises(ForbiddenError):
        await Following(transport, clock).task


async def test_odd_lines_come_through(transport: ScriptedTransport, clock: ManualClock) -> None:
    transport.answer("GET", POD, pod())
    following = Following(transport, clock)
    stream = await transport.next_stream(LOG)
    stream.feed(
        b"no stamp at all\n",
        line(1, ""),
        line(2, "\x1b[31m") + b"\xff\xfe\n",
        line(3, "x" * (1 << 20) + "yy"),
    )
    await eventually(lambda: len(following.lines()) == 5)
    assert following.lines()[:3] == ["no stamp at all", "", "\x1b[31m"]
    last = following.items[-1]
    assert isinstance(last, LogLine)
    assert (len(last.text), last.truncated) == (1 << 20, 2)
    await following.end()


async def test_logs_of_many_pods_are_merged_by_the_servers_time(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    for name in "ab":
        transport.answer("GET", f"/api/v1/namespaces/n/pods/{name}", pod())
    streams = [LogStream(transport, "n", name, "c", clock) for name in "ab"]
    merge = LogMerge(streams, clock)
    found: list[str] = []

    async def run() -> None:
        async for batch in merge.follow():
            found.extend(item.text for item in batch)

    task = asyncio.ensure_future(run())
    a = await transport.next_stream("/api/v1/namespaces/n/pods/a/log")
    b = await transport.next_stream("/api/v1/namespaces/n/pods/b/log")
    a.feed(line(1, "a1"), line(3, "a3"))
    await clock.advance(0.1)
    b.feed(line(2, "b2"), line(4, "b4"))
    await clock.advance(0.5)
    await clock.advance(0.5)
    assert found == ["a1", "b2", "a3", "b4"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_nobody_reads_is_dropped_and_counted(
    transport: ScriptedTransport, clock: ManualClock
) -> None:
    transport.answer("GET", POD, pod(), NotFoundError("p", "gone"))
    merge = LogMerge([LogStream(transport, "n", "p", "c", clock)], clock, capacity=10)
    reader = merge.follow()
    first = asyncio.ensure_future(anext(reader))
    stream = await transport.next_stream(LOG)
    stream.feed(*(line(index / 1000, str(index)) for index in range(100)))
    stream.end()
    await clock.advance(1)
    batch = await asyncio.wait_for(first, 5)
    assert merge.dropped == 91
    assert [item.text for item in batch] == [*map(str, range(91, 100)), "the pod is gone"]
    await reader.aclose()  # type: ignore[attr-defined]


@pytest.mark.cluster
async def test_a_real_log_survives_a_cut(
    control_plane: ControlPlane,
    spc_pos: str,
    proxies: Callable[[str, int], Awaitable[BreakableProxy]],
) -> None:
    names = control_plane.kubectl("get", "pods", "-n", spc_pos, "-o", "name").stdout.split()
    name = names[0].removeprefix("pod/")
    control_plane.set_logs(spc_pos, name, [f"line {i}" for i in range(20)])
    container = control_plane.kubectl(
        "get", "pod", name, "-n", spc_pos, "-o", "jsonpath={.spec.containers[0].name}"
    ).stdout
    proxy = await proxies("127.0.0.1", control_plane.ports["api"])
    target = load_target(control_plane.identity("viewer"), namespace=spc_pos)
    target = replace(target, server=replace(target.server, url=f"https://127.0.0.1:{proxy.port}"))
    transport = await connect(target)
    stream = LogStream(transport, spc_pos, name, container, SystemClock(), options=LogOptions(tail=5))
    found: list[str] = []

    async def run() -> None:
        async for batch in stream.follow():
            found.extend(item.text for item in batch if isinstance(item, LogLine))

    task = asyncio.ensure_future(run())
    try:
        await eventually(lambda: found == [f"line {i}" for i in range(15, 20)], within=15)
        control_plane.append_log(spc_pos, name, "live")
        await eventually(lambda: found[-1] == "live", within=15)
        await proxy.refuse()
        control_plane.append_log(spc_pos, name, "while cut")
        await proxy.open()
        await eventually(lambda: found[-1] == "while cut", within=15)
        assert found == [*(f"line {i}" for i in range(15, 20)), "live", "while cut"]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await transport.close()
