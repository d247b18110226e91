"""Load, faults and their cures: pods, logs, queue numbers and metrics move together."""

from __future__ import annotations

from typing import Any

import pytest
from tests.simulator.client import STRATEGIC, Client
from tests.simulator.pos_seed import APP, BULK, ORDER

from posdeck.clock import ManualClock
from posdeck.errors import UnknownNameError
from posdeck.kubetext.pods import pod_text
from posdeck.simulator.faults import KINDS, Fault
from posdeck.simulator.server import Simulator

DEPLOYMENTS = "apps/v1/deployments"
STAMP = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}
STALLS = ("consumer-channel-closed", "consumer-hung")


def pods(simulator: Simulator, deployment: str) -> list[Any]:
    return [p for p in simulator.objects("pods") if p["metadata"]["labels"].get("app") == deployment]


def depth(simulator: Simulator, queue: str = "pos.order") -> int:
    return simulator.queue_depths()[queue]


async def test_a_healthy_queue_is_worked_off_as_it_fills(simulator: Simulator, clock: ManualClock) -> None:
    queue = simulator.load.queues[ORDER]
    start = queue.acknowledged
    await clock.advance(300)
    assert 0.8 < (queue.acknowledged - start) / (300 * 4.6) < 1.2
    assert max(simulator.queue_depths().values()) < 60
    assert queue.published - queue.acknowledged == depth(simulator)


@pytest.mark.parametrize("kind", STALLS)
async def test_a_stalled_consumer_is_running_and_ready_and_does_nothing(
    simulator: Simulator, clock: ManualClock, kind: str
) -> None:
    simulator.inject(Fault(kind, ORDER))
    await clock.advance(2)
    acknowledged = simulator.load.queues[ORDER].acknowledged
    others = {name: q.acknowledged for name, q in simulator.load.queues.items() if name != ORDER}
    await clock.advance(300)
    (pod,) = pods(simulator, ORDER)
    assert (pod_text(pod).ready, pod_text(pod).status) == ("1/1", "Running")
    assert simulator.load.queues[ORDER].acknowledged == acknowledged
    assert depth(simulator) > 900
    assert all(simulator.load.queues[name].acknowledged > before for name, before in others.items())


async def test_the_log_ends_in_a_closed_channel(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    simulator.inject(Fault("consumer-channel-closed", ORDER))
    await clock.advance(120)
    (pod,) = pods(simulator, ORDER)
    lines = (
        await client.get(client.path("pods", pod["metadata"]["name"], "log") + "?tailLines=2")
    ).splitlines()
    assert "channel closed queue=pos.order" in lines[0]
    assert "ERROR" in lines[0]
    assert "consumer cancelled" in lines[1]
    assert len(simulator.load.queues[ORDER].consumers) == 0


async def test_a_hung_consumer_keeps_its_messages_to_itself(simulator: Simulator, clock: ManualClock) -> None:
    simulator.inject(Fault("consumer-hung", ORDER))
    await clock.advance(60)
    queue = simulator.load.queues[ORDER]
    assert len(queue.consumers) == 1
    assert queue.unacked == queue.seed.prefetch


@pytest.mark.parametrize("kind", STALLS)
async def test_a_restart_cures_a_stalled_consumer(
    simulator: Simulator, client: Client, clock: ManualClock, kind: str
) -> None:
    simulator.inject(Fault(kind, ORDER))
    await clock.advance(120)
    queue = simulator.load.queues[ORDER]
    redelivered = queue.redelivered
    await client.patch(client.path(DEPLOYMENTS, ORDER), STAMP, STRATEGIC)
    await clock.advance(300)
    assert simulator.faults.active == []
    assert depth(simulator) < 60
    assert (queue.redelivered > redelivered) == (kind == "consumer-hung")


async def test_deleting_the_pod_cures_too(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    simulator.inject(Fault("consumer-channel-closed", ORDER))
    await clock.advance(60)
    await client.request("DELETE", client.path("pods", pods(simulator, ORDER)[0]["metadata"]["name"]))
    await clock.advance(200)
    assert simulator.faults.active == []
    assert depth(simulator) < 60


async def test_more_replicas_help_but_do_not_cure(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    simulator.inject(Fault("consumer-channel-closed", ORDER))
    await client.patch(client.path(DEPLOYMENTS, ORDER), {"spec": {"replicas": 2}})
    await clock.advance(120)
    assert len(simulator.faults.active) == 1
    assert len(simulator.load.queues[ORDER].consumers) == 1


async def test_restarting_another_consumer_does_not_cure(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    simulator.inject(Fault("consumer-channel-closed", ORDER))
    await client.patch(client.path(DEPLOYMENTS, BULK), STAMP, STRATEGIC)
    await clock.advance(120)
    assert len(simulator.faults.active) == 1


async def test_a_surge_makes_the_hpa_scale_and_only_slowly_back(
    simulator: Simulator, clock: ManualClock
) -> None:
    simulator.inject(Fault("arrival-surge", APP, {"factor": 8}))
    await clock.advance(240)
    grown = len([p for p in pods(simulator, APP) if pod_text(p).ready == "1/1"])
    assert grown > 4
    rescales = [e for e in simulator.objects("events") if e["reason"] == "SuccessfulRescale"]
    assert "cpu resource utilization (percentage of request) above target" in rescales[0]["message"]
    assert simulator.clear("arrival-surge") == 1
    await clock.advance(240)
    assert len(pods(simulator, APP)) >= grown  # five minutes of patience are not over
    await clock.advance(300)
    assert len(pods(simulator, APP)) < grown
    await clock.advance(1800)  # memory allows a third less at a time, each after its own five minutes
    assert len(pods(simulator, APP)) == 2
    assert any("All metrics below target" in e["message"] for e in simulator.objects("events"))


async def test_the_hpa_stops_at_its_maximum_and_says_so(simulator: Simulator, clock: ManualClock) -> None:
    simulator.inject(Fault("arrival-surge", APP, {"factor": 60}))
    await clock.advance(300)
    hpa = simulator.object("autoscaling/horizontalpodautoscalers", APP)
    assert hpa is not None
    assert hpa["status"]["desiredReplicas"] == 15
    limited = next(c for c in hpa["status"]["conditions"] if c["type"] == "ScalingLimited")
    assert (limited["status"], limited["reason"]) == ("True", "TooManyReplicas")


async def test_without_readings_the_hpa_does_nothing_and_says_why(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    simulator.inject(Fault("metrics-absent"))
    await clock.advance(40)
    metrics = await client.get("/apis/metrics.k8s.io/v1beta1/namespaces/spc--pos/pods")
    assert metrics["items"] == []
    hpa = simulator.object("autoscaling/horizontalpodautoscalers", APP)
    assert hpa is not None
    active = next(c for c in hpa["status"]["conditions"] if c["type"] == "ScalingActive")
    assert (active["status"], active["reason"]) == ("False", "FailedGetResourceMetric")
    assert len(pods(simulator, APP)) == 2
    assert simulator.clear() == 1
    await clock.advance(40)
    hpa = simulator.object("autoscaling/horizontalpodautoscalers", APP)
    assert hpa is not None
    assert next(c for c in hpa["status"]["conditions"] if c["type"] == "ScalingActive")["status"] == "True"


async def test_usage_is_measured_per_pod_and_node(simulator: Simulator, client: Client) -> None:
    path = "/apis/metrics.k8s.io/v1beta1/namespaces/spc--pos/pods"
    of_app = await client.get(f"{path}?labelSelector=app%3D{APP}")
    assert len(of_app["items"]) == 2
    usage = of_app["items"][0]["containers"][0]["usage"]
    assert 60e6 < int(usage["cpu"].removesuffix("n")) < 140e6
    assert 90 << 10 < int(usage["memory"].removesuffix("Ki")) < 120 << 10
    nodes = await client.get("/apis/metrics.k8s.io/v1beta1/nodes")
    assert [n["metadata"]["name"] for n in nodes["items"]] == ["node-a", "node-b", "node-c"]


async def test_logs_hold_what_redaction_is_for(simulator: Simulator, client: Client) -> None:
    text = ""
    for pod in simulator.objects("pods"):
        text += await client.get(client.path("pods", pod["metadata"]["name"], "log"))
    assert "@example.org" in text
    assert "+62 812-5550-" in text
    assert "4111111111111111" in text


@pytest.mark.parametrize(
    "fault",
    [
        Fault("earthquake"),
        Fault("consumer-hung", "no-such"),
        Fault("consumer-hung", APP),
        Fault("consumer-hung"),
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(simulator: Simulator, fault: Fault) -> None:
    with pytest.raises(UnknownNameError):
        simulator.inject(fault)


def test_every_kind_of_fault_says_what_it_is() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS)
    assert all(kind.summary for kind in KINDS)
