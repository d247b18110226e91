"""Port-forwards: on loopback only, recorded before they open, following their pods, with a probe."""

from __future__ import annotations

import asyncio
import errno
import socket
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.operations.opened_console import console_on, embedded_console, eventually, private_folders

from posdeck.cluster.resources import PODS
from posdeck.errors import (
    AuditError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    RefusedError,
    UnknownNameError,
)
from posdeck.operations import journal
from posdeck.operations.console import Console
from posdeck.operations.forward_ports import ForwardChoice, choice_of, choices_for, local_for, parse_ports
from posdeck.operations.forward_view import ForwardState, ForwardView
from posdeck.simulator.server import Simulator

APP = "spc--pos--be--app--prod"
COLLECTOR = "spc-pos-otel-collector"


@pytest.fixture
async def embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Console, Simulator]]:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as both:
        yield both


@pytest.fixture
def console(embedded: tuple[Console, Simulator]) -> Console:
    return embedded[0]


def free(choice: ForwardChoice) -> ForwardChoice:
    """The same on any free local port, so that tests never meet on one."""
    return replace(choice, local=0)


def api_choice(console: Console) -> ForwardChoice:
    workload = console.catalogue.by_deployment[APP]
    return free(choices_for(console.view.snapshot, "deployment", APP, workload)[0])


def notes(console: Console) -> list[str]:
    with journal.reading_store(console.opening.audit_file) as store:
        return [r.content["text"] for r in store.records() if r.content.get("topic") == "exempt-write"]


async def ask(view: ForwardView, path: str = "/healthz") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", view.local)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    async with asyncio.timeout(15):
        answer = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()
    return answer


def test_the_known_ports_are_proposed(console: Console) -> None:
    """8080:80 of the API, and the collector's three at once."""
    snapshot = console.view.snapshot
    app, collector = (console.catalogue.by_deployment[n] for n in (APP, COLLECTOR))
    assert [(c.target, c.local) for c in choices_for(snapshot, "deployment", APP, app)] == [
        (f"service/{APP}:80", 8080)
    ]
    found = choices_for(snapshot, "deployment", COLLECTOR, collector)
    assert [c.local for c in found] == [4317, 4318, 8888]
    assert [c.remote for c in choices_for(snapshot, "service", COLLECTOR)] == [4317, 4318]
    pod = next(p for p in snapshot.pods if p.startswith(APP))
    assert [(c.target, c.local) for c in choices_for(snapshot, "pod", pod, app)] == [
        (f"pod/{pod}:8080", 8080)
    ]
    assert choices_for(snapshot, "pod", "absent") == ()


def test_a_number_that_a_service_has_means_the_service(console: Console) -> None:
    """80 of the API is 8080 in its pod; a number that no service has is the pod's own."""
    snapshot = console.view.snapshot
    assert choice_of(snapshot, "deployment", APP, "9000:80").target == f"service/{APP}:80"
    assert choice_of(snapshot, "deployment", APP, "9000:80").local == 9000
    assert choice_of(snapshot, "deployment", APP, "8080").target == f"deployment/{APP}:8080"


def test_ports_are_read_as_kubectl_writes_them() -> None:
    assert parse_ports("pod", "p", "9000:80") == ForwardChoice("pod", "p", 80, 9000, exact=True)
    assert parse_ports("pod", "p", "443") == ForwardChoice("pod", "p", 443, 8443)
    assert (local_for(80), local_for(8888)) == (8080, 8888)
    for wrong in ("", "x", "80:", "0:80", "80:70000", "1:2:3", "-1"):
        with pytest.raises(UnknownNameError):
            parse_ports("pod", "p", wrong)


async def test_a_forward_reaches_the_application_and_counts(console: Console) -> None:
    view = await console.forwards.start(api_choice(console))
    assert view.address.startswith("127.0.0.1:")
    assert view.port == 8080, "the service's target port, not its own"
    assert b"200" in await ask(view)
    await eventually(lambda: console.forwards.list()[0].bytes_received > 0, "bytes are counted")
    now = console.forwards.list()[0]
    assert (now.state, now.problem) == (ForwardState.LISTENING, "")
    assert now.bytes_sent > 0
    last = await console.forwards.stop(view.id)
    assert last.bytes_received >= now.bytes_received
    assert console.forwards.list() == ()
    with pytest.raises(OSError) as refused:
        await asyncio.open_connection("127.0.0.1", view.local)
    assert refused.value.errno == errno.ECONNREFUSED


async def test_it_listens_on_loopback_only(console: Console) -> None:
    """Another machine on the network must not get into the namespace through this one."""
    view = await console.forwards.start(api_choice(console))
    other = socket.socket()
    other.settimeout(2)
    with other, pytest.raises(OSError):
        other.connect(("127.0.0.2", view.local))


async def test_it_is_in_the_record_before_it_opens_and_after_it_closes(console: Console) -> None:
    view = await console.forwards.start(api_choice(console))
    assert len(notes(console)) == 1
    assert f"→ {view.pod}:8080 for service/{APP}:80" in notes(console)[0]
    await console.forwards.stop(view.id)
    assert notes(console)[1].startswith(f"closed the port-forward 127.0.0.1:{view.local}")


async def test_without_a_record_nothing_opens(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise AuditError("record", "the disk is full")

    assert console.workshop is not None
    monkeypatch.setattr(console.workshop, "_store", None)
    monkeypatch.setattr(console.workshop, "open_store", full)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(AuditError):
        await console.forwards.start(replace(api_choice(console), local=port))
    assert console.forwards.list() == ()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_the_same_port_is_not_opened_twice(console: Console) -> None:
    first = await console.forwards.start(api_choice(console))
    second = await console.forwards.start(api_choice(console))
    assert first.id == second.id
    assert len(console.forwards.list()) == 1


async def test_a_taken_local_port_is_replaced_unless_it_was_asked_for(console: Console) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        choice = replace(api_choice(console), local=port)
        with pytest.raises(Exception, match="cannot listen"):
            await console.forwards.start(replace(choice, exact=True))
        view = await console.forwards.start(choice)
        assert view.local not in {0, port}
        assert sum("was not opened" in note for note in notes(console)) == 2


async def test_the_probe_keeps_status_latency_and_history(console: Console) -> None:
    view = await console.forwards.start(api_choice(console))
    good = await console.forwards.probe(view.id, "/healthz")
    assert good.status == 200
    assert good.seconds is not None
    assert '"status"' in good.body
    refused = await console.forwards.probe(view.id, "/api/orders")
    assert (refused.status, refused.problem) == (401, "")
    now = console.forwards.list()[0]
    assert [p.status for p in now.probes] == [200, 401]
    assert now.probe_path == "/api/orders"
    with pytest.raises(InvalidError):
        await console.forwards.probe(view.id, "no slash")
    with pytest.raises(InvalidError):
        await console.forwards.probe(view.id, "/x HTTP/1.1\r\nX: y")


async def test_the_probe_of_a_port_that_nobody_serves_says_so(console: Console) -> None:
    pod = next(p for p in console.view.snapshot.pods if p.startswith(APP))
    view = await console.forwards.start(ForwardChoice("pod", pod, 9))
    point = await console.forwards.probe(view.id, "/")
    assert point.status is None
    assert "connection refused" in point.problem
    now = console.forwards.list()[0]
    assert now.state is ForwardState.FAILING
    assert "connection refused" in now.problem


async def test_the_probe_goes_on_by_itself_until_it_is_told_not_to(console: Console) -> None:
    view = await console.forwards.start(api_choice(console))
    console.forwards.probe_always(view.id, "/healthz")
    await eventually(lambda: bool(console.forwards.list()[0].probes), "the first probe")
    assert console.forwards.list()[0].probing
    console.forwards.probe_always(view.id, on=False)
    assert not console.forwards.list()[0].probing


async def test_a_forward_to_a_service_moves_to_the_next_pod(embedded: tuple[Console, Simulator]) -> None:
    console, _ = embedded
    view = await console.forwards.start(api_choice(console))
    assert console.workshop is not None
    path = PODS.path(console.opening.namespace, view.pod)
    await console.workshop.transport.request("DELETE", path, body=b'{"gracePeriodSeconds":0}')
    await eventually(lambda: console.forwards.list()[0].moved == 1, "the forward moves")
    moved = console.forwards.list()[0]
    assert (moved.local, moved.state) == (view.local, ForwardState.LISTENING)
    assert moved.pod != view.pod
    assert b"200" in await ask(moved)
    assert any("goes on to" in note for note in notes(console))


async def test_what_does_not_exist_or_does_not_run_is_refused_with_the_reason(console: Console) -> None:
    for choice, words in (
        (ForwardChoice("pod", "absent", 80), "no pod of it is running"),
        (ForwardChoice("service", APP, 81), "no such port"),
        (ForwardChoice("deployment", "spc--pos--be--wrk--sync-patient--prod", 80), "no pod of it is running"),
    ):
        with pytest.raises(NotFoundError, match=words):
            await console.forwards.start(choice)
    with pytest.raises(UnknownNameError):
        await console.forwards.stop("f99")


async def test_closing_posdeck_closes_and_records_every_forward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        view = await console.forwards.start(api_choice(console))
        file = console.opening.audit_file
    assert notes(console)[-1].endswith("posdeck was closed")
    with sqlite3.connect(file) as store:
        assert store.execute("pragma integrity_check").fetchone() == ("ok",)
    store.close()
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", view.local)


@pytest.mark.cluster
async def test_on_a_real_control_plane(
    control_plane: ControlPlane, spc_pos: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same through a real API server: reached, probed, and refused for an identity without the right."""
    private_folders(monkeypatch, tmp_path)
    async with console_on(control_plane.kubeconfig, namespace=spc_pos) as console:
        pod = next(iter(console.view.snapshot.pods))
        view = await console.forwards.start(ForwardChoice("pod", pod, 80))
        point = await console.forwards.probe(view.id, "/")
        assert point.status == 200
        assert b"200" in await ask(view, "/")
    viewer = control_plane.identity("viewer", spc_pos)
    async with console_on(viewer, namespace=spc_pos) as console:
        with pytest.raises(ForbiddenError):
            await console.forwards.start(ForwardChoice("pod", pod, 80))
        assert console.forwards.list() == ()
        assert "was not opened" in notes(console)[-1]


async def test_read_only_mode_leaves_port_forwards_open_and_they_are_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forward changes nothing in the cluster; what goes through it is the application's to record."""
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        monkeypatch.setattr(
            console,
            "opening",
            replace(console.opening, request=replace(console.opening.request, read_only=True)),
        )
        assert console.standing().read_only
        view = await console.forwards.start(api_choice(console))
        assert view.state is ForwardState.LISTENING
        assert any("opening a port-forward" in note for note in notes(console))


async def test_an_environment_may_forbid_port_forwards_and_the_refusal_is_recorded(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = console.catalogue.environment
    forbidding = replace(environment, policy=replace(environment.policy, port_forward=False))
    monkeypatch.setattr(console, "catalogue", replace(console.catalogue, environment=forbidding))
    with pytest.raises(RefusedError, match="allows no port-forward"):
        await console.forwards.start(api_choice(console))
    assert console.forwards.list() == ()
    assert "refused by the policy of simulated" in notes(console)[-1]
