"""What the embedded cluster looks like in its first minute."""

from __future__ import annotations

import socket
import stat
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.simulator.client import Client
from tests.simulator.pos_seed import APP, BULK, COLLECTOR, NAMESPACE, NGINX, full, pos_seed

from posdeck.clock import ManualClock
from posdeck.errors import ConfigurationError, UnreachableError
from posdeck.kubetext.pods import pod_text
from posdeck.simulator.server import Simulator

DEPLOYMENTS = "apps/v1/deployments"


def versions(simulator: Simulator) -> dict[str, str]:
    kinds = ("pods", "apps/deployments", "apps/replicasets", "services", "events", "endpoints")
    return {
        f"{kind}/{obj['metadata']['name']}": obj["metadata"]["resourceVersion"]
        for kind in kinds
        for obj in simulator.objects(kind)
    }


async def test_the_namespace_is_the_one_of_the_reference(simulator: Simulator) -> None:
    deployments = {d["metadata"]["name"]: d for d in simulator.objects("apps/deployments")}
    assert len(deployments) == 18
    sizes = {name: d["spec"]["replicas"] for name, d in deployments.items()}
    assert {name: n for name, n in sizes.items() if n != 1} == {
        APP: 2,
        BULK: 3,
        full("wrk--read-hl7-sftp"): 0,
        full("wrk--sync-patient"): 0,
    }
    assert len(simulator.objects("pods")) == 19
    assert {s["metadata"]["name"] for s in simulator.objects("services")} == {APP, NGINX, COLLECTOR}
    (hpa,) = simulator.objects("autoscaling/horizontalpodautoscalers")
    assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (2, 15)


async def test_everything_has_been_running_for_days(simulator: Simulator, clock: ManualClock) -> None:
    for pod in simulator.objects("pods"):
        text = pod_text(pod)
        assert (text.ready, text.status, text.restarts) == ("1/1", "Running", 0)
        assert pod["metadata"]["creationTimestamp"] < "2026-02-28"
        assert pod["status"]["startTime"] < "2026-02-28"
    for deployment in simulator.objects("apps/deployments"):
        assert {c["type"]: c["status"] for c in deployment["status"]["conditions"]} == {
            "Available": "True",
            "Progressing": "True",
        }
        assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    assert simulator.objects("events") == []


async def test_a_quiet_namespace_stays_quiet(simulator: Simulator, clock: ManualClock) -> None:
    """The controllers agree with the state that the seed was turned into: nothing is written for ten minutes."""
    before = versions(simulator)
    await clock.advance(600)
    assert versions(simulator) == before


async def test_two_runs_of_one_seed_are_alike(clock: ManualClock) -> None:
    async def run() -> tuple[list[str], Any]:
        own = ManualClock(clock.now())
        simulator = Simulator(pos_seed(), clock=own)
        await simulator.start()
        await own.advance(90)
        names = [pod["metadata"]["name"] for pod in simulator.objects("pods")]
        queues = {name: (q.published, q.acknowledged) for name, q in simulator.load.queues.items()}
        await simulator.stop()
        return names, queues

    assert await run() == await run()


async def test_the_hpa_reads_what_the_reference_says(simulator: Simulator, clock: ManualClock) -> None:
    """At ten in the morning, when load is highest: well under its targets, at the minimum."""
    await clock.advance(30)
    hpa = simulator.object("autoscaling/horizontalpodautoscalers", APP)
    assert hpa is not None
    readings = {m["resource"]["name"]: m["resource"]["current"] for m in hpa["status"]["currentMetrics"]}
    assert 30 <= readings["cpu"]["averageUtilization"] <= 50
    assert 95 << 20 <= int(readings["memory"]["averageValue"]) <= 115 << 20
    assert hpa["status"]["desiredReplicas"] == 2
    assert {c["type"]: c["status"] for c in hpa["status"]["conditions"]} == {
        "AbleToScale": "True",
        "ScalingActive": "True",
        "ScalingLimited": "False",
    }


async def test_the_kubeconfig_is_for_its_owner_alone(simulator: Simulator, tmp_path: Path) -> None:
    path = simulator.write_kubeconfig(tmp_path / "deep" / "kubeconfig", "viewer")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = orjson.loads(path.read_bytes())
    assert config["clusters"][0]["cluster"]["server"] == simulator.url
    assert config["users"][0]["user"]["token"] == simulator.token("viewer")
    assert config["contexts"][0]["context"]["namespace"] == NAMESPACE
    assert list(path.parent.iterdir()) == [path]
    with pytest.raises(ConfigurationError, match="viewer-no-metrics"):
        simulator.kubeconfig("stranger")


async def test_a_taken_port_is_named(simulator: Simulator) -> None:
    second = Simulator(pos_seed(), clock=simulator.clock)
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{simulator.port}"):
        await second.start(simulator.port)


async def test_it_listens_on_loopback_only(simulator: Simulator) -> None:
    assert simulator.url.startswith("https://127.0.0.1:")
    with socket.socket() as other:  # another address of this machine is free at that port
        other.bind(("127.0.0.2", simulator.port))


async def test_stop_ends_watches(simulator: Simulator, client: Client) -> None:
    async with client.watch(client.path("pods") + "?watch=1") as event:
        assert (await event())["type"] == "ADDED"
        await simulator.stop()
        while await event():
            pass
