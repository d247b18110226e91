"""Whatever an object looks like, printing it never raises: one odd object must not take a screen away."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.kubetext.namespaced_objects import HPAS, OBJECTS, hpa
from tests.kubetext.pod_states import STATES, manifest

from posdeck.kubetext.deployments import rollout
from posdeck.kubetext.hpas import hpa_text
from posdeck.kubetext.pods import pod_text
from posdeck.kubetext.tables import COLUMNS, columns, row

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
Json = dict[str, Any]

ODD: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        ["True", "Completed", "0001-01-01T00:00:00Z", "2026-03-04T05:06:07Z", "Always", "1.5Gi"]
    )
    | st.just([])
    | st.just({})
    | st.lists(st.none() | st.text(max_size=3) | st.just({}), max_size=3)
    | st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text(max_size=3), max_size=3)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def _samples() -> Iterator[tuple[str, Json]]:
    for name, state in STATES.items():
        yield "pods", {**manifest(name, state, "node"), "status": state.status}
    for kind, (_, objects) in OBJECTS.items():
        for obj in objects:
            yield kind, obj
    for name, (_, readings) in HPAS.items():
        yield "horizontalpodautoscalers", {**hpa(name), "status": {"currentMetrics": readings}}
    times = {"eventTime": "2026-03-04T05:06:07.1Z", "series": {"count": 2, "lastObservedTime": None}}
    yield "events", {"involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "c"}, **times}
    conditions = [{"type": "Ready", "status": "True"}]
    yield "nodes", {"metadata": {"labels": {"kubernetes.io/role": "x"}}, "status": {"conditions": conditions}}


SAMPLES = list(_samples())


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from _places(inner, (*path, key))


def _check(kind: str, obj: Json) -> None:
    cells = row(kind, obj, NOW)
    assert len(cells) == len(columns(kind))
    assert all(isinstance(cell, str | int) and not isinstance(cell, bool) for cell in cells)
    pod_text(obj)
    hpa_text(obj)
    rollout(obj)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_objects_with_odd_values_in_any_places(data: st.DataObject) -> None:
    kind, sample = data.draw(st.sampled_from(SAMPLES))
    obj = copy.deepcopy(sample)
    for _ in range(data.draw(st.integers(1, 3))):
        places = list(_places(obj))
        if not places:
            break
        *path, last = data.draw(st.sampled_from(places))
        holder: Any = obj
        for key in path:
            holder = holder[key]
        if isinstance(holder, dict) and data.draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = data.draw(ODD)
    _check(kind, obj)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(sorted(COLUMNS)), st.dictionaries(st.sampled_from(["metadata", "spec", "status"]), JSON)
)
def test_objects_of_no_sense_at_all(kind: str, obj: Json) -> None:
    _check(kind, obj)


@pytest.mark.parametrize("kind", [*COLUMNS, "widgets"])
def test_an_empty_object(kind: str) -> None:
    _check(kind, {})


def test_a_kind_without_a_printer_has_name_and_time() -> None:
    obj = {"metadata": {"name": "w", "creationTimestamp": "2026-03-04T05:06:07Z"}}
    assert row("widgets", obj, NOW) == ["w", "2026-03-04T05:06:07Z"]
