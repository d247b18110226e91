"""What the looking plugins make of an API's answers: unknown stays unknown, secrets stay covered, and a pod's port
is reached through the API server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.posdeck.k8s.plugins.action.http_probe import _counted, total
from ansible_collections.posdeck.k8s.plugins.plugin_utils.autoscalers import standing_of
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.kubeconfig import load_access
from ansible_collections.posdeck.k8s.plugins.plugin_utils.manifests import readable, restorable
from ansible_collections.posdeck.k8s.plugins.plugin_utils.portforward import get_through

from posdeck.operations.acting import restorable as posdecks_own
from posdeck.operations.embedded import seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.simulator.server import Simulator

TEXT = b"""# TYPE otelcol_sent counter
otelcol_sent_total{exporter="a"} 10
otelcol_sent_total{exporter="b"} 5.5
otelcol_sent_more 99
"""


def probe(text: bytes, at: float, status: int = 200) -> dict[str, Any]:
    return {"body": text, "at": at, "status": status}


def test_a_series_is_summed_over_its_labels_and_missing_is_not_zero() -> None:
    assert total(TEXT, "otelcol_sent") == 15.5
    assert total(TEXT, "otelcol_failed") is None
    assert total(b"otelcol_sent odd\n", "otelcol_sent") is None


@pytest.mark.parametrize(
    ("first", "second", "rate"),
    [
        ([probe(b"x 10\n", 0.0)], [probe(b"x 30\n", 4.0)], 5.0),
        ([probe(b"x 10\n", 0.0), probe(b"x 0\n", 1.0)], [probe(b"x 30\n", 4.0), probe(b"x 3\n", 4.0)], 6.0),
        ([probe(b"x 10\n", 0.0)], [probe(b"x 2\n", 4.0)], None),
        ([probe(b"x 10\n", 0.0), probe(b"x 1\n", 0.0)], [probe(b"x 30\n", 4.0), probe(b"", 4.0)], None),
        ([probe(b"x 10\n", 0.0)], [probe(b"x 30\n", 4.0, status=503)], None),
    ],
    ids=["one", "two pods", "began anew", "one does not tell", "not well"],
)
def test_a_rate_is_that_of_all_pods_or_none(first: Any, second: Any, rate: float | None) -> None:
    assert _counted(first, second, {"sent": "x"})["rates"] == {"sent": rate}


def hpa(current: list[Any], limited: dict[str, Any] | None) -> dict[str, Any]:
    def resource(name: str, which: str, values: dict[str, Any]) -> dict[str, Any]:
        return {"type": "Resource", "resource": {"name": name, which: values}}

    return {
        "spec": {
            "maxReplicas": 15,
            "metrics": [
                resource("memory", "target", {"type": "AverageValue", "averageValue": "160Mi"}),
                resource("cpu", "target", {"type": "Utilization", "averageUtilization": 85}),
            ],
        },
        "status": {
            "currentMetrics": [resource(name, "current", values) for name, values in current],
            "conditions": [limited] if limited else [],
        },
    }


CALM = {"averageUtilization": 40, "averageValue": "40m"}
HELD = {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}


@pytest.mark.parametrize(
    ("current", "above"),
    [
        ([("cpu", CALM), ("memory", {"averageValue": "100Mi"})], False),
        ([("cpu", CALM), ("memory", {"averageValue": "200Mi"})], True),
        ([("cpu", CALM)], None),
        ([("cpu", {"averageUtilization": 90})], True),
        ([], None),
    ],
    ids=["below", "above", "one unknown", "one unknown, one above", "none known"],
)
def test_metrics_are_paired_by_name_and_an_unknown_one_is_not_below(current: Any, above: bool | None) -> None:
    found = standing_of(hpa(current, None))
    assert found["above_target"] is above
    assert found["minimum"] == 1
    assert found["at_maximum"] is None


def test_held_at_its_maximum_is_what_the_hpa_says() -> None:
    assert standing_of(hpa([], HELD))["at_maximum"] is True
    assert standing_of(hpa([], {**HELD, "reason": "TooFewReplicas"}))["at_maximum"] is False
    assert standing_of(hpa([], {**HELD, "status": "Unknown"}))["at_maximum"] is None


DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "d",
        "namespace": "n",
        "uid": "u",
        "resourceVersion": "7",
        "generation": 3,
        "labels": {"app": "d"},
        "annotations": {"deployment.kubernetes.io/revision": "4", "team": "pos"},
        "ownerReferences": [{"uid": "x"}],
    },
    "spec": {
        "replicas": 0,
        "template": {
            "spec": {
                "containers": [
                    {"env": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "MODE", "value": "fast"}]}
                ]
            }
        },
    },
    "status": {"replicas": 0},
}


def test_what_is_kept_brings_back_the_same_specification_and_nothing_of_the_server() -> None:
    wanted = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "d",
            "namespace": "n",
            "labels": {"app": "d"},
            "annotations": {"team": "pos"},
        },
        "spec": DEPLOYMENT["spec"],
    }
    assert restorable(DEPLOYMENT) == wanted
    assert posdecks_own(DEPLOYMENT) == wanted


def test_a_manifest_for_people_covers_what_looks_like_a_secret() -> None:
    text = readable(DEPLOYMENT)
    assert "hunter2" not in text
    assert text.startswith("apiVersion: apps/v1\nkind: Deployment\n")
    container = yaml.safe_load(text)["spec"]["template"]["spec"]["containers"][0]
    assert container["env"][1] == {"name": "MODE", "value": "fast"}


async def test_a_port_of_a_pod_is_reached_through_the_api_server(tmp_path: Path) -> None:
    simulator = Simulator(seed_of(open_content(Request(environment="simulated")).catalogue))
    await simulator.start()
    try:
        kubeconfig = simulator.write_kubeconfig(tmp_path / "kubeconfig")
        answers = await asyncio.to_thread(_ask, kubeconfig)
    finally:
        await simulator.stop()
    status, body = answers[0]
    assert (status, b'"status"' in body) == (200, True)
    assert answers[1][0] == 404
    assert "9999" in answers[2]
    assert "HTTP 404" in answers[3]


def _ask(kubeconfig: Path) -> Any:
    client = Client(load_access(str(kubeconfig), None))
    namespace = "spc--pos"
    try:
        pods = client.items(f"/api/v1/namespaces/{namespace}/pods")
        pod = next(p["metadata"]["name"] for p in pods if "app--prod" in p["metadata"]["name"])
        refusals = []
        for name, port in ((pod, 9999), ("no-such-pod", 8080)):
            with pytest.raises(KubeError) as refused:
                get_through(client, namespace, name, port, "/", 1 << 16)
            refusals.append(str(refused.value))
        found = [get_through(client, namespace, pod, 8080, path, 1 << 16) for path in ("/", "/nothing")]
        return [*found, *refusals]
    finally:
        client.close()
