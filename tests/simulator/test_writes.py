"""Writes: versions, generations, conflicts, ownership, rehearsals, refusals."""

from __future__ import annotations

from typing import Any

import pytest
from tests.simulator.client import APPLY, JSON_PATCH, MERGE, STRATEGIC, Client
from tests.simulator.pos_seed import NAMESPACE, ORDER

from posdeck.simulator.server import Simulator

DEPLOYMENTS = "apps/v1/deployments"


def web(**spec: Any) -> dict[str, Any]:
    """An apply configuration."""
    template = {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "web:1"}]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec},
    }


async def apply(client: Client, body: Any, manager: str = "one", query: str = "") -> tuple[int, Any]:
    path = client.path(DEPLOYMENTS, "web") + f"?fieldManager={manager}{query}"
    return await client.request("PATCH", path, body, content=APPLY)


async def test_a_spec_change_raises_the_generation_and_nothing_else_does(client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    first = await client.get(path)
    labelled = await client.patch(path, {"metadata": {"labels": {"x": "y"}}})
    assert labelled["metadata"]["generation"] == first["metadata"]["generation"]
    assert int(labelled["metadata"]["resourceVersion"]) > int(first["metadata"]["resourceVersion"])
    scaled = await client.patch(path, {"spec": {"replicas": 2}})
    assert scaled["metadata"]["generation"] == first["metadata"]["generation"] + 1


async def test_a_write_that_changes_nothing_is_none(client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    first = await client.get(path)
    again = await client.patch(path, {"spec": {"replicas": 1}})
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


@pytest.mark.parametrize("content", [MERGE, STRATEGIC])
async def test_an_outdated_version_is_a_conflict(client: Client, content: str) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    version = (await client.get(path))["metadata"]["resourceVersion"]
    await client.patch(path, {"metadata": {"labels": {"x": "y"}}})
    stale = {"metadata": {"resourceVersion": version, "labels": {"x": "z"}}}
    status, body = await client.request("PATCH", path, stale, content=content)
    assert (status, body["reason"]) == (409, "Conflict")
    assert body["message"].startswith(f'Operation cannot be fulfilled on deployments.apps "{ORDER}": ')


async def test_a_test_operation_is_a_precondition(client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    uid = (await client.get(path))["metadata"]["uid"]
    operations = [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        {"op": "replace", "path": "/spec/replicas", "value": 2},
    ]
    assert (await client.patch(path, operations, JSON_PATCH))["spec"]["replicas"] == 2
    operations[0]["value"] = "another"
    status, _ = await client.request("PATCH", path, operations, content=JSON_PATCH)
    assert status == 422


async def test_another_uid_is_a_conflict(client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    body = {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}, "spec": {"replicas": 2}}
    status, _ = await client.request("PATCH", path, body, content=MERGE)
    assert status == 409
    status, answer = await client.request("DELETE", path, {"preconditions": {"uid": "another"}})
    assert (status, answer["reason"]) == (409, "Conflict")


async def test_a_rehearsal_changes_nothing_and_shows_everything(simulator: Simulator, client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    before = simulator.store.version
    status, body = await client.request(
        "PATCH", path + "?dryRun=All", {"spec": {"replicas": 7}}, content=MERGE
    )
    assert (status, body["spec"]["replicas"]) == (200, 7)
    assert body["metadata"]["generation"] == 2
    status, body = await client.request("POST", client.path(DEPLOYMENTS) + "?dryRun=All", web())
    assert status == 201
    assert body["spec"]["progressDeadlineSeconds"] == 600
    status, _ = await client.request("DELETE", path + "?dryRun=All")
    assert status == 200
    assert simulator.store.version == before
    status, _ = await client.request("DELETE", path + "?dryRun=Some")
    assert status == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"replicas": -1}, "spec.replicas"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.selector"),
        ({"template": {"spec": {"containers": None}}}, "spec.template.spec.containers"),
        ({"progressDeadlineSeconds": 0}, "spec.progressDeadlineSeconds"),
        (
            {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
            "spec.strategy.rollingUpdate.maxUnavailable",
        ),
    ],
)
async def test_what_makes_no_sense_is_invalid(client: Client, change: Any, field: str) -> None:
    status, body = await client.request(
        "PATCH", client.path(DEPLOYMENTS, ORDER), {"spec": change}, content=MERGE
    )
    assert (status, body["reason"]) == (422, "Invalid")
    assert field in {cause["field"] for cause in body["details"]["causes"]}


async def test_a_wrong_type_is_a_bad_request(client: Client) -> None:
    for change in ({"spec": {"replicas": "many"}}, {"spec": []}, []):
        status, _ = await client.request("PATCH", client.path(DEPLOYMENTS, ORDER), change, content=MERGE)
        assert status == 400


async def test_unknown_media_types_are_refused(client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER)
    status, body = await client.request("PATCH", path, {}, content="application/json")
    assert (status, body["reason"]) == (415, "UnsupportedMediaType")
    protobuf = "application/vnd.kubernetes.protobuf"
    status, _ = await client.request("POST", client.path("configmaps"), {}, content=protobuf)
    assert status == 415
    status, _ = await client.request("GET", path, Accept=protobuf)
    assert status == 406


async def test_names_are_checked_and_taken_once(client: Client) -> None:
    status, body = await client.request("POST", client.path("configmaps"), {"metadata": {"name": "Not_Good"}})
    assert (status, body["reason"]) == (422, "Invalid")
    status, body = await client.request(
        "POST", client.path("configmaps"), {"metadata": {"name": "pos-settings"}}
    )
    assert (status, body["reason"]) == (409, "AlreadyExists")
    status, body = await client.request(
        "POST", "/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "a"}}
    )
    assert (status, body["message"]) == (404, 'namespaces "nowhere" not found')


async def test_status_is_written_through_its_subresource_only(client: Client) -> None:
    path = client.path("policy/v1/poddisruptionbudgets")
    await client.request(
        "POST", path, {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {}}}
    )
    main = await client.patch(f"{path}/b", {"status": {"currentHealthy": 99}, "spec": {"minAvailable": 2}})
    assert main["status"].get("currentHealthy") != 99
    sub = await client.patch(
        f"{path}/b/status", {"status": {"currentHealthy": 99}, "spec": {"minAvailable": 3}}
    )
    assert (sub["status"]["currentHealthy"], sub["spec"]["minAvailable"]) == (99, 2)


async def test_applying_twice_changes_once(client: Client) -> None:
    status, first = await apply(client, web(replicas=2))
    assert status in (200, 201)
    status, second = await apply(client, web(replicas=2))
    assert status == 200
    assert second["spec"] == first["spec"]
    (entry,) = [e for e in second["metadata"]["managedFields"] if e["operation"] == "Apply"]
    assert entry["manager"] == "one"
    containers = entry["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert 'k:{"name":"web"}' in containers


async def test_another_managers_field_is_a_conflict_until_forced(client: Client) -> None:
    await apply(client, web(replicas=2))
    status, body = await apply(client, web(replicas=5), "two")
    assert (status, body["reason"]) == (409, "Conflict")
    assert body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.replicas"}
    ]
    status, body = await apply(client, web(replicas=5), "two", "&force=true")
    assert (status, body["spec"]["replicas"]) == (200, 5)
    owners = {
        e["manager"]
        for e in body["metadata"]["managedFields"]
        if "f:replicas" in e["fieldsV1"].get("f:spec", {})
    }
    assert owners == {"two"}


async def test_the_same_value_is_shared(client: Client) -> None:
    await apply(client, web(replicas=2))
    status, body = await apply(client, web(replicas=2), "two")
    assert status == 200
    owners = {
        e["manager"]
        for e in body["metadata"]["managedFields"]
        if "f:replicas" in e["fieldsV1"].get("f:spec", {})
    }
    assert owners == {"one", "two"}


async def test_a_field_that_is_no_longer_applied_goes(client: Client) -> None:
    more = web(replicas=2)
    more["metadata"]["annotations"] = {"mine": "1"}
    more["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    await apply(client, more)
    path = client.path(DEPLOYMENTS, "web")
    await client.patch(path, {"metadata": {"annotations": {"theirs": "2"}}})
    status, body = await apply(client, web(replicas=2))
    assert status == 200
    assert "mine" not in body["metadata"]["annotations"]
    assert body["metadata"]["annotations"]["theirs"] == "2"
    assert [c["name"] for c in body["spec"]["template"]["spec"]["containers"]] == ["web"]


async def test_an_update_takes_a_field_over(client: Client) -> None:
    await apply(client, web(replicas=2))
    await client.patch(client.path(DEPLOYMENTS, "web") + "?fieldManager=hand", {"spec": {"replicas": 3}})
    status, body = await apply(client, web(replicas=2))
    assert status == 409
    assert '"hand" using apps/v1' in body["details"]["causes"][0]["message"]
    status, body = await apply(client, web())
    assert (status, body["spec"]["replicas"]) == (200, 3)


async def test_applying_asks_for_a_manager(client: Client) -> None:
    status, _ = await client.request("PATCH", client.path(DEPLOYMENTS, "web"), web(), content=APPLY)
    assert status == 400


async def test_scaling_goes_through_its_own_subresource(client: Client) -> None:
    path = client.path(DEPLOYMENTS, ORDER, "scale")
    scale = await client.get(path)
    assert (scale["kind"], scale["spec"]["replicas"], scale["status"]["replicas"]) == ("Scale", 1, 1)
    assert scale["status"]["selector"] == f"app={ORDER}"
    assert (await client.patch(path, {"spec": {"replicas": 4}}))["spec"]["replicas"] == 4
    scale["spec"]["replicas"] = 2
    status, body = await client.request("PUT", path, scale)
    assert (status, body["reason"]) == (409, "Conflict")
    status, _ = await client.request("PATCH", path, {"spec": {"replicas": -3}}, content=MERGE)
    assert status == 422
    found = await client.get(client.path(DEPLOYMENTS, ORDER))
    assert found["spec"]["replicas"] == 4
    entry = next(e for e in found["metadata"]["managedFields"] if e.get("subresource") == "scale")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}


async def test_a_collection_is_deleted_by_its_labels(simulator: Simulator, client: Client) -> None:
    for name in ("a", "b", "c"):
        labels = {"drop": "yes"} if name != "c" else {}
        await client.request(
            "POST", client.path("configmaps"), {"metadata": {"name": name, "labels": labels}}
        )
    status, _ = await client.request("DELETE", client.path("configmaps") + "?labelSelector=drop%3Dyes")
    assert status == 200
    assert {m["metadata"]["name"] for m in simulator.objects("configmaps")} == {"c", "pos-settings"}


async def test_paths_that_lead_nowhere(client: Client) -> None:
    for path in (
        "/api/v2/pods",
        "/apis/none/v1/things",
        f"/api/v1/namespaces/{NAMESPACE}/widgets",
        "/somewhere",
    ):
        status, body = await client.request("GET", path)
        assert (status, body["reason"]) == (404, "NotFound")
    status, body = await client.request("GET", client.path("pods", "no-such"))
    assert (status, body["message"]) == (404, 'pods "no-such" not found')
    status, _ = await client.request("POST", client.path("pods", "x"), {})
    assert status == 405
