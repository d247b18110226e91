"""The three kinds of patch, apart from any server."""

from __future__ import annotations

from typing import Any

import pytest

from posdeck.simulator.jsontree import clone
from posdeck.simulator.patches import json_patch, merge_patch, strategic_merge
from posdeck.simulator.status import StatusError

POD = {
    "spec": {
        "containers": [
            {
                "name": "app",
                "image": "app:1",
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
            },
            {"name": "side", "image": "side:1", "ports": [{"containerPort": 80, "name": "http"}]},
        ],
        "tolerations": [{"key": "a"}],
    },
    "metadata": {"finalizers": ["x"], "labels": {"a": "1"}},
}


def at(value: Any, *path: Any) -> Any:
    for part in path:
        value = value[part]
    return value


@pytest.mark.parametrize(
    ("patch", "path", "expected"),
    [
        (
            {"spec": {"containers": [{"name": "app", "image": "app:2"}]}},
            ("spec", "containers", 0, "image"),
            "app:2",
        ),
        (
            {"spec": {"containers": [{"name": "app", "image": "app:2"}]}},
            ("spec", "containers", 1, "image"),
            "side:1",
        ),
        (
            {"spec": {"containers": [{"name": "app", "env": [{"name": "B", "value": "3"}]}]}},
            ("spec", "containers", 0, "env"),
            [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}],
        ),
        (
            {"spec": {"containers": [{"name": "app", "env": [{"name": "A", "$patch": "delete"}]}]}},
            ("spec", "containers", 0, "env"),
            [{"name": "B", "value": "2"}],
        ),
        (
            {"spec": {"containers": [{"name": "side", "ports": [{"containerPort": 81}]}]}},
            ("spec", "containers", 1, "ports"),
            [{"containerPort": 80, "name": "http"}, {"containerPort": 81}],
        ),
        ({"spec": {"tolerations": [{"key": "b"}]}}, ("spec", "tolerations"), [{"key": "b"}]),
        ({"metadata": {"finalizers": ["y"]}}, ("metadata", "finalizers"), ["x", "y"]),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}, ("metadata", "finalizers"), []),
        ({"metadata": {"labels": {"a": None, "b": "2"}}}, ("metadata", "labels"), {"b": "2"}),
        ({"metadata": {"labels": {"$patch": "replace", "z": "9"}}}, ("metadata", "labels"), {"z": "9"}),
        ({"metadata": {"labels": {"$retainKeys": ["b"], "b": "2"}}}, ("metadata", "labels"), {"b": "2"}),
        (
            {"spec": {"containers": [{"$patch": "replace"}, {"name": "new", "image": "n"}]}},
            ("spec", "containers"),
            [{"name": "new", "image": "n"}],
        ),
    ],
)
def test_strategic_merge(patch: Any, path: tuple[Any, ...], expected: Any) -> None:
    before = clone(POD)
    assert at(strategic_merge(POD, patch), *path) == expected
    assert before == POD


def test_an_element_order_is_kept() -> None:
    patch = {
        "spec": {
            "$setElementOrder/containers": [{"name": "first"}, {"name": "side"}, {"name": "app"}],
            "containers": [{"name": "first", "image": "f"}],
        }
    }
    assert [c["name"] for c in strategic_merge(POD, patch)["spec"]["containers"]] == ["first", "side", "app"]


def test_a_list_element_without_its_key_is_refused() -> None:
    with pytest.raises(StatusError, match="does not contain declared merge key: name"):
        strategic_merge(POD, {"spec": {"containers": [{"image": "x"}]}})


@pytest.mark.parametrize(
    ("target", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ([1, 2], {"a": "b"}, {"a": "b"}),
    ],
)
def test_merge_patch_as_its_standard_has_it(target: Any, patch: Any, expected: Any) -> None:
    """Cases in the manner of RFC 7386, appendix A."""
    assert merge_patch(target, patch) == expected


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/b", "value": 1}], {"a": [1, 2], "b": 1}),
        ([{"op": "add", "path": "/a/1", "value": 9}], {"a": [1, 9, 2]}),
        ([{"op": "add", "path": "/a/-", "value": 9}], {"a": [1, 2, 9]}),
        ([{"op": "remove", "path": "/a/0"}], {"a": [2]}),
        ([{"op": "replace", "path": "/a/0", "value": 7}], {"a": [7, 2]}),
        ([{"op": "replace", "path": "", "value": {"z": 1}}], {"z": 1}),
        ([{"op": "copy", "from": "/a/0", "path": "/c"}], {"a": [1, 2], "c": 1}),
        ([{"op": "move", "from": "/a", "path": "/c"}], {"c": [1, 2]}),
        ([{"op": "test", "path": "/a/1", "value": 2}], {"a": [1, 2]}),
        ([{"op": "add", "path": "/x~1y", "value": 1}], {"a": [1, 2], "x/y": 1}),
    ],
)
def test_json_patch(operations: Any, expected: Any) -> None:
    assert json_patch({"a": [1, 2]}, operations) == expected


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/a/0", "value": 9},
        {"op": "remove", "path": "/nothing"},
        {"op": "replace", "path": "/nothing", "value": 1},
        {"op": "add", "path": "/a/7", "value": 1},
        {"op": "add", "path": "/no/where", "value": 1},
        {"op": "dance", "path": "/a"},
        {"op": "add", "path": "a", "value": 1},
        "no operation",
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused_whole(operation: Any) -> None:
    target = {"a": [1, 2]}
    with pytest.raises(StatusError):
        json_patch(target, [{"op": "add", "path": "/b", "value": 1}, operation])
    assert target == {"a": [1, 2]}
