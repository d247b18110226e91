"""Deployments, replica sets and pods over time."""

from __future__ import annotations

from typing import Any

from tests.simulator.client import JSON_PATCH, STRATEGIC, Client
from tests.simulator.pos_seed import BULK, NAMESPACE, ORDER

from posdeck.clock import ManualClock
from posdeck.kubetext.pods import pod_text
from posdeck.simulator.server import Simulator

DEPLOYMENTS = "apps/v1/deployments"
STAMP = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}}


def pods(simulator: Simulator, deployment: str) -> list[Any]:
    return [p for p in simulator.objects("pods") if p["metadata"]["labels"].get("app") == deployment]


def states(simulator: Simulator, deployment: str) -> list[str]:
    return sorted(pod_text(pod).status for pod in pods(simulator, deployment))


def ready(simulator: Simulator, deployment: str) -> int:
    return sum(
        pod_text(p).ready == "1/1" and pod_text(p).status == "Running" for p in pods(simulator, deployment)
    )


def condition(simulator: Simulator, deployment: str, kind: str) -> Any:
    found = simulator.object("apps/deployments", deployment)
    assert found is not None
    return next(c for c in found["status"]["conditions"] if c["type"] == kind)


def image_patch(image: str) -> Any:
    return {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}}


async def test_a_restart_brings_the_new_pod_before_it_ends_the_old_one(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    (old,) = pods(simulator, ORDER)
    await client.patch(client.path(DEPLOYMENTS, ORDER), STAMP, STRATEGIC)
    least = 9
    seen = set()
    for _ in range(60):
        await clock.advance(0.5)
        least = min(least, ready(simulator, ORDER))
        seen |= set(states(simulator, ORDER))
    assert least == 1
    assert {"ContainerCreating", "Running", "Terminating"} <= seen
    (new,) = pods(simulator, ORDER)
    assert new["metadata"]["uid"] != old["metadata"]["uid"]
    found = simulator.object("apps/deployments", ORDER)
    assert found is not None
    assert found["metadata"]["generation"] == 2 == found["status"]["observedGeneration"]
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "4"
    assert condition(simulator, ORDER, "Progressing")["reason"] == "NewReplicaSetAvailable"
    created = max(simulator.objects("apps/replicasets"), key=lambda rs: rs["metadata"]["creationTimestamp"])
    assert created["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "4"


async def test_a_missing_image_leaves_the_old_pod_serving_until_the_deadline(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    before = condition(simulator, ORDER, "Progressing")["lastTransitionTime"]
    await client.patch(
        client.path(DEPLOYMENTS, ORDER), image_patch("registry.example/pos/consumer:broken"), STRATEGIC
    )
    await clock.advance(2)
    assert "ErrImagePull" in states(simulator, ORDER)
    await clock.advance(10)
    assert states(simulator, ORDER) == ["ImagePullBackOff", "Running"]
    assert condition(simulator, ORDER, "Progressing")["status"] == "True"
    await clock.advance(620)
    late = condition(simulator, ORDER, "Progressing")
    assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert late["lastTransitionTime"] > before
    assert ready(simulator, ORDER) == 1
    failures = [e for e in simulator.objects("events") if e["reason"] == "BackOff"]
    assert failures[0]["count"] > 3


async def test_rolling_back_returns_to_the_replica_set_that_is_there(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    """As kubectl rollout undo does it: the template of an older replica set, put in by a JSON patch."""
    path = client.path(DEPLOYMENTS, ORDER)
    original = (await client.get(path))["spec"]["template"]
    await client.patch(path, image_patch("registry.example/pos/consumer:9"), STRATEGIC)
    await clock.advance(30)
    before = {rs["metadata"]["uid"] for rs in simulator.objects("apps/replicasets")}
    await client.patch(path, [{"op": "replace", "path": "/spec/template", "value": original}], JSON_PATCH)
    await clock.advance(30)
    assert {rs["metadata"]["uid"] for rs in simulator.objects("apps/replicasets")} == before
    found = simulator.object("apps/deployments", ORDER)
    assert found is not None
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "5"
    active = [rs for rs in simulator.objects("apps/replicasets")
              if rs["spec"]["replicas"] and rs["metadata"]["name"].startswith(ORDER)]  # fmt: skip
    assert [rs["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] for rs in active] == [
        "3"
    ]


async def test_a_paused_deployment_scales_but_does_not_roll(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    path = client.path(DEPLOYMENTS, BULK)
    await client.patch(path, {"spec": {"paused": True}})
    await client.patch(path, image_patch("registry.example/pos/consumer:9"), STRATEGIC)
    await client.patch(path, {"spec": {"replicas": 5}})
    await clock.advance(60)
    images = {p["spec"]["containers"][0]["image"] for p in pods(simulator, BULK)}
    assert images == {"registry.example/pos/consumer:1.42.3"}
    assert ready(simulator, BULK) == 5
    assert condition(simulator, BULK, "Progressing")["reason"] == "DeploymentPaused"
    await client.patch(path, {"spec": {"paused": None}})
    await clock.advance(120)
    assert {p["spec"]["containers"][0]["image"] for p in pods(simulator, BULK)} == {
        "registry.example/pos/consumer:9"
    }
    assert condition(simulator, BULK, "Progressing")["reason"] == "NewReplicaSetAvailable"


async def test_three_replicas_never_fall_below_the_allowed_number(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    await client.patch(client.path(DEPLOYMENTS, BULK), STAMP, STRATEGIC)
    least, most = 9, 0
    for _ in range(120):
        await clock.advance(0.5)
        least = min(least, ready(simulator, BULK))
        alive = [p for p in pods(simulator, BULK) if "deletionTimestamp" not in p["metadata"]]
        most = max(most, len(alive))
    assert (least, most) == (3, 4)  # a quarter of three: one more, rounded up, and none less, rounded down
    assert len(pods(simulator, BULK)) == 3


async def test_recreate_ends_all_before_it_starts_any(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    path = client.path(DEPLOYMENTS, BULK)
    await client.patch(path, {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}})
    await client.patch(path, STAMP, STRATEGIC)
    owners: set[int] = set()
    for _ in range(80):
        await clock.advance(0.25)
        owners.add(len({p["metadata"]["ownerReferences"][0]["name"] for p in pods(simulator, BULK)}))
    assert max(owners) == 1
    assert ready(simulator, BULK) == 3


async def test_a_deleted_pod_is_ended_gracefully_and_replaced(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    (pod,) = pods(simulator, ORDER)
    status, body = await client.request("DELETE", client.path("pods", pod["metadata"]["name"]))
    assert status == 200
    assert body["metadata"]["deletionGracePeriodSeconds"] == 30
    await clock.advance(0.5)
    assert "Terminating" in states(simulator, ORDER)
    await clock.advance(20)
    (new,) = pods(simulator, ORDER)
    assert new["metadata"]["name"] != pod["metadata"]["name"]
    assert ready(simulator, ORDER) == 1


async def test_a_crashing_program_backs_off(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    await client.patch(
        client.path(DEPLOYMENTS, ORDER), image_patch("registry.example/pos/consumer:crash"), STRATEGIC
    )
    await clock.advance(45)
    crashing = next(p for p in pods(simulator, ORDER) if pod_text(p).restarts)
    assert pod_text(crashing).status in ("CrashLoopBackOff", "Error", "Running")
    assert crashing["status"]["containerStatuses"][0]["lastState"]["terminated"]["exitCode"] == 1
    name = crashing["metadata"]["name"]
    previous = await client.get(client.path("pods", name, "log") + "?previous=true")
    assert "exit status 1" in previous
    assert ready(simulator, ORDER) == 1


async def test_old_replica_sets_go_beyond_the_history_limit(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    await client.patch(path, {"spec": {"revisionHistoryLimit": 1}})
    await client.patch(path, STAMP, STRATEGIC)
    await clock.advance(40)
    left = [rs for rs in simulator.objects("apps/replicasets") if rs["metadata"]["name"].startswith(ORDER)]
    assert sorted(rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for rs in left) == [
        "3",
        "4",
    ]


async def test_deleting_a_deployment_takes_its_pods_along(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    status, _ = await client.request("DELETE", client.path(DEPLOYMENTS, ORDER))
    assert status == 200
    await clock.advance(60)
    assert pods(simulator, ORDER) == []
    assert not [
        rs for rs in simulator.objects("apps/replicasets") if rs["metadata"]["name"].startswith(ORDER)
    ]


async def test_orphans_stay(simulator: Simulator, client: Client, clock: ManualClock) -> None:
    await client.request("DELETE", client.path(DEPLOYMENTS, ORDER) + "?propagationPolicy=Orphan")
    await clock.advance(60)
    assert simulator.object("apps/deployments", ORDER) is None
    assert ready(simulator, ORDER) == 1


async def test_a_pod_that_asks_too_much_waits(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    body = {
        "metadata": {"name": "greedy"},
        "spec": {"containers": [{"name": "a", "image": "a:1", "resources": {"requests": {"cpu": "64"}}}]},
    }
    await client.request("POST", client.path("pods"), body)
    await clock.advance(3)
    pod = simulator.object("pods", "greedy")
    assert pod is not None
    assert pod_text(pod).status == "Pending"
    (event,) = [e for e in simulator.objects("events") if e["reason"] == "FailedScheduling"]
    assert event["message"] == "0/3 nodes are available: 3 Insufficient cpu."


async def test_an_eviction_that_would_break_the_budget_is_refused(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    budget = {
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": ORDER}}},
    }
    await client.request("POST", client.path("policy/v1/poddisruptionbudgets"), budget)
    await clock.advance(1)
    (pod,) = pods(simulator, ORDER)
    path = client.path("pods", pod["metadata"]["name"], "eviction")
    status, body = await client.request("POST", path, {"metadata": {"name": pod["metadata"]["name"]}})
    assert (status, body["reason"]) == (429, "TooManyRequests")
    assert len(pods(simulator, ORDER)) == 1


async def test_a_namespace_empties_itself_before_it_goes(
    simulator: Simulator, client: Client, clock: ManualClock
) -> None:
    await client.request("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    await clock.advance(0.2)
    namespace = simulator.object("namespaces", NAMESPACE, "")
    assert namespace is not None
    assert namespace["status"]["phase"] == "Terminating"
    await clock.advance(90)
    assert simulator.object("namespaces", NAMESPACE, "") is None
    assert simulator.objects("pods") == []
