"""What the API promises, asked of both clusters in the same words."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest
from tests.behaviour.conftest import Cluster, deployment
from tests.cluster.api import JSON_PATCH, MERGE_PATCH, ApiError, wait_until

STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
DEPLOYMENTS = "apps/v1/deployments"
MAPS = "configmaps"


def refused(ask: Callable[[], Any]) -> tuple[int, Any]:
    """(code, Status) of a request that must fail."""
    with pytest.raises(ApiError) as caught:
        ask()
    return caught.value.code, caught.value.body


def make(api: Cluster, name: str, **labels: str) -> Any:
    return api.api.create(api.path(MAPS), {"metadata": {"name": name, "labels": labels}})


@contextmanager
def watching(api: Cluster, path: str) -> Iterator[Callable[[], Any]]:
    """A watch; each call gives the next event, {} at the end."""
    inner = api.api
    context = ssl.create_default_context(cafile=str(inner._authority))
    connection = http.client.HTTPSConnection("127.0.0.1", inner._port, timeout=20, context=context)
    connection.request("GET", path, headers={"Authorization": f"Bearer {inner._token}"})
    answer = connection.getresponse()
    assert answer.status == 200

    def event() -> Any:
        line = answer.readline()
        return json.loads(line) if line.strip() else {}

    yield event
    connection.close()


def test_defaults_and_what_the_server_adds(api: Cluster) -> None:
    made = api.create()
    spec = made["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    assert spec["strategy"] == {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
    }
    container = spec["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert container["terminationMessagePath"] == "/dev/termination-log"
    template = spec["template"]["spec"]
    assert (template["restartPolicy"], template["dnsPolicy"], template["schedulerName"]) == (
        "Always", "ClusterFirst", "default-scheduler")  # fmt: skip
    assert made["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    assert made["metadata"]["generation"] == 1
    assert {c["type"]: (c["status"], c["reason"]) for c in made["status"]["conditions"]} == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


def test_a_deployment_owns_a_replica_set_that_owns_pods(api: Cluster) -> None:
    made = api.create(replicas=2)
    (rs,) = api.items("apps/v1/replicasets")
    (owner,) = rs["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Deployment", made["metadata"]["uid"], True)
    mark = rs["metadata"]["labels"]["pod-template-hash"]
    assert rs["metadata"]["name"] == f"web-{mark}"
    assert rs["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": mark}
    assert rs["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
        "deployment.kubernetes.io/revision": "1",
    }
    for pod in api.items("pods"):
        assert pod["metadata"]["generateName"] == f"web-{mark}-"
        assert pod["metadata"]["ownerReferences"][0]["uid"] == rs["metadata"]["uid"]
        assert pod["status"]["phase"] == "Running"
        assert pod["status"]["qosClass"] == "Burstable"


def test_the_events_of_a_start(api: Cluster) -> None:
    api.create()

    def reasons() -> set[tuple[str, str]]:
        return {(e["involvedObject"]["kind"], e["reason"]) for e in api.items("events")}

    wanted = {("Deployment", "ScalingReplicaSet"), ("ReplicaSet", "SuccessfulCreate"), ("Pod", "Scheduled")}
    wait_until(lambda: wanted <= reasons(), "the events")


def test_generation_follows_the_spec(api: Cluster) -> None:
    api.create()
    path = api.path(DEPLOYMENTS, "web")
    assert api.api.patch(path, {"metadata": {"labels": {"x": "y"}}})["metadata"]["generation"] == 1
    assert api.api.patch(path, {"spec": {"replicas": 2}})["metadata"]["generation"] == 2
    same = api.api.patch(path, {"spec": {"replicas": 2}})
    assert same["metadata"]["generation"] == 2


def test_a_stale_version_is_a_conflict(api: Cluster) -> None:
    first = make(api, "one")
    api.api.patch(api.path(MAPS, "one"), {"data": {"a": "1"}})
    code, body = refused(lambda: api.api.request("PUT", api.path(MAPS, "one"), {**first, "data": {"b": "2"}}))
    assert (code, body["reason"]) == (409, "Conflict")
    assert body["message"] == (
        'Operation cannot be fulfilled on configmaps "one": the object has been modified; please apply your changes '
        "to the latest version and try again"
    )
    assert body["details"] == {"name": "one", "kind": "configmaps"}


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("GET", "configmaps/none", None, (404, "NotFound")),
        ("DELETE", "configmaps/none", None, (404, "NotFound")),
        ("POST", "configmaps", {"metadata": {"name": "Not_Good"}}, (422, "Invalid")),
        (
            "POST",
            "configmaps",
            {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a"}},
            (400, "BadRequest"),
        ),
        ("POST", "configmaps", {"metadata": {"name": "a", "namespace": "other"}}, (400, "BadRequest")),
        ("POST", "configmaps", {"metadata": {}}, (422, "Invalid")),
        ("GET", "configmaps?labelSelector=a%20b", None, (400, "BadRequest")),
        ("GET", "configmaps?fieldSelector=data.x%3D1", None, (400, "BadRequest")),
        ("GET", "widgets", None, (404, "NotFound")),
        ("POST", "configmaps/one", {"metadata": {"name": "one"}}, (405, "MethodNotAllowed")),
    ],
)
def test_refusals(api: Cluster, method: str, path: str, body: Any, answer: tuple[int, str]) -> None:
    start = api.path(MAPS).removesuffix(MAPS)
    found, status = refused(lambda: api.api.request(method, start + path, body))
    assert (found, status.get("reason", "NotFound")) == answer


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"replicas": -1}, "spec.replicas"),
        ({"progressDeadlineSeconds": 0}, "spec.progressDeadlineSeconds"),
        ({"template": {"spec": {"containers": []}}}, "spec.template.spec.containers"),
    ],
)
def test_invalid_deployments(api: Cluster, change: Any, field: str) -> None:
    api.create()
    code, body = refused(lambda: api.api.patch(api.path(DEPLOYMENTS, "web"), {"spec": change}))
    assert (code, body["reason"]) == (422, "Invalid")
    assert body["details"]["group"] == "apps"
    assert field in {c["field"] for c in body["details"]["causes"]}


def test_the_selector_is_fixed(api: Cluster) -> None:
    api.create()
    patch = {
        "spec": {
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}},
        }
    }
    code, body = refused(lambda: api.api.patch(api.path(DEPLOYMENTS, "web"), patch))
    assert code == 422
    assert "field is immutable" in body["message"]


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (
            STRATEGIC,
            {
                "spec": {
                    "template": {
                        "spec": {"containers": [{"name": "app", "env": [{"name": "A", "value": "1"}]}]}
                    }
                }
            },
        ),
        (
            JSON_PATCH,
            [
                {
                    "op": "add",
                    "path": "/spec/template/spec/containers/0/env",
                    "value": [{"name": "A", "value": "1"}],
                }
            ],
        ),
    ],
)
def test_patches_that_keep_the_rest(api: Cluster, content: str, body: Any) -> None:
    api.create()
    done = api.api.patch(api.path(DEPLOYMENTS, "web"), body, content)
    (container,) = done["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "A", "value": "1"}]
    assert container["image"] == "registry.invalid/web:1"


def test_a_merge_patch_replaces_lists(api: Cluster) -> None:
    api.create()
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "new", "image": "n:1"}]}}}}
    done = api.api.patch(api.path(DEPLOYMENTS, "web"), patch, MERGE_PATCH)
    assert [c["name"] for c in done["spec"]["template"]["spec"]["containers"]] == ["new"]


def test_a_failed_test_operation(api: Cluster) -> None:
    make(api, "one")
    operations = [{"op": "test", "path": "/metadata/name", "value": "two"}]
    code, _ = refused(lambda: api.api.patch(api.path(MAPS, "one"), operations, JSON_PATCH))
    assert code == 422


def test_a_wrong_media_type(api: Cluster) -> None:
    make(api, "one")
    code, body = refused(lambda: api.api.patch(api.path(MAPS, "one"), {}, "application/json"))
    assert (code, body["reason"]) == (415, "UnsupportedMediaType")


def test_a_rehearsal(api: Cluster) -> None:
    api.create()
    path = api.path(DEPLOYMENTS, "web")
    before = api.api.get(path)["metadata"]["resourceVersion"]
    shown = api.api.patch(path + "?dryRun=All", {"spec": {"replicas": 4}})
    assert (shown["spec"]["replicas"], shown["metadata"]["generation"]) == (4, 2)
    api.api.delete(path + "?dryRun=All")
    assert api.api.get(path)["metadata"]["resourceVersion"] == before


def test_preconditions_of_a_delete(api: Cluster) -> None:
    made = make(api, "one")
    wrong = {"preconditions": {"uid": "00000000-0000-4000-8000-000000000000"}}
    code, body = refused(lambda: api.api.delete(api.path(MAPS, "one"), wrong))
    assert (code, body["reason"]) == (409, "Conflict")
    right = {"preconditions": {"uid": made["metadata"]["uid"]}}
    assert api.api.delete(api.path(MAPS, "one"), right)["status"] == "Success"


@pytest.mark.parametrize("body", [{}, {"kind": "DeleteOptions", "apiVersion": "v1"}], ids=["empty", "named"])
def test_where_a_deletion_has_a_body_its_query_is_ignored(api: Cluster, body: dict[str, Any]) -> None:
    """What is asked for in the query alone would be a rehearsal that deletes."""
    make(api, "one")
    path = api.path(MAPS, "one")
    api.api.delete(path, {**body, "dryRun": ["All"]})
    assert api.api.exists(path), "a rehearsal by the body"
    api.api.delete(path + "?dryRun=All")
    assert api.api.exists(path), "a rehearsal by the query, and no body"
    api.api.delete(path + "?dryRun=All", body)
    assert not api.api.exists(path)


def test_finalizers_hold_an_object(api: Cluster) -> None:
    api.api.create(api.path(MAPS), {"metadata": {"name": "held", "finalizers": ["example.org/wait"]}})
    marked = api.api.delete(api.path(MAPS, "held"))
    assert marked["metadata"]["deletionTimestamp"]
    assert api.api.exists(api.path(MAPS, "held"))
    api.api.patch(api.path(MAPS, "held"), {"metadata": {"finalizers": None}})
    assert not api.api.exists(api.path(MAPS, "held"))


def test_selectors(api: Cluster) -> None:
    make(api, "a", tier="api")
    make(api, "b", tier="web", own="yes")

    def names(selector: str) -> set[str]:
        found = api.items(MAPS, f"?labelSelector={quote(selector)}")
        return {m["metadata"]["name"] for m in found} - {"kube-root-ca.crt"}

    assert names("tier=api") == {"a"}
    assert names("tier in (api, web)") == {"a", "b"}
    assert names("tier notin (api)") == {"b"}
    assert names("!own,tier") == {"a"}
    assert {m["metadata"]["name"] for m in api.items(MAPS, "?fieldSelector=metadata.name%3Db")} == {"b"}


def test_pages_are_of_one_moment(api: Cluster) -> None:
    for number in range(5):
        make(api, f"m{number}", mine="yes")
    path = api.path(MAPS) + "?labelSelector=mine&limit=2"
    page = api.api.get(path)
    make(api, "m9", mine="yes")
    version = page["metadata"]["resourceVersion"]
    names = [m["metadata"]["name"] for m in page["items"]]
    while token := page["metadata"].get("continue"):
        page = api.api.get(f"{path}&continue={token}")
        assert page["metadata"]["resourceVersion"] == version
        names += [m["metadata"]["name"] for m in page["items"]]
    assert names == [f"m{number}" for number in range(5)]


def test_a_watch_follows_a_selection(api: Cluster) -> None:
    start = api.api.get(api.path(MAPS))["metadata"]["resourceVersion"]
    path = f"{api.path(MAPS)}?watch=1&labelSelector=tier%3Dapi&resourceVersion={start}"
    with watching(api, path) as event:
        make(api, "other", tier="web")
        make(api, "one", tier="api")
        first = event()
        assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "one")
        api.api.patch(api.path(MAPS, "one"), {"data": {"a": "1"}})
        assert event()["type"] == "MODIFIED"
        api.api.patch(api.path(MAPS, "one"), {"metadata": {"labels": {"tier": "web"}}})
        left = event()
        assert left["type"] == "DELETED"
        assert left["object"]["metadata"]["labels"] == {"tier": "api"}
        api.api.patch(api.path(MAPS, "one"), {"metadata": {"labels": {"tier": "api"}}})
        assert event()["type"] == "ADDED"
        api.api.delete(api.path(MAPS, "one"))
        assert event()["type"] == "DELETED"


def test_a_version_from_the_future(api: Cluster) -> None:
    path = api.path(MAPS) + "?resourceVersion=999999999999&resourceVersionMatch=NotOlderThan"
    code, body = refused(lambda: api.api.get(path))
    assert (code, body["reason"]) == (504, "Timeout")
    assert body["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"


def test_tables(api: Cluster) -> None:
    api.create()
    for kind in ("pods", DEPLOYMENTS, "apps/v1/replicasets", MAPS, "serviceaccounts"):
        table = api.api.table(api.path(kind))
        assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
        assert table["columnDefinitions"][0]["name"] == "Name"
        assert all(row["object"]["metadata"]["name"] == row["cells"][0] for row in table["rows"])


def test_server_side_apply(api: Cluster) -> None:
    path = api.path(DEPLOYMENTS, "web")
    api.api.patch(path + "?fieldManager=one", deployment(replicas=2), APPLY)
    code, body = refused(lambda: api.api.patch(path + "?fieldManager=two", deployment(replicas=5), APPLY))
    assert (code, body["reason"]) == (409, "Conflict")
    assert body["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.replicas"}
    ]
    assert body["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.replicas'
    taken = api.api.patch(path + "?fieldManager=two&force=true", deployment(replicas=5), APPLY)
    assert taken["spec"]["replicas"] == 5
    owners = {e["manager"]: e["fieldsV1"]["f:spec"] for e in taken["metadata"]["managedFields"]
              if e["operation"] == "Apply"}  # fmt: skip
    assert "f:replicas" in owners["two"]
    assert "f:replicas" not in owners["one"]


def test_what_an_applier_drops_goes(api: Cluster) -> None:
    path = api.path(DEPLOYMENTS, "web") + "?fieldManager=one"
    body = deployment(replicas=2)
    body["metadata"]["annotations"] = {"mine": "1"}
    body["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "side:1"})
    api.api.patch(path, body, APPLY)
    done = api.api.patch(path, deployment(), APPLY)
    assert [c["name"] for c in done["spec"]["template"]["spec"]["containers"]] == ["app"]
    assert "mine" not in (done["metadata"].get("annotations") or {})
    assert done["spec"]["replicas"] == 1


def test_managed_fields_of_an_applied_object(api: Cluster) -> None:
    """The very tree that the control plane writes."""
    path = api.path(MAPS, "one") + "?fieldManager=one"
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "one", "labels": {"a": "b"}},
        "data": {"x": "y"},
    }
    made = api.api.patch(path, body, APPLY)
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"] == {"f:data": {"f:x": {}}, "f:metadata": {"f:labels": {"f:a": {}}}}
    changed = api.api.patch(api.path(MAPS, "one") + "?fieldManager=hand", {"data": {"z": "1"}})
    hand = next(e for e in changed["metadata"]["managedFields"] if e["manager"] == "hand")
    assert (hand["operation"], hand["fieldsV1"]) == ("Update", {"f:data": {"f:z": {}}})


def test_managed_fields_of_a_created_deployment(api: Cluster) -> None:
    body = deployment(replicas=1)
    made = api.api.create(api.path(DEPLOYMENTS) + "?fieldManager=maker&dryRun=All", body)
    (entry,) = made["metadata"]["managedFields"]
    spec = entry["fieldsV1"]["f:spec"]
    assert set(spec) == {"f:progressDeadlineSeconds", "f:replicas", "f:revisionHistoryLimit", "f:selector",
                         "f:strategy", "f:template"}  # fmt: skip
    containers = spec["f:template"]["f:spec"]["f:containers"]
    assert set(containers['k:{"name":"app"}']) >= {
        ".",
        "f:image",
        "f:imagePullPolicy",
        "f:name",
        "f:resources",
    }
    assert spec["f:strategy"] == {
        "f:rollingUpdate": {".": {}, "f:maxSurge": {}, "f:maxUnavailable": {}},
        "f:type": {},
    }


def test_the_scale_subresource(api: Cluster) -> None:
    api.create()
    path = api.path(DEPLOYMENTS, "web", "scale")
    scale = api.api.get(path)
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 1, "selector": "app=web"}
    assert api.api.patch(path, {"spec": {"replicas": 3}})["spec"]["replicas"] == 3
    assert api.available()["metadata"]["generation"] == 2


def test_a_restart_replaces_every_pod(api: Cluster) -> None:
    api.create(replicas=3)
    old = {p["metadata"]["uid"] for p in api.items("pods")}
    stamp = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "x"}}}}}
    api.api.patch(api.path(DEPLOYMENTS, "web"), stamp, STRATEGIC)
    api.available()
    assert not old & {p["metadata"]["uid"] for p in api.items("pods")}
    revisions = {
        rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: rs["spec"]["replicas"]
        for rs in api.items("apps/v1/replicasets")
    }
    assert revisions == {"1": 0, "2": 3}


def test_a_disruption_budget_refuses_an_eviction(api: Cluster) -> None:
    api.create()
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    }
    api.api.create(api.path("policy/v1/poddisruptionbudgets"), budget)
    wait_until(
        lambda: api.get("policy/v1/poddisruptionbudgets", "b").get("status", {}).get("currentHealthy") == 1,
        "the budget",
    )
    (pod,) = api.items("pods")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["metadata"]["name"]}}
    path = api.path("pods", pod["metadata"]["name"], "eviction")
    code, body = refused(lambda: api.api.create(path, eviction))
    assert (code, body["reason"]) == (429, "TooManyRequests")
    assert body["details"]["causes"][0]["reason"] == "DisruptionBudget"


def test_access_reviews(api: Cluster) -> None:
    review = {
        "spec": {"resourceAttributes": {"namespace": api.namespace, "verb": "delete", "resource": "pods"}}
    }
    made = api.api.create(
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", **review},
    )
    assert made["status"]["allowed"] is True


def test_services_get_addresses_and_endpoints(api: Cluster) -> None:
    api.create(replicas=2)
    body = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
    }
    made = api.api.create(api.path("services"), body)
    assert (made["spec"]["type"], made["spec"]["sessionAffinity"]) == ("ClusterIP", "None")
    assert made["spec"]["clusterIP"] == made["spec"]["clusterIPs"][0]
    path = (
        api.path("discovery.k8s.io/v1/endpointslices") + "?labelSelector=kubernetes.io%2Fservice-name%3Dweb"
    )

    def ready() -> list[Any]:
        slices = api.api.get(path)["items"]
        return [e for s in slices for e in s.get("endpoints") or () if e["conditions"]["ready"]]

    assert len(wait_until(lambda: len(ready()) == 2 and ready(), "two endpoints") or ()) == 2


def test_an_hpa_follows_usage(api: Cluster) -> None:
    body = deployment()
    usage = {"kwok.x-k8s.io/usage-cpu": "90m", "kwok.x-k8s.io/usage-memory": "32Mi"}
    body["spec"]["template"]["metadata"]["annotations"] = usage
    api.api.create(api.path(DEPLOYMENTS), body)
    api.available()
    target = {"type": "Utilization", "averageUtilization": 50}
    hpa = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "maxReplicas": 4,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
    api.api.create(api.path("autoscaling/v2/horizontalpodautoscalers"), hpa)

    def settled() -> Any:
        found = api.get("autoscaling/v2/horizontalpodautoscalers", "web")
        return found if found.get("status", {}).get("desiredReplicas", 0) >= 2 else None

    found: Any = wait_until(settled, "the HPA to scale up", within=150)
    states = {c["type"]: (c["status"], c["reason"]) for c in found["status"]["conditions"]}
    assert states["ScalingActive"] == ("True", "ValidMetricFound")
    (metric,) = found["status"]["currentMetrics"]
    assert 88 <= metric["resource"]["current"]["averageUtilization"] <= 92
    wait_until(lambda: "SuccessfulRescale" in {e["reason"] for e in api.items("events")}, "the event")
