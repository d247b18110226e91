"""A pod's port is reached through the API server: as a stream, by a probe, and from a local listener."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.cluster.control_plane import ControlPlane

from posdeck.clock import ManualClock, SystemClock
from posdeck.cluster.connection import Route, connect
from posdeck.cluster.http_probe import http_probe
from posdeck.cluster.kubeconfig import load_target
from posdeck.cluster.portforward import PortForward
from posdeck.cluster.scripted import ScriptedTransport
from posdeck.cluster.transport import Transport
from posdeck.errors import ForbiddenError, UnreachableError

pytestmark = pytest.mark.cluster


@pytest.fixture(params=["direct", "official"])
async def admin(
    request: pytest.FixtureRequest, control_plane: ControlPlane, spc_pos: str
) -> AsyncIterator[Transport]:
    route: Route = request.param
    transport = await connect(load_target(control_plane.kubeconfig, namespace=spc_pos), route=route)
    yield transport
    await transport.close()


def some_pod(control_plane: ControlPlane, namespace: str) -> str:
    names = control_plane.kubectl("get", "pods", "-n", namespace, "-o", "name").stdout.split()
    return names[0].removeprefix("pod/")


async def test_a_port_is_probed_and_forwarded(
    admin: Transport, control_plane: ControlPlane, spc_pos: str
) -> None:
    forward = PortForward(admin, spc_pos, some_pod(control_plane, spc_pos), 80)
    result = await http_probe(forward, "/", SystemClock(), limit=15)
    assert result.status == 200
    assert b"hello" in result.body
    assert result.seconds >= 0

    port = await forward.listen()
    try:
        for _ in range(2):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            async with asyncio.timeout(15):
                answer = await reader.readuntil(result.body)
            assert answer.startswith(b"HTTP/1.")
            writer.close()
            await writer.wait_closed()
        assert forward.bytes_received > 3 * len(result.body)
        assert forward.bytes_sent > 0
    finally:
        await forward.close()


async def test_a_forward_that_is_not_allowed_says_so(control_plane: ControlPlane, spc_pos: str) -> None:
    transport = await connect(load_target(control_plane.identity("nobody"), namespace=spc_pos))
    try:
        forward = PortForward(transport, spc_pos, some_pod(control_plane, spc_pos), 80)
        with pytest.raises(ForbiddenError):
            await http_probe(forward, "/", SystemClock(), limit=15)
    finally:
        await transport.close()


async def test_a_probe_path_cannot_smuggle_headers(transport: ScriptedTransport, clock: ManualClock) -> None:
    forward = PortForward(transport, "n", "p", 80)
    with pytest.raises(ValueError, match="control characters"):
        await http_probe(forward, "/ HTTP/1.1\r\nX: y", clock)
    with pytest.raises(UnreachableError):
        await http_probe(forward, "/", clock)
