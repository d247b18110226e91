"""One fault is one incident, with what follows from it folded beneath."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from posdeck.cluster.snapshot import Feed, FeedState, Kind
from posdeck.findings.folding import CHAIN, EVERYWHERE, ROOTS, UNRELATED
from posdeck.findings.model import Severity
from posdeck.findings.rulebook import RULE_IDS
from posdeck.telemetry.reading import Reading

ORDER = "spc--pos--be--consumer-order--prod"
APP = "spc--pos--be--app--prod"


def test_the_chain_names_only_rules_and_each_once() -> None:
    """A misspelt id would silently never fold."""
    named = [rule for ids in CHAIN for rule in ids]
    assert len(named) == len(set(named))
    assert {*named, *EVERYWHERE, *ROOTS, *(r for pair in UNRELATED for r in pair)} <= RULE_IDS


async def test_a_broken_image_is_one_incident_with_its_consequences(namespace: Any) -> None:
    """The missing image stands at the top: no pod, no consumer and a blocked queue follow from it."""
    namespace.container_waits(namespace.pods_of(ORDER)[0], "ImagePullBackOff", "not found")
    namespace.short_of_pods(ORDER, 0)
    namespace.queue("consumer-order", waiting=80.0, connected=0.0, rate_out=0.0)
    report = await namespace.after(90)
    assert [f.id for f in report.findings] == ["pod-image-missing"]
    assert {f.id for f in report.followers(report.findings[0])} == {
        "deployment-unavailable", "queue-without-consumer", "consumer-not-processing",
    }  # fmt: skip
    assert report.findings[0].severity is Severity.CRITICAL


async def test_one_image_that_breaks_several_deployments_is_one_incident(namespace: Any) -> None:
    """Nine deployments on one image that is gone: one finding that says so, eight folded."""
    broken = [w.deployment for w in namespace.catalogue.workloads.values() if w.replicas == 1][:9]
    for name in broken:
        raw = namespace.pods_of(name)[0]
        raw["status"]["containerStatuses"][0]["image"] = raw["spec"]["containers"][0]["image"] = (
            "registry.example/all:2"
        )
        namespace.container_waits(raw, "ErrImagePull", "manifest unknown")
        namespace.short_of_pods(name, 0)
    report = await namespace.after(60)
    assert [f.id for f in report.findings] == ["pod-image-missing"]
    assert "8 more deployments" in report.findings[0].text


async def test_a_dependency_is_told_from_one_consumers_fault(namespace: Any) -> None:
    """One consumer standing still is its own fault; all of them are not."""
    idle = {"waiting": 90.0, "rate_out": 0.0, "idle_since": namespace.now - timedelta(seconds=90)}
    namespace.queue("consumer-order", **idle)
    report = await namespace.after(60)
    assert [f.id for f in report.findings] == ["consumer-not-processing"]
    _all_consumers(namespace, **idle)
    report = await namespace.after(60, step=15)
    assert [f.id for f in report.findings] == ["dependency-down"]
    assert report.findings[0].kind == "ExternalSystem"


@pytest.mark.parametrize(("connected", "system"), [(1.0, "database"), (0.0, "queue")])
async def test_who_still_holds_a_channel_has_not_lost_the_queue(
    namespace: Any, connected: float, system: str
) -> None:
    """The database and the queue have the same dependants; the channels tell them apart, and the failing API
    folds under either."""
    idle = namespace.now - timedelta(seconds=90)
    _all_consumers(namespace, waiting=90.0, rate_out=0.0, connected=connected, idle_since=idle)
    namespace.other = replace(namespace.other, api_error_ratio=Reading(0.4, "ratio"))
    report = await namespace.after(60, step=15)
    assert [(f.id, f.name) for f in report.findings] == [("dependency-down", system)]
    assert "api-not-answering" in {f.id for f in report.folded}


async def test_a_few_that_fail_first_are_not_taken_for_the_whole(namespace: Any) -> None:
    """While the trouble spreads, no narrower system is named, and a verdict replaces the one before at once."""
    idle = {"waiting": 90.0, "rate_out": 0.0, "idle_since": namespace.now - timedelta(seconds=90)}
    for name in ("orders-bulk-upload", "orders-bulk-upload-vip1", "orders-bulk-upload-svip1"):
        namespace.queue(f"consumer-{name}", **idle)
    await namespace.after(10, step=5)
    _all_consumers(namespace, **idle)
    for _ in range(4):
        report = await namespace.after(15, step=5)
        assert {f.name for f in report.findings if f.id == "dependency-down"} <= {"database"}
    assert [f.name for f in report.findings] == ["database"]


def _all_consumers(namespace: Any, **measures: Any) -> None:
    for workload in namespace.catalogue.workloads.values():
        if "consumers" in workload.groups:
            namespace.queue(workload.name, **measures)


async def test_no_metrics_api_explains_an_hpa_without_metrics(namespace: Any) -> None:
    """The HPA is fine; what it reads from is not there."""
    for each in namespace.raw[Kind.HPAS][APP]["status"]["conditions"]:
        if each["type"] == "ScalingActive":
            each.update(status="False", reason="FailedGetResourceMetric", message="unable to fetch metrics")
    namespace.feeds[Kind.POD_METRICS] = Feed(Kind.POD_METRICS, FeedState.ABSENT)
    report = await namespace.after(90)
    assert [f.id for f in report.findings] == ["metrics-absent"]
    assert [f.id for f in report.folded] == ["hpa-without-metrics"]


async def test_missing_requests_are_not_hidden_by_trouble_of_the_pods(namespace: Any) -> None:
    """Who removed the requests is at fault whatever the pods die of; what the HPA cannot read follows from it."""
    containers = namespace.raw[Kind.DEPLOYMENTS][APP]["spec"]["template"]["spec"]["containers"]
    containers[0]["resources"] = {}
    for each in namespace.raw[Kind.HPAS][APP]["status"]["conditions"]:
        if each["type"] == "ScalingActive":
            each.update(status="False", reason="FailedGetResourceMetric", message="missing request for cpu")
    for raw in namespace.pods_of(APP):
        namespace.container_waits(raw, "ImagePullBackOff", "not found")
    report = await namespace.after(90)
    assert {f.id for f in report.findings} == {"pod-image-missing", "hpa-target-without-requests"}
    assert "hpa-without-metrics" not in {f.id for f in report.findings}


async def test_two_independent_faults_stay_two(namespace: Any) -> None:
    """Folding never hides a second incident under the first."""
    namespace.container_waits(namespace.pods_of(ORDER)[0], "ImagePullBackOff", "not found")
    namespace.queue("consumer-customer", waiting=90.0, rate_out=0.0)
    report = await namespace.after(90)
    assert {(f.id, f.short) for f in report.findings} == {
        ("pod-image-missing", "consumer-order"),
        ("consumer-not-processing", "consumer-customer"),
    }
