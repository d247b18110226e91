"""Revisions, rollouts, selectors and differences: what the writing plugins decide by."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.posdeck.k8s.plugins.action.metrics import quantity
from ansible_collections.posdeck.k8s.plugins.plugin_utils.differences import differ, difference
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.objects import (
    RESTARTED_AT,
    REVISION,
    previous_revision,
    revision_of,
    rollout_status,
    selector_text,
)


def deployment(image: str = "pos:2", stamp: str = "", **status: Any) -> dict[str, Any]:
    annotations = {RESTARTED_AT: stamp} if stamp else {}
    return {
        "metadata": {
            "name": "d",
            "namespace": "n",
            "uid": "u",
            "generation": 4,
            "annotations": {REVISION: "9"},
        },
        "spec": {
            "replicas": 2,
            "template": {
                "metadata": {"labels": {"app": "d"}, "annotations": annotations},
                "spec": {"containers": [{"name": "c", "image": image}]},
            },
        },
        "status": {"observedGeneration": 4, **status},
    }


def replica_set(revision: int, image: str, stamp: str = "") -> dict[str, Any]:
    made = deployment(image, stamp)
    made["metadata"] = {"name": f"d-{revision}", "annotations": {REVISION: str(revision)}}
    made["spec"]["template"]["metadata"]["labels"]["pod-template-hash"] = f"h{revision}"
    return made


KEPT = [
    replica_set(9, "pos:2", "b"),
    replica_set(8, "pos:2", "a"),
    replica_set(7, "pos:2"),
    replica_set(5, "pos:1"),
]


def test_a_restart_is_not_taken_for_an_earlier_version() -> None:
    assert revision_of(previous_revision(deployment("pos:2", "b"), KEPT, 0)) == 5


def test_a_chosen_revision_is_taken_even_if_only_the_stamp_differs() -> None:
    assert revision_of(previous_revision(deployment("pos:2", "b"), KEPT, 8)) == 8


def test_where_there_is_nothing_to_go_back_to_the_kept_revisions_are_named() -> None:
    with pytest.raises(UsageError, match="kept: 9, 8, 7"):
        previous_revision(deployment("pos:2", "b"), KEPT[:3], 0)
    with pytest.raises(UsageError, match="no revision 6; kept are 9, 8, 7, 5"):
        previous_revision(deployment("pos:2", "b"), KEPT, 6)


@pytest.mark.parametrize(
    ("status", "done", "failed", "words"),
    [
        (
            {"observedGeneration": 3, "updatedReplicas": 2, "replicas": 2, "availableReplicas": 2},
            False,
            False,
            "taken up",
        ),
        ({"updatedReplicas": 1, "replicas": 3, "availableReplicas": 2}, False, False, "1 of 2 new"),
        ({"updatedReplicas": 2, "replicas": 3, "availableReplicas": 3}, False, False, "1 old replicas"),
        (
            {"updatedReplicas": 2, "replicas": 2, "availableReplicas": 1},
            False,
            False,
            "1 of 2 new replicas are avail",
        ),
        ({"updatedReplicas": 2, "replicas": 2, "availableReplicas": 2}, True, False, "complete"),
        (
            {
                "updatedReplicas": 1,
                "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}],
            },
            False,
            True,
            "deadline",
        ),
    ],
)
def test_a_rollout_is_judged_as_kubectl_judges_it(
    status: dict[str, Any], done: bool, failed: bool, words: str
) -> None:
    found = rollout_status(deployment(**status))
    assert (found["done"], found["failed"]) == (done, failed)
    assert words in found["message"]


def test_an_asleep_deployment_counts_as_rolled_out() -> None:
    asleep = deployment()
    asleep["spec"]["replicas"] = 0
    assert rollout_status(asleep)["done"]


def test_selectors_are_written_as_the_api_wants_them() -> None:
    selector = {
        "matchLabels": {"app": "d"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
            {"key": "x", "operator": "Exists"},
            {"key": "y", "operator": "NotIn", "values": ["c"]},
        ],
    }
    assert selector_text(selector) == "app=d,tier in (a,b),!old,x,y notin (c)"
    with pytest.raises(UsageError, match="every pod"):
        selector_text({})


def test_a_difference_leaves_out_what_the_server_keeps_for_itself() -> None:
    before = deployment()
    after = {
        **before,
        "metadata": {**before["metadata"], "generation": 5, "resourceVersion": "77"},
        "status": {},
    }
    assert not differ(before, after)
    assert differ(before, deployment("pos:3"))
    shown = difference(before, deployment("pos:3"), "deployment/d")
    assert "image: pos:2" in shown["before"]
    assert "image: pos:3" in shown["after"]
    assert "uid" not in shown["before"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250m", "0.25"),
        ("1", "1"),
        ("1500000n", "0.0015"),
        ("128Mi", "134217728"),
        ("1e3", "1000"),
        ("2G", "2e9"),
        ("1E", "1e18"),
    ],
)
def test_quantities(text: str, value: str) -> None:
    assert float(quantity(text)) == float(value)


def test_what_is_no_quantity_is_refused() -> None:
    with pytest.raises(UsageError, match="'12q' is none"):
        quantity("12q")
