"""Objects made from the API server's own schema, with fields missing, null, absurd or of the right type and wild
values: projection and rules never raise, and what they say is well formed."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cluster.control_plane import ControlPlane

from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Kind
from posdeck.findings.consumer_facts import OtherFacts
from posdeck.findings.engine import Engine
from posdeck.findings.model import Report
from posdeck.findings.rulebook import RULE_IDS
from posdeck.operations.others import budget_of
from posdeck.operations.scaled_objects import scaled_object

pytestmark = pytest.mark.cluster

# kind, document, schema, field of the snapshot: everything that rules read of a cluster. Neither quotas nor endpoint
# slices are among it: of a quota the rules read what the controllers say of it, of endpoints the pods themselves.
KINDS = (
    (Kind.PODS, "api/v1", "io.k8s.api.core.v1.Pod", "pods"),
    (Kind.DEPLOYMENTS, "apis/apps/v1", "io.k8s.api.apps.v1.Deployment", "deployments"),
    (Kind.REPLICA_SETS, "apis/apps/v1", "io.k8s.api.apps.v1.ReplicaSet", "replica_sets"),
    (Kind.HPAS, "apis/autoscaling/v2", "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler", "hpas"),
    (Kind.SERVICES, "api/v1", "io.k8s.api.core.v1.Service", "services"),
    (Kind.EVENTS, "api/v1", "io.k8s.api.core.v1.Event", "events"),
    (Kind.NODES, "api/v1", "io.k8s.api.core.v1.Node", "nodes"),
)
USAGE: dict[str, Any] = {  # metrics-server publishes no schema that differs from this: its documented type
    "type": "object",
    "properties": {
        "usage": {
            "type": "object",
            "additionalProperties": {"$ref": "#/x/io.k8s.apimachinery.pkg.api.resource.Quantity"},
        },
        "window": {"type": "string"},
        "timestamp": {"type": "string", "format": "date-time"},
    },
}
POD_USAGE = {**USAGE, "properties": {**USAGE["properties"], "containers": {"type": "array", "items": USAGE}}}
# KEDA's documented ScaledObject (https://keda.sh/docs/latest/reference/scaledobject-spec/), as far as it is read
STRINGS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
SCALED_OBJECT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "annotations": STRINGS}},
        "spec": {
            "type": "object",
            "properties": {
                "scaleTargetRef": STRINGS,
                "minReplicaCount": {"type": "integer"},
                "maxReplicaCount": {"type": "integer"},
                "pollingInterval": {"type": "integer"},
                "cooldownPeriod": {"type": "integer"},
                "fallback": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
                "advanced": {
                    "type": "object",
                    "properties": {"horizontalPodAutoscalerConfig": STRINGS},
                },
                "triggers": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "type": {"type": "string"},
                            "metadata": STRINGS,
                            "authenticationRef": STRINGS,
                        },
                    },
                },
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "hpaName": {"type": "string"},
                "health": {"type": "object", "additionalProperties": STRINGS},
                "conditions": {"type": "array", "items": STRINGS},
            },
        },
    },
}
EXAMPLES = int(os.environ.get("POSDECK_FUZZ_EXAMPLES", "60"))
asked = settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
DEPTH = 6  # levels of objects; deeper ones are left out
WORDS = ("Running", "Pending", "Failed", "True", "False", "Unknown", "Ready", "Available", "Progressing", "Evicted",
         "CrashLoopBackOff", "ImagePullBackOff", "OOMKilled", "Unschedulable", "PodScheduled", "ScalingActive",
         "ScalingLimited", "TooManyReplicas", "ReplicaFailure", "Warning", "Unhealthy", "Resource", "Utilization",
         "MemoryPressure", "app", "spc--pos--be--app--prod", "\x1b]0;x\x07", "{{ 1 }}", "é" * 70)  # fmt: skip
QUANTITIES = st.one_of(
    st.sampled_from(["1", "100m", "1Gi", "-1", "1e400", "NaN", "", "9" * 60]), st.integers(), st.none()
)
TIMES = st.sampled_from(
    [
        "2026-03-02T03:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-13-45T99:99:99Z",
        "",
        "now",
        None,
    ]
)
ABSURD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.none(), max_size=2)
)


class Schemas:
    """Strategies from one OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]

    def named(self, name: str, depth: int) -> st.SearchStrategy[Any]:
        """Objects of one schema."""
        if name.endswith("resource.Quantity"):
            return QUANTITIES
        if name.endswith(("meta.v1.Time", "meta.v1.MicroTime")):
            return TIMES
        if name.endswith("IntOrString"):
            return st.one_of(st.integers(), st.text(max_size=4))
        return self.of(self._schemas[name], depth)

    def of(self, schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
        """Values of a schema, now and then absurd ones."""
        return st.one_of(
            self._sound(schema, depth), self._sound(schema, depth), self._sound(schema, depth), ABSURD
        )

    def _sound(self, schema: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
        if "allOf" in schema or "$ref" in schema:
            reference = schema.get("$ref") or schema["allOf"][0]["$ref"]
            return st.deferred(lambda: self.named(reference.rpartition("/")[2], depth))
        match schema.get("type"):
            case "string":
                return (
                    TIMES
                    if schema.get("format") == "date-time"
                    else st.sampled_from(WORDS) | st.text(max_size=6)
                )
            case "integer":
                return st.integers(-2, 20) | st.sampled_from([2**31, -(2**63)])
            case "number":
                return st.floats()
            case "boolean":
                return st.booleans()
            case "array":
                if depth <= 0:
                    return st.just([])
                return st.lists(st.deferred(lambda: self.of(schema["items"], depth - 1)), max_size=3)
        if depth <= 0:
            return st.just({})
        if "properties" in schema:
            return self._object(schema["properties"], depth)
        values = schema.get("additionalProperties")
        if isinstance(values, dict):
            inner = values
            return st.dictionaries(
                st.sampled_from(WORDS[:20]), st.deferred(lambda: self.of(inner, depth - 1)), max_size=3
            )
        return ABSURD

    def _object(self, properties: dict[str, Any], depth: int) -> st.SearchStrategy[Any]:
        @st.composite
        def draw_object(draw: st.DrawFn) -> dict[str, Any]:
            # most objects of a real cluster have few of the many fields that the schema knows
            names = draw(st.lists(st.sampled_from(sorted(properties)), max_size=6, unique=True))
            always = [
                n for n in ("metadata", "spec", "status") if n in properties and draw(st.integers(0, 9))
            ]
            return {n: draw(self.of(properties[n], depth - 1)) for n in dict.fromkeys([*always, *names])}

        return draw_object()


@cache
def _document(plane: ControlPlane, path: str) -> dict[str, Any]:
    return plane.api.get(f"/openapi/v3/{path}")


@pytest.mark.parametrize(("kind", "path", "schema", "field"), KINDS, ids=[str(k[0].value) for k in KINDS])
def test_no_object_of_the_schema_raises(
    control_plane: ControlPlane, namespace: Any, kind: Kind, path: str, schema: str, field: str
) -> None:
    healthy = namespace.snapshot()
    objects = Schemas(_document(control_plane, path)).named(schema, DEPTH)
    names = sorted(namespace.raw.get(kind) or {"odd": None})

    @asked
    @given(raws=st.lists(objects, min_size=1, max_size=3), name=st.sampled_from(names))
    def check(raws: list[Any], name: str) -> None:
        engine, now = Engine(namespace.catalogue, namespace.clock), namespace.now
        for raw in raws:
            odd = replace(
                healthy, **{field: {**getattr(healthy, field), name: project(kind, with_name(raw, name))}}
            )
            for _ in range(2):
                now += timedelta(seconds=120)
                well_formed(engine.assess(odd, namespace.consumers, now), now)

    check()


def with_name(raw: Any, name: str) -> dict[str, Any]:
    """The object with a name: the watch hands on nothing without one."""
    meta = raw.get("metadata") if isinstance(raw, dict) else None
    return {
        **(raw if isinstance(raw, dict) else {}),
        "metadata": {**(meta if isinstance(meta, dict) else {}), "name": name},
    }


def well_formed(report: Report, now: datetime) -> None:
    """Nothing that is said may break a screen or lie in the future."""
    for finding in (*report.findings, *report.folded, *report.risks):
        assert finding.id in RULE_IDS
        assert "\n" not in finding.text
        assert "\x1b" not in finding.text
        assert finding.since is None or finding.since <= now
        assert all("\x1b" not in part for shown in finding.evidence for part in shown), finding.evidence


@pytest.mark.parametrize(
    ("kind", "schema", "field"),
    [(Kind.POD_METRICS, POD_USAGE, "pod_usage"), (Kind.NODE_METRICS, USAGE, "node_usage")],
    ids=["podmetrics", "nodemetrics"],
)
def test_no_reading_raises(
    control_plane: ControlPlane, namespace: Any, kind: Kind, schema: dict[str, Any], field: str
) -> None:
    healthy, now = namespace.snapshot(), namespace.now
    names = sorted(namespace.raw.get(kind) or namespace.raw[Kind.NODES])

    @asked
    @given(raw=Schemas(_document(control_plane, "api/v1")).of(schema, DEPTH), name=st.sampled_from(names))
    def check(raw: Any, name: str) -> None:
        odd, record = dict(getattr(healthy, field)), project(kind, with_name(raw, name))
        if record is None:  # nothing that can be read from it
            odd.pop(name, None)
        else:
            odd[name] = record
        report = Engine(namespace.catalogue, namespace.clock).assess(
            replace(healthy, **{field: odd}), namespace.consumers, now
        )
        well_formed(report, now)

    check()


def test_no_disruption_budget_raises(control_plane: ControlPlane, namespace: Any) -> None:
    healthy, now = namespace.snapshot(), namespace.now
    document = _document(control_plane, "apis/policy/v1")
    budgets = Schemas(document).named("io.k8s.api.policy.v1.PodDisruptionBudget", DEPTH)

    @asked
    @given(raws=st.lists(budgets, max_size=3))
    def check(raws: list[Any]) -> None:
        engine = Engine(namespace.catalogue, namespace.clock)
        other = OtherFacts(budgets=tuple(budget_of(raw) for raw in raws))
        for seconds in (0, 120):
            moment = now + timedelta(seconds=seconds)
            well_formed(engine.assess(healthy, namespace.consumers, moment, other), moment)

    check()


def test_no_scaled_object_raises(control_plane: ControlPlane) -> None:
    @asked
    @given(raw=Schemas(_document(control_plane, "api/v1")).of(SCALED_OBJECT, DEPTH + 2))
    def check(raw: Any) -> None:
        found = scaled_object(with_name(raw, "orders"))
        assert found.name == "orders"
        assert isinstance(found.minimum, int)

    check()
