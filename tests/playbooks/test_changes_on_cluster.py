"""The playbooks that change more than a deployment's template or scale, against a real control plane: what they
do, what they refuse, and that the way back restores the specification byte for byte."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.cluster.keda import NAME as KEDA_CRD
from tests.cluster.keda import absent, installed

from posdeck.cluster.connection import connect
from posdeck.cluster.kubeconfig import load_target
from posdeck.operations.scaled_objects import ScalerState, read_scalers, scaled_object

pytestmark = [pytest.mark.cluster, pytest.mark.ansible]
HOST, NAME = "consumer-order", "spc--pos--be--consumer-order--prod"
CONFIRMED = ("-e", f"confirm={HOST}", "-e", "reason=a test")
ADMIN = {"identity": "admin-token"}  # the operators' role neither deletes deployments nor knows KEDA
Play = Callable[..., subprocess.CompletedProcess[str]]
Now = Callable[[], dict[str, Any]]


def spec_of(item: dict[str, Any]) -> bytes:
    return json.dumps(item["spec"], sort_keys=True).encode()


def done(play: Play, playbook: str, *options: str, identity: str = "operator") -> str:
    """The output of a playbook that has to succeed."""
    ended = play(playbook, "-l", HOST, *CONFIRMED, *options, identity=identity)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def refused(play: Play, words: str, playbook: str, *options: str, identity: str = "operator") -> None:
    ended = play(playbook, "-l", HOST, *CONFIRMED, *options, identity=identity)
    assert ended.returncode != 0
    assert words in " ".join(ended.stdout.split())


@pytest.fixture
def autoscaler(control_plane: ControlPlane, namespace: str, deployment: Now) -> Now:
    """An HPA of another name than its deployment's; call it to read it."""
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 85}}
    spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 3}
    spec["metrics"] = [{"type": "Resource", "resource": cpu}]
    control_plane.api.create(path, {"metadata": {"name": "scaler"}, "spec": spec})

    def now() -> dict[str, Any]:
        found: dict[str, Any] = control_plane.api.get(f"{path}/scaler")
        return found

    return now


def test_a_pause_and_its_way_back(play: Play, deployment: Now) -> None:
    before = spec_of(deployment())
    assert "changed=1" in done(play, "pause-rollout.yml", "--check", "--diff")
    assert spec_of(deployment()) == before
    done(play, "pause-rollout.yml")
    assert deployment()["spec"]["paused"] is True
    assert "changed=0" in done(play, "pause-rollout.yml")
    refused(play, "it is paused and cannot be restarted", "restart.yml")
    done(play, "resume-rollout.yml")
    assert spec_of(deployment()) == before


def test_the_bounds_of_an_hpa_and_their_way_back(play: Play, autoscaler: Now) -> None:
    before = spec_of(autoscaler())
    wider = ("-e", "hpa_minimum=2", "-e", "hpa_maximum=7")
    version = autoscaler()["metadata"]["resourceVersion"]
    assert "+  maxReplicas: 7" in done(play, "hpa-bounds.yml", "--check", "--diff", *wider)
    assert spec_of(autoscaler()) == before, version
    done(play, "hpa-bounds.yml", *wider)
    assert (autoscaler()["spec"]["minReplicas"], autoscaler()["spec"]["maxReplicas"]) == (2, 7)
    assert "changed=0" in done(play, "hpa-bounds.yml", *wider)
    refused(play, "cannot be", "hpa-bounds.yml", "-e", "hpa_minimum=5", "-e", "hpa_maximum=4")
    done(play, "hpa-bounds.yml", "-e", "hpa_minimum=1", "-e", "hpa_maximum=3")
    assert spec_of(autoscaler()) == before


def test_bounds_without_an_hpa_change_nothing(play: Play, deployment: Now) -> None:
    refused(play, "No HPA looks after", "hpa-bounds.yml", "-e", "hpa_minimum=1", "-e", "hpa_maximum=3")


def test_one_pod_of_several_goes_and_another_comes(
    play: Play, deployment: Now, control_plane: ControlPlane, namespace: str
) -> None:
    def pods() -> set[str]:
        found = control_plane.api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
        return {pod["metadata"]["name"] for pod in found}

    (only,) = pods()
    refused(play, "no other pod", "delete-pod.yml", "-e", f"pod_name={only}")
    assert pods() == {only}
    done(play, "scale.yml", "-e", "target_replicas=2")
    assert "changed=1" in done(play, "delete-pod.yml", "--check", "-e", f"pod_name={only}")
    assert only in pods()
    done(play, "delete-pod.yml", "-e", f"pod_name={only}")
    assert only not in pods()
    assert deployment()["status"]["availableReplicas"] == 2
    assert "changed=0" in done(play, "delete-pod.yml", "-e", f"pod_name={only}")


def test_a_pod_of_something_else_is_not_deleted(
    play: Play, deployment: Now, control_plane: ControlPlane, namespace: str
) -> None:
    body = {"metadata": {"name": "other"}, "spec": {"containers": [{"name": "main", "image": "x:1"}]}}
    path = f"/api/v1/namespaces/{namespace}/pods"
    uid = control_plane.api.create(path, body)["metadata"]["uid"]
    refused(play, "is not a pod of deployment", "delete-pod.yml", "-e", "pod_name=other")
    assert control_plane.api.get(f"{path}/other")["metadata"]["uid"] == uid


def test_a_disruption_budget_only_for_several_replicas_and_its_way_back(
    play: Play, deployment: Now, control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    refused(play, "has not several replicas", "disruption-budget.yml")
    done(play, "scale.yml", "-e", "target_replicas=2")
    assert "changed=1" in done(play, "disruption-budget.yml", "--check", "--diff")
    assert control_plane.api.get(path)["items"] == []
    done(play, "disruption-budget.yml")
    spec = control_plane.api.get(f"{path}/{NAME}")["spec"]
    assert spec == {"maxUnavailable": 1, "selector": deployment()["spec"]["selector"]}
    done(play, "disruption-budgets.yml", "-e", "budget_expected=true")
    refused(play, "exists already", "disruption-budget.yml")
    done(play, "remove-disruption-budget.yml")
    assert control_plane.api.get(path)["items"] == []
    done(play, "disruption-budgets.yml", "-e", "budget_expected=false")


def test_a_sleeping_deployment_is_retired_and_restored_byte_for_byte(
    play: Play, deployment: Now, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.yml"
    saved = ("-e", f"manifest_file={kept}")
    refused(play, "it has 1 replicas, not the 0 expected", "retire.yml", *saved)
    done(play, "scale.yml", "-e", "target_replicas=0")
    before = deployment()
    assert "changed=1" in done(play, "retire.yml", "--check", *saved, **ADMIN)
    assert not kept.exists()
    assert spec_of(deployment()) == spec_of(before)
    done(play, "retire.yml", *saved, **ADMIN)
    assert kept.stat().st_mode & 0o777 == 0o600
    found = control_plane.api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments")["items"]
    assert found == []
    assert "changed=0" in done(play, "retire.yml", **ADMIN)
    done(play, "presence.yml", "-e", "deployment_expected=false")
    done(play, "restore.yml", "-e", f"@{kept}", **ADMIN)
    after = deployment()
    assert spec_of(after) == spec_of(before)
    assert after["metadata"].get("labels") == before["metadata"].get("labels")
    refused(play, "exists already", "restore.yml", "-e", f"@{kept}", **ADMIN)


@pytest.fixture
def keda(control_plane: ControlPlane) -> Iterator[None]:
    """KEDA's CRD, without its operator: what the API server accepts, and nothing that acts on it."""
    with installed(control_plane):
        yield


QUEUE = ("queue_name=pos.order", "trigger_authentication=rabbit", "scale_minimum=1", "scale_maximum=3")


@pytest.fixture
def no_keda(control_plane: ControlPlane) -> Iterator[None]:
    """KEDA's CRD is not there."""
    with absent(control_plane):
        yield


def test_queue_autoscaling_says_when_keda_is_missing(play: Play, deployment: Now, no_keda: None) -> None:
    told = play("queue-autoscaling-status.yml", "-l", HOST, "-v").stdout
    assert '"api_found": false' in told
    options = [part for value in (*QUEUE, "messages_each=50") for part in ("-e", value)]
    refused(play, "its API is not installed", "queue-autoscaling.yml", "--check", *options, **ADMIN)


def test_a_scaled_object_where_keda_is_there_and_its_way_back(
    play: Play, deployment: Now, keda: None, control_plane: ControlPlane, namespace: str
) -> None:
    path = f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects"
    options = [part for value in (*QUEUE, "messages_each=50") for part in ("-e", value)]
    done(play, "queue-autoscaling.yml", *options, "-e", "scale_cooldown=600", **ADMIN)
    spec = control_plane.api.get(f"{path}/{NAME}")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"], spec["cooldownPeriod"]) == (1, 3, 600)
    behaviour = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert behaviour == {"scaleDown": {"stabilizationWindowSeconds": 600}}
    assert spec["triggers"][0]["metadata"] == {"queueName": "pos.order", "mode": "QueueLength", "value": "50"}
    assert spec["triggers"][0]["authenticationRef"] == {"name": "rabbit"}
    refused(play, "exists already", "queue-autoscaling.yml", *options, **ADMIN)
    done(play, "pause-queue-autoscaling.yml", **ADMIN)
    paused = control_plane.api.get(f"{path}/{NAME}")
    assert paused["metadata"]["annotations"]["autoscaling.keda.sh/paused"] == "true"
    assert scaled_object(paused).state is ScalerState.PAUSED
    assert "changed=0" in done(play, "pause-queue-autoscaling.yml", **ADMIN)
    done(play, "resume-queue-autoscaling.yml", **ADMIN)
    resumed = control_plane.api.get(f"{path}/{NAME}")
    assert "autoscaling.keda.sh/paused" not in (resumed["metadata"].get("annotations") or {})
    assert resumed["spec"] == spec
    done(play, "remove-queue-autoscaling.yml", **ADMIN)
    assert control_plane.api.get(path)["items"] == []


async def test_what_keda_says_of_its_objects_is_shown(
    play: Play, deployment: Now, keda: None, control_plane: ControlPlane, namespace: str
) -> None:
    """Through the real API server: without a status, active, failing, on its fallback; and gone with its CRD."""
    path = f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects"
    options = [part for value in (*QUEUE, "messages_each=50") for part in ("-e", value)]
    done(play, "queue-autoscaling.yml", *options, **ADMIN)
    transport = await connect(load_target(control_plane.identity("admin-token")))
    try:
        scalers = await read_scalers(transport, namespace)
        assert scalers.installed
        (found,) = scalers.objects
        assert (found.state, found.target_name, found.hpa) == (ScalerState.UNKNOWN, NAME, f"keda-hpa-{NAME}")
        assert [(t.type, t.about, t.value, t.authentication) for t in found.triggers] == [
            ("rabbitmq", "pos.order", "50", "rabbit")
        ]
        said = {
            "hpaName": f"keda-hpa-{NAME}",
            "health": {"s0-rabbitmq-pos-order": {"numberOfFailures": 3, "status": "Failing"}},
        }
        for conditions, state in (
            ({"Ready": "True", "Active": "True"}, ScalerState.ACTIVE),
            ({"Ready": "True", "Active": "False"}, ScalerState.IDLE),
            ({"Ready": "False", "Active": "Unknown"}, ScalerState.FAILING),
            ({"Ready": "False", "Fallback": "True"}, ScalerState.FALLBACK),
        ):
            rows = [{"type": t, "status": s, "message": f"{t} is {s}"} for t, s in conditions.items()]
            control_plane.api.patch(f"{path}/{NAME}/status", {"status": {**said, "conditions": rows}})
            (found,) = (await read_scalers(transport, namespace)).objects
            assert found.state is state
            assert found.failing == ("s0-rabbitmq-pos-order (3 failures)",)
        control_plane.kubectl("delete", "crd", KEDA_CRD, "--wait=true")
        async with asyncio.timeout(60):
            while (gone := await read_scalers(transport, namespace)).installed is not False:
                await asyncio.sleep(0.2)
        assert "not installed" in gone.reason
    finally:
        await transport.close()


def test_nothing_that_has_an_autoscaler_gets_a_second(
    play: Play, autoscaler: Now, keda: None, control_plane: ControlPlane, namespace: str
) -> None:
    options = [part for value in (*QUEUE, "messages_each=50") for part in ("-e", value)]
    refused(play, "two would fight", "queue-autoscaling.yml", *options, **ADMIN)
    assert (
        control_plane.api.get(f"/apis/keda.sh/v1alpha1/namespaces/{namespace}/scaledobjects")["items"] == []
    )


@pytest.mark.parametrize("name", ["describe", "manifest", "hpa", "metrics-api", "presence", "traffic"])
def test_looking_changes_nothing_and_works_as_a_viewer(play: Play, deployment: Now, name: str) -> None:
    before = deployment()["metadata"]["resourceVersion"]
    ended = play(f"{name}.yml", "-l", HOST, identity="viewer")
    assert ended.returncode == 0, ended.stdout
    assert deployment()["metadata"]["resourceVersion"] == before


def test_an_hpa_is_told_by_its_target(play: Play, autoscaler: Now) -> None:
    told = play("hpa.yml", "-l", HOST, "-v", identity="viewer").stdout
    assert '"name": "scaler"' in told
    assert '"maximum": 3' in told
