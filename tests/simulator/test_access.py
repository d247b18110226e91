"""Who is let in, and what each identity may do."""

from __future__ import annotations

from collections.abc import Callable

import aiohttp
import pytest
from tests.simulator.client import MERGE, Client
from tests.simulator.pos_seed import APP

from posdeck.simulator.server import Simulator

DEPLOYMENTS = "apps/v1/deployments"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.mark.parametrize(
    "path", ["/api/v1/pods", "/version", "/readyz", "/apis", "/prometheus/api/v1/query?query=up"]
)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Bearer ", "Basic YWRtaW46YWRtaW4="])
async def test_nothing_is_said_without_the_token(simulator: Simulator, path: str, header: str | None) -> None:
    headers = {"Authorization": header} if header else {}
    async with (
        aiohttp.ClientSession() as session,
        session.get(simulator.url + path, headers=headers, ssl=False) as answer,
    ):
        assert answer.status == 401
        assert (await answer.json())["reason"] == "Unauthorized"


async def test_a_foreign_host_name_is_refused(client: Client) -> None:
    """A web page cannot reach the cluster under a name that resolves to loopback."""
    status, body = await client.request("GET", "/api/v1/pods", Host="cluster.example:443")
    assert (status, body["reason"]) == (403, "Forbidden")


async def test_a_viewer_reads_and_does_not_write(as_identity: Callable[[str], Client]) -> None:
    viewer = as_identity("viewer")
    assert len((await viewer.get(viewer.path("pods")))["items"]) == 19
    path = viewer.path(DEPLOYMENTS, APP)
    status, body = await viewer.request("PATCH", path, {"spec": {"replicas": 9}}, content=MERGE)
    assert status == 403
    assert body["message"] == (
        f'deployments.apps "{APP}" is forbidden: User "viewer" cannot patch resource "deployments" '
        'in API group "apps" in the namespace "spc--pos"'
    )


async def test_cluster_scope_is_closed_to_a_viewer(as_identity: Callable[[str], Client]) -> None:
    viewer = as_identity("viewer")
    for path in ("/api/v1/nodes", "/api/v1/pods", "/api/v1/namespaces", "/apis/metrics.k8s.io/v1beta1/nodes"):
        assert (await viewer.request("GET", path))[0] == 403
    assert (await viewer.request("GET", "/api/v1/namespaces/spc--pos"))[0] == 200


async def test_metrics_can_be_withheld(as_identity: Callable[[str], Client]) -> None:
    seeing, blind = as_identity("viewer"), as_identity("viewer-no-metrics")
    path = "/apis/metrics.k8s.io/v1beta1/namespaces/spc--pos/pods"
    assert len((await seeing.get(path))["items"]) == 19
    assert (await blind.request("GET", path))[0] == 403


@pytest.mark.parametrize(
    ("identity", "verb", "resource", "allowed"),
    [
        ("operator", "patch", "deployments", True),
        ("operator", "delete", "pods", True),
        ("operator", "delete", "secrets", False),
        ("viewer", "patch", "deployments", False),
        ("nobody", "get", "pods", False),
        ("admin", "delete", "namespaces", True),
    ],
)
async def test_a_review_says_what_a_request_would_meet(
    as_identity: Callable[[str], Client], identity: str, verb: str, resource: str, allowed: bool
) -> None:
    asked = {"namespace": "spc--pos", "verb": verb, "group": "apps" if resource == "deployments" else ""}
    body = {"spec": {"resourceAttributes": {**asked, "resource": resource}}}
    status, answer = await as_identity(identity).request("POST", REVIEW, body)
    assert (status, answer["status"]["allowed"]) == (201, allowed)


async def test_one_learns_who_one_is(as_identity: Callable[[str], Client]) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    status, body = await as_identity("operator").request("POST", path, {})
    assert status == 201
    assert body["status"]["userInfo"]["username"] == "operator"
