"""Logs through the console: merged by time, redacted, followed through new pods and cuts, saved for their owner."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster_reading.support import BreakableProxy
from tests.operations.opened_console import (
    console_on,
    console_sees,
    embedded_console,
    eventually,
    private_folders,
)

from posdeck.errors import AuditError, ForbiddenError, PosdeckError
from posdeck.operations import journal
from posdeck.operations.console import Console
from posdeck.operations.front import LogLine, LogRequest
from posdeck.operations.logs import saved_line

ORDER = "spc--pos--be--consumer-order--prod"
BULK = "spc--pos--be--consumer-orders-bulk-upload--prod"


@pytest.fixture
async def embedded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        yield console


@pytest.fixture
async def real(
    control_plane: ControlPlane, spc_pos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Console]:
    private_folders(monkeypatch, tmp_path)
    async with console_on(control_plane.kubeconfig, namespace=spc_pos) as console:
        yield console


def pods(console: Console, deployment: str) -> tuple[str, ...]:
    return tuple(sorted(p for p in console.view.snapshot.pods if p.startswith(f"{deployment}-")))


class Following:
    """A log that is followed, and what it has brought."""

    def __init__(self, console: Console, request: LogRequest) -> None:
        self.found: list[LogLine] = []
        self.task = asyncio.ensure_future(self._run(console, request))

    async def _run(self, console: Console, request: LogRequest) -> None:
        async for line in console.logs(request):
            self.found.append(line)

    def texts(self) -> list[str]:
        return [line.text for line in self.found if line.level != "mark"]

    def marks(self) -> str:
        return "; ".join(line.text for line in self.found if line.level == "mark")

    async def until(self, *texts: str) -> None:
        await eventually(lambda: all(t in self.texts() for t in texts), f"{texts} among {self.texts()[-5:]}")

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def whole(console: Console, request: LogRequest) -> list[LogLine]:
    async with asyncio.timeout(30):
        return [line async for line in console.logs(request)]


async def test_pods_that_are_read_once_are_merged_by_time(embedded: Console) -> None:
    names = pods(embedded, BULK)
    assert len(names) == 3
    found = await whole(embedded, LogRequest(names, follow=False, tail=50))
    times = [line.at for line in found if line.at]
    assert times == sorted(times)
    assert {line.pod for line in found} == set(names)


async def test_nobody_to_read_ends_at_once(embedded: Console) -> None:
    assert await whole(embedded, LogRequest(("absent",))) == []


async def test_saved_lines_are_the_owners_only_and_recorded(embedded: Console) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    lines = [LogLine("p", "c", at, "\x1b[2Jtext\x9b", "error"), LogLine("p", "c", None, "cut", "mark")]
    path = await embedded.save_log("../../etc/consumer order", lines)
    assert path.parent == embedded.opening.state / "logs"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.read_text() == "2026-01-01T00:00:00.000+00:00 p/c ␛[2Jtext\ufffd\n- p/c --- cut\n"
    with journal.reading_store(embedded.opening.audit_file) as store:
        note = next(r.content for r in store.records() if r.content.get("topic") == "exported")
    assert "2 redacted log lines" in note["text"]
    assert saved_line(lines[1]).endswith("--- cut")


async def test_a_log_is_saved_where_its_owner_wants_it_and_never_over_another_file(
    embedded: Console, tmp_path: Path
) -> None:
    lines = [LogLine("p", "c", None, "text")]
    wanted = tmp_path / "order.log"
    assert await embedded.save_log("x", lines, str(wanted)) == wanted
    assert wanted.stat().st_mode & 0o777 == 0o600
    wanted.write_text("mine")
    for name in (str(wanted), "order.log", str(tmp_path / "absent" / "order.log")):
        with pytest.raises(PosdeckError):
            await embedded.save_log("x", lines, name)
    assert wanted.read_text() == "mine"


async def test_without_a_record_nothing_is_saved(embedded: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise AuditError("record", "the disk is full")

    assert embedded.workshop is not None
    monkeypatch.setattr(embedded.workshop, "_store", None)
    monkeypatch.setattr(embedded.workshop, "open_store", full)
    with pytest.raises(AuditError):
        await embedded.save_log("x", [LogLine("p", "c", None, "text")])
    assert not (embedded.opening.state / "logs").exists()


@pytest.mark.cluster
async def test_patient_data_never_leaves_the_reader(
    real: Console, control_plane: ControlPlane, spc_pos: str
) -> None:
    name = pods(real, ORDER)[0]
    control_plane.set_logs(
        spc_pos, name, ["order o-17 for jane.doe@example.com", "password=hunter2 card 4111 1111 1111 1111"]
    )
    found = await whole(real, LogRequest((name,), follow=False))
    text = "\n".join(line.text for line in found)
    assert "o-17" in text
    for secret in ("jane.doe", "hunter2", "4111 1111"):
        assert secret not in text


@pytest.mark.cluster
async def test_the_log_before_the_restart(real: Console, control_plane: ControlPlane, spc_pos: str) -> None:
    first, second = pods(real, BULK)[:2]
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    control_plane.set_logs(spc_pos, first, ["now 1"], previous=["a 1", "a 2", "a 3"], start=start)
    control_plane.set_logs(
        spc_pos, second, ["now 2"], previous=["b 1", "b 2"], start=start + timedelta(milliseconds=500)
    )
    found = await whole(real, LogRequest((first, second), follow=False, previous=True, tail=None))
    assert [line.text for line in found] == ["a 1", "b 1", "a 2", "b 2", "a 3"]


@pytest.mark.cluster
async def test_since_and_tail(real: Console, control_plane: ControlPlane, spc_pos: str) -> None:
    name = pods(real, ORDER)[0]
    start = datetime.now(UTC) - timedelta(minutes=10)
    control_plane.set_logs(spc_pos, name, [f"line {n}" for n in range(600)], start=start)
    request = LogRequest((name,), follow=False, tail=None)
    assert len(await whole(real, request)) == 600
    assert [line.text for line in await whole(real, replace(request, tail=3))] == [
        "line 597", "line 598", "line 599"
    ]  # fmt: skip
    recent = await whole(real, replace(request, since=60))
    assert 50 <= len(recent) <= 65


@pytest.mark.cluster
async def test_a_pod_that_comes_later_joins_the_log_of_its_workload(
    real: Console, control_plane: ControlPlane, spc_pos: str
) -> None:
    """A rollout replaces the pods; whoever follows the workload sees the new ones without asking again."""
    name = pods(real, ORDER)[0]
    control_plane.set_logs(spc_pos, name, ["old pod"])
    following = Following(real, LogRequest((name,), deployments=(ORDER,)))
    try:
        await following.until("old pod")
        control_plane.append_log(spc_pos, name, "still here")
        await following.until("still here")
        control_plane.kubectl(
            "delete", "pod", name, "-n", spc_pos, "--wait=false", "--grace-period=0", "--force"
        )
        await console_sees(
            real,
            lambda v: any(
                p.is_ready for n, p in v.snapshot.pods.items() if n in pods(real, ORDER) and n != name
            ),
        )
        new = next(p for p in pods(real, ORDER) if p != name)
        await eventually(lambda: any(line.pod == new for line in following.found), "a line of the new pod")
        assert following.texts().count("old pod") == 1
    finally:
        await following.end()


@pytest.mark.cluster
async def test_a_cut_connection_is_marked_and_leaves_no_gap(
    control_plane: ControlPlane, spc_pos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    host, port = control_plane.server.removeprefix("https://").split(":")
    proxy = BreakableProxy(host, int(port))
    await proxy.open()
    config = tmp_path / "kubeconfig"
    config.write_text(
        control_plane.kubeconfig.read_text().replace(control_plane.server, f"https://{host}:{proxy.port}")
    )
    try:
        async with console_on(config, namespace=spc_pos) as console:
            name = pods(console, ORDER)[0]
            control_plane.set_logs(spc_pos, name, ["before 1", "before 2"])
            following = Following(console, LogRequest((name,)))
            try:
                await following.until("before 2")
                proxy.cut()
                control_plane.append_log(spc_pos, name, "during")
                await following.until("during")
                control_plane.append_log(spc_pos, name, "after")
                await following.until("after")
                assert following.texts() == ["before 1", "before 2", "during", "after"]
            finally:
                await following.end()
    finally:
        await proxy.close()


@pytest.mark.cluster
async def test_a_log_that_may_not_be_read_is_an_error_and_not_an_empty_log(
    real: Console, control_plane: ControlPlane, spc_pos: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert real.workshop is not None
    name = pods(real, ORDER)[0]

    def refuse(*_: object, **__: object) -> None:
        raise ForbiddenError(f"pods/log {name}", "cannot get")

    monkeypatch.setattr(real.workshop.transport, "stream", refuse)
    with pytest.raises(ForbiddenError):
        await whole(real, LogRequest((name,), follow=False))
