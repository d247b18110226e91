"""Port-forwarding and the service proxy, and what answers behind them."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from tests.simulator.client import Client
from tests.simulator.pos_seed import APP, COLLECTOR

from posdeck.simulator.portforward import CHANNELS
from posdeck.simulator.server import Simulator

REQUEST = b"GET %s HTTP/1.1\r\nHost: pod\r\n\r\n"


def pod_of(simulator: Simulator, deployment: str) -> Any:
    return next(p for p in simulator.objects("pods") if p["metadata"]["labels"].get("app") == deployment)


async def forward(client: Client, pod: str, port: int, path: bytes) -> list[bytes]:
    """The messages after the two that open the channels."""
    url = client.path("pods", pod, "portforward") + f"?ports={port}"
    async with client.session.ws_connect(url, protocols=(CHANNELS,)) as socket:
        assert socket.protocol == CHANNELS
        for channel in (0, 1):
            assert await socket.receive_bytes(timeout=5) == bytes([channel]) + struct.pack("<H", port)
        await socket.send_bytes(b"\x00" + REQUEST % path)
        return [await socket.receive_bytes(timeout=5)]


async def test_the_collectors_own_metrics(simulator: Simulator, client: Client) -> None:
    name = pod_of(simulator, COLLECTOR)["metadata"]["name"]
    (answer,) = await forward(client, name, 8888, b"/metrics")
    assert answer.startswith(b"\x00HTTP/1.1 200 OK\r\n")
    assert b"otelcol_receiver_accepted_spans{" in answer


async def test_the_api_answers_its_probe(simulator: Simulator, client: Client) -> None:
    name = pod_of(simulator, APP)["metadata"]["name"]
    (answer,) = await forward(client, name, 8080, b"/healthz")
    assert b'"status":"up"' in answer


async def test_a_port_that_nobody_listens_on_is_an_error(simulator: Simulator, client: Client) -> None:
    name = pod_of(simulator, APP)["metadata"]["name"]
    (answer,) = await forward(client, name, 9999, b"/")
    assert answer[0] == 1
    assert b"connection refused" in answer


@pytest.mark.parametrize(
    ("service", "path", "status"), [(f"{APP}:80", "healthz", 200), (APP, "api/v1/orders", 401)]
)
async def test_the_service_proxy(client: Client, service: str, path: str, status: int) -> None:
    found, _ = await client.request("GET", client.path("services", service, f"proxy/{path}"))
    assert found == status


async def test_a_service_without_pods_is_unavailable(
    simulator: Simulator, client: Client, clock: Any
) -> None:
    await client.patch(client.path("apps/v1/deployments", COLLECTOR), {"spec": {"replicas": 0}})
    await clock.advance(30)
    status, body = await client.request("GET", client.path("services", f"{COLLECTOR}:4317", "proxy/"))
    assert (status, body["reason"]) == (503, "ServiceUnavailable")
    assert simulator.load.collector.refused > 0
