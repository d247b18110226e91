"""Real kubectl does its daily work against both clusters."""

from __future__ import annotations

import json
import subprocess
import threading
from typing import Any

from tests.behaviour.conftest import Cluster, deployment
from tests.cluster.api import wait_until

MANIFEST = json.dumps(deployment("applied", replicas=1))


def test_get_prints_a_table(api: Cluster) -> None:
    api.create(replicas=2)
    lines = api.kubectl("get", "deployments,pods").splitlines()
    header, row = lines[0].split(), lines[1].split()
    assert header == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row[:4] == ["deployment.apps/web", "2/2", "2", "2"]
    assert lines[3].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [line.split()[1:4] for line in lines[4:]] == [["1/1", "Running", "0"]] * 2
    wide = api.kubectl("get", "pods", "-o", "wide").splitlines()
    assert wide[0].split()[5:8] == ["IP", "NODE", "NOMINATED"]


def test_get_prints_yaml_and_json(api: Cluster) -> None:
    api.create()
    assert "kind: Deployment" in api.kubectl("get", "deployment", "web", "-o", "yaml")
    found = json.loads(api.kubectl("get", "deployment", "web", "-o", "json"))
    assert found["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert api.kubectl("get", "deploy", "-o", "name").strip() == "deployment.apps/web"


def test_get_watches(api: Cluster) -> None:
    api.create()
    process = subprocess.Popen(
        api.command("get", "deployment", "web", "-w", "-o", "jsonpath={.spec.replicas} "),
        stdout=subprocess.PIPE,
        text=True,
    )
    seen: list[str] = []

    def read() -> None:
        while chunk := process.stdout.read(1):  # type: ignore[union-attr]
            seen.append(chunk)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        wait_until(lambda: "1 " in "".join(seen), "the first line of the watch")
        api.kubectl("scale", "deployment/web", "--replicas=3")
        wait_until(lambda: "3 " in "".join(seen), "the change in the watch")
    finally:
        process.terminate()
        process.wait(10)
        reader.join(10)
        process.stdout.close()  # type: ignore[union-attr]


def test_scale(api: Cluster) -> None:
    api.create()
    assert "scaled" in api.kubectl("scale", "deployment/web", "--replicas=3")
    assert api.available()["spec"]["replicas"] == 3
    refused = api.kubectl("scale", "deployment/web", "--current-replicas=9", "--replicas=1", check=False)
    assert "Expected replicas to be 9, was 3" in refused


def test_rollout_restart_status_history_and_undo(api: Cluster) -> None:
    before = api.create(replicas=2)
    api.kubectl("rollout", "restart", "deployment/web")
    assert "successfully rolled out" in api.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    after = api.available()
    assert after["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert "kubectl.kubernetes.io/restartedAt" in after["spec"]["template"]["metadata"]["annotations"]
    api.kubectl("set", "image", "deployment/web", "app=registry.invalid/web:2")
    api.available()
    assert [line.split()[0] for line in api.kubectl("rollout", "history", "deployment/web").splitlines()[2:5]] == [
        "1", "2", "3",
    ]  # fmt: skip
    api.kubectl("rollout", "undo", "deployment/web", "--to-revision=1")
    assert "successfully rolled out" in api.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    undone = api.available()
    assert undone["spec"]["template"] == before["spec"]["template"]
    assert undone["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "4"


def test_pause_and_resume(api: Cluster) -> None:
    api.create()
    api.kubectl("rollout", "pause", "deployment/web")
    api.kubectl("set", "image", "deployment/web", "app=registry.invalid/web:2")
    wait_until(
        lambda: api.get("apps/v1/deployments", "web")["status"]["observedGeneration"] == 3,
        "the change observed",
    )
    assert len(api.items("apps/v1/replicasets")) == 1
    api.kubectl("rollout", "resume", "deployment/web")
    api.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert len(api.items("apps/v1/replicasets")) == 2


def test_describe(api: Cluster) -> None:
    api.create(replicas=2)
    text = api.kubectl("describe", "deployment", "web")
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in text
    assert "NewReplicaSetAvailable" in text
    assert "Scaled up replica set" in text
    pod = api.items("pods")[0]["metadata"]["name"]
    described = api.kubectl("describe", "pod", pod)
    assert "Controlled By:  ReplicaSet/web-" in described
    assert "Successfully assigned" in described


def test_apply_on_the_server(api: Cluster) -> None:
    assert "serverside-applied" in api.kubectl("apply", "--server-side", "-f", "-", input=MANIFEST)
    api.available("applied")
    changed = MANIFEST.replace('"replicas": 1', '"replicas": 2')
    api.kubectl("apply", "--server-side", "-f", "-", input=changed)
    assert api.available("applied")["spec"]["replicas"] == 2
    api.kubectl("scale", "deployment/applied", "--replicas=3")
    refused = api.kubectl("apply", "--server-side", "-f", "-", input=changed, check=False)
    assert 'conflict with "kubectl" with subresource "scale"' in refused
    assert ".spec.replicas" in refused
    api.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=changed)
    assert api.get("apps/v1/deployments", "applied")["spec"]["replicas"] == 2


def test_apply_on_the_client(api: Cluster) -> None:
    assert "created" in api.kubectl("apply", "-f", "-", input=MANIFEST)
    assert "unchanged" in api.kubectl("apply", "-f", "-", input=MANIFEST)
    assert "configured" in api.kubectl(
        "apply", "-f", "-", input=MANIFEST.replace('"replicas": 1', '"replicas": 2')
    )
    found = api.get("apps/v1/deployments", "applied")
    assert found["spec"]["replicas"] == 2
    assert "kubectl.kubernetes.io/last-applied-configuration" in found["metadata"]["annotations"]


def test_a_rehearsal_on_the_server(api: Cluster) -> None:
    api.create()
    before = api.get("apps/v1/deployments", "web")["metadata"]["resourceVersion"]
    patch = '{"spec":{"replicas":5}}'
    shown = api.kubectl(
        "patch", "deployment", "web", "-p", patch, "--dry-run=server", "-o", "jsonpath={.spec.replicas}"
    )
    assert shown == "5"
    assert api.get("apps/v1/deployments", "web")["metadata"]["resourceVersion"] == before


def test_delete_a_pod(api: Cluster) -> None:
    api.create()
    (pod,) = api.items("pods")
    assert "deleted" in api.kubectl("delete", "pod", pod["metadata"]["name"])
    api.available()
    (new,) = api.items("pods")
    assert new["metadata"]["uid"] != pod["metadata"]["uid"]


def test_delete_a_deployment_with_all_it_owns(api: Cluster) -> None:
    api.create()
    api.kubectl("delete", "deployment", "web", "--cascade=foreground")
    assert api.items("apps/v1/replicasets") == []


def test_logs(api: Cluster) -> None:
    api.create()
    assert api.kubectl("logs", "deployment/web", "--tail=1").strip()
    process = subprocess.Popen(
        api.command("logs", "-f", "deployment/web", "--tail=1"), stdout=subprocess.PIPE
    )
    try:
        assert process.stdout.readline().strip()  # type: ignore[union-attr]
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()  # type: ignore[union-attr]


def test_top(api: Cluster) -> None:
    usage = {"kwok.x-k8s.io/usage-cpu": "190m", "kwok.x-k8s.io/usage-memory": "70Mi"}
    body = deployment()
    body["spec"]["replicas"] = 3
    template = body["spec"]["template"]
    template["metadata"]["annotations"] = usage
    template["spec"]["topologySpreadConstraints"] = [
        {
            "maxSkew": 1,  # one on each node: a node on which nothing is used has no reading
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": template["metadata"]["labels"]},
        }
    ]
    api.api.create(api.path("apps/v1/deployments"), body)
    api.available()
    wait_until(
        lambda: len(api.kubectl("top", "nodes", "--no-headers", check=False).splitlines()) >= 3,
        "readings of the nodes",
        within=90,
    )
    line = wait_until(
        lambda: api.kubectl("top", "pods", "--no-headers", check=False).split(), "a reading", within=90
    )
    wait_until(
        lambda: (api.kubectl("top", "pods", "--no-headers", check=False).split() or ["", ""])[1] == "190m",
        f"the usage that the pod is annotated with, not {line}",
        within=90,
    )


def test_the_rest_of_the_daily_commands(api: Cluster) -> None:
    api.create()
    assert "deployments" in api.kubectl("api-resources")
    assert "yes" in api.kubectl("auth", "can-i", "delete", "pods")
    assert "deployment.apps/web labeled" in api.kubectl("label", "deployment", "web", "a=b")
    assert "annotated" in api.kubectl("annotate", "deployment", "web", "note=hello")
    assert "KIND" in api.kubectl("explain", "deployment")
    wait: Any = api.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")
    assert "condition met" in wait
    refused = api.kubectl("get", "deployment", "none", check=False)
    assert 'Error from server (NotFound): deployments.apps "none" not found' in refused
