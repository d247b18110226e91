"""KEDA on the embedded cluster: applied, it scales by the queue; paused, it lets go; broken, it says so; and what is
proposed comes from what was seen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.telemetry.embedded_cluster import Embedded, embedded, view_of

from posdeck.operations.log_errors import LogErrors, with_log
from posdeck.operations.proposal import NEEDED, Proposals
from posdeck.operations.scaled_objects import ScaledObject, Scalers, ScalerState, read_scalers
from posdeck.operations.view import ConsumerView, View
from posdeck.simulator.faults import Fault
from posdeck.telemetry.reading import Absence, Reading

NAME = "consumer-orders-bulk-upload"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Embedded]:
    async with embedded(tmp_path, history=timedelta(hours=12)) as started:
        await started.advance(5)
        yield started


def path(cluster: Embedded, group: str, plural: str, name: str = "") -> str:
    namespace = cluster.catalogue.environment.namespace
    return f"/apis/{group}/namespaces/{namespace}/{plural}" + (f"/{name}" if name else "")


async def apply(cluster: Embedded, **changed: Any) -> str:
    """Make a ScaledObject for the bulk upload."""
    deployment = cluster.catalogue.workload(NAME).deployment
    metadata = {
        "queueName": changed.pop("queue", "pos.orders.bulk-upload"),
        "mode": "QueueLength",
        "value": "270",
    }
    spec = {
        "scaleTargetRef": {"name": deployment},
        "minReplicaCount": 3,
        "maxReplicaCount": 6,
        "pollingInterval": 10,
    }
    spec |= {"triggers": [{"type": "rabbitmq", "metadata": metadata}], **changed}
    body = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": deployment},
        "spec": spec,
    }
    target = path(cluster, "keda.sh/v1alpha1", "scaledobjects")
    await cluster.transport.request(
        "POST", target, body=orjson.dumps(body), headers={"Content-Type": "application/json"}
    )
    await cluster.advance(1)
    return deployment


async def only(cluster: Embedded) -> ScaledObject:
    scalers = await read_scalers(cluster.transport, cluster.catalogue.environment.namespace)
    assert scalers.installed
    (found,) = scalers.objects
    return found


def replicas(cluster: Embedded, deployment: str) -> int:
    found = cluster.simulator.object("apps/deployments", deployment)
    return int(found["spec"]["replicas"]) if found else -1


async def test_it_scales_by_the_queue_and_its_hpa_is_shown(cluster: Embedded) -> None:
    deployment = await apply(cluster)
    found = await only(cluster)
    assert (found.state, found.failing, found.minimum, found.maximum) == (ScalerState.IDLE, (), 3, 6)
    assert cluster.simulator.object("autoscaling/horizontalpodautoscalers", found.hpa) is not None
    cluster.simulator.inject(Fault("arrival-surge", deployment, {"factor": 3.0}))
    await cluster.advance(120)
    assert replicas(cluster, deployment) == 6
    assert (await only(cluster)).state is ScalerState.ACTIVE


async def test_paused_it_lets_go_and_its_hpa_is_gone(cluster: Embedded) -> None:
    deployment = await apply(cluster)
    hpa = (await only(cluster)).hpa
    target = path(cluster, "keda.sh/v1alpha1", "scaledobjects", deployment)
    body = b'{"metadata": {"annotations": {"autoscaling.keda.sh/paused": "true"}}}'
    await cluster.transport.request("PATCH", target, body=body, headers=MERGE)
    await cluster.advance(2)
    assert (await only(cluster)).state is ScalerState.PAUSED
    assert cluster.simulator.object("autoscaling/horizontalpodautoscalers", hpa) is None
    assert replicas(cluster, deployment) == 3
    body = b'{"metadata": {"annotations": {"autoscaling.keda.sh/paused": null}}}'
    await cluster.transport.request("PATCH", target, body=body, headers=MERGE)
    await cluster.advance(2)
    assert cluster.simulator.object("autoscaling/horizontalpodautoscalers", hpa) is not None
    await cluster.transport.request("DELETE", target)
    await cluster.advance(30)
    assert cluster.simulator.object("autoscaling/horizontalpodautoscalers", hpa) is None
    assert replicas(cluster, deployment) == 3


async def test_a_queue_that_is_not_there_is_failing_then_on_its_fallback(cluster: Embedded) -> None:
    deployment = await apply(cluster, queue="pos.nowhere", fallback={"failureThreshold": 3, "replicas": 5})
    found = await only(cluster)
    assert found.state is ScalerState.FAILING
    assert found.failing == ("s0-rabbitmq-pos-nowhere (1 failures)",)
    await cluster.advance(90)
    found = await only(cluster)
    assert (found.state, found.fallback_replicas) == (ScalerState.FALLBACK, 5)
    assert replicas(cluster, deployment) == 5


async def test_two_autoscalers_on_one_deployment_are_refused(cluster: Embedded) -> None:
    deployment = cluster.catalogue.workload(NAME).deployment
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": deployment}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3, "metrics": [metric]}
    body = {"metadata": {"name": "mine"}, "spec": spec}
    where = path(cluster, "autoscaling/v2", "horizontalpodautoscalers")
    await cluster.transport.request(
        "POST", where, body=orjson.dumps(body), headers={"Content-Type": "application/json"}
    )
    await apply(cluster)
    found = await only(cluster)
    assert found.state is ScalerState.FAILING
    assert "already managed by an HPA" in found.reason
    assert cluster.simulator.object("autoscaling/horizontalpodautoscalers", found.hpa) is None


async def proposals_of(cluster: Embedded, change: Callable[[View], View] = lambda v: v) -> Proposals:
    view = change(await view_of(cluster))
    await cluster.poll()
    return Proposals(
        cluster.catalogue, cluster.clock, lambda: cluster.numbers, lambda: view, lambda: (NAME, "gone")
    )


async def test_the_proposal_comes_from_what_was_seen(cluster: Embedded) -> None:
    """The peak of that morning, 42 a second for an hour, was more than three replicas do."""
    made = await proposals_of(cluster, lambda v: replace(v, scalers=Scalers(True, (), "")))
    assert made.candidates() == (NAME,)
    view = await made.propose(NAME, 12 * 3600.0)
    assert view.reason == ""
    assert view.blocked == ""
    assert view.policy is not None
    assert view.would is not None
    assert view.as_fixed is not None
    assert view.policy.threshold == pytest.approx(9 * 30, rel=0.1)
    assert (view.policy.minimum, view.policy.maximum) == (3, 6)
    assert view.as_fixed.peak > 10 * view.would.peak
    measured = max(
        value for curve in view.plots[1].curves if "measured" in curve.label for _, value in curve.points
    )
    assert view.as_fixed.peak == pytest.approx(measured, rel=0.3), (
        "the fixed number, played, is what happened"
    )
    assert view.params["messages"] == str(view.policy.threshold)


@pytest.mark.parametrize(
    ("scalers", "words"),
    [
        (Scalers(False, (), "KEDA is not installed"), NEEDED),
        (Scalers(None, (), "this identity may not list"), "cannot be told: this identity may not list"),
    ],
)
async def test_what_stands_in_its_way_is_said(cluster: Embedded, scalers: Scalers, words: str) -> None:
    made = await proposals_of(cluster, lambda v: replace(v, scalers=scalers))
    assert words in (await made.propose(NAME, 3600.0)).blocked


async def test_what_has_a_scaled_object_gets_no_second(cluster: Embedded) -> None:
    await apply(cluster)
    scalers = await read_scalers(cluster.transport, cluster.catalogue.environment.namespace)
    made = await proposals_of(cluster, lambda v: replace(v, scalers=scalers))
    assert "Two autoscalers would fight" in (await made.propose(NAME, 3600.0)).blocked


async def test_errors_and_the_last_sign_of_life_come_from_the_log_where_no_metric_counts_them(
    cluster: Embedded,
) -> None:
    deployment = cluster.catalogue.workload(NAME).deployment
    view = await view_of(cluster)
    names = {NAME: deployment, "nobody": "spc--pos--be--nobody--prod"}
    heard = LogErrors(
        cluster.transport,
        cluster.catalogue.environment.namespace,
        cluster.clock,
        lambda: view.snapshot,
        names,
    )
    await heard.look()
    before = heard.of(NAME).errors.value
    assert before is not None
    pod = next(iter(cluster.simulator.load.pods(deployment).values()))
    for _ in range(7):
        cluster.simulator.load.say(pod, "error", "row 17 was refused", moment=cluster.clock.now())
    await heard.look()
    assert heard.of(NAME).errors.value == before + 7
    assert heard.of("nobody").errors.absence is Absence.NO_SERIES
    shown = with_log(ConsumerView(NAME), heard.of(NAME))
    assert (shown.errors.source, shown.active_by) == ("log", "log")
    counted = ConsumerView(NAME, errors=Reading(3.0, "/min"))
    assert with_log(counted, heard.of(NAME)).errors.value == 3.0
