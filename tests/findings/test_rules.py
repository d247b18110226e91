"""Each rule fires on the signs that the cluster gives, names the object, and lets go when they are gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from posdeck.cluster.snapshot import Feed, FeedState, Kind
from posdeck.findings.consumer_facts import Budget, OtherFacts
from posdeck.findings.model import Severity, Standing
from posdeck.findings.rulebook import RULE_IDS
from posdeck.telemetry.reading import Reading

APP = "spc--pos--be--app--prod"
ORDER = "spc--pos--be--consumer-order--prod"
POS_ORDER = "spc--pos--be--consumer-pos-order--prod"
BULK = "spc--pos--be--consumer-orders-bulk-upload--prod"
RATE = "spc--pos--be--consumer-rate-card-bulk-upload--prod"
LIS = "spc--pos--be--consumer-lis-patient--prod"
NGINX = "sapoche-micro-pos--nginx--prod"
COLLECTOR = "spc-pos-otel-collector"


def _deployment(ns: Any, name: str) -> Any:
    return ns.raw[Kind.DEPLOYMENTS][name]


def _hpa_condition(ns: Any, kind: str, status: str, reason: str, message: str = "") -> None:
    for each in ns.raw[Kind.HPAS][APP]["status"]["conditions"]:
        if each["type"] == kind:
            each.update(status=status, reason=reason, message=message, lastTransitionTime=ns.ago(300))


def _cpu(ns: Any, percent: int) -> None:
    ns.raw[Kind.HPAS][APP]["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"] = (
        percent
    )


def _event(ns: Any, about: tuple[str, str], reason: str, message: str, count: int) -> None:
    kind, name = about
    ns.put(
        Kind.EVENTS,
        {
            "metadata": {"name": f"{name}.{reason}", "uid": f"e-{name}-{reason}"},
            "type": "Warning",
            "reason": reason,
            "message": message,
            "count": count,
            "firstTimestamp": ns.ago(300),
            "lastTimestamp": ns.ago(10),
            "involvedObject": {"kind": kind, "name": name},
        },
    )


def _image(ns: Any) -> None:
    for raw in ns.pods_of(ORDER):
        ns.container_waits(raw, "ImagePullBackOff", "manifest for registry.example/x:2 not found")
    ns.short_of_pods(ORDER, 0)


def _config(ns: Any) -> None:
    ns.container_waits(ns.pods_of(ORDER)[0], "CreateContainerConfigError", 'secret "db" not found')


def _crash(ns: Any) -> None:
    last = {"exitCode": 1, "reason": "Error", "finishedAt": ns.ago(60)}
    ns.container_waits(ns.pods_of(ORDER)[0], "CrashLoopBackOff", "back-off", last=last)


def _memory(ns: Any) -> None:
    last = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ns.ago(60)}
    ns.container_waits(ns.pods_of(ORDER)[0], "CrashLoopBackOff", "", last=last)


def _start(ns: Any) -> None:
    ns.container_waits(ns.pods_of(ORDER)[0], "CreateContainerError", "no command specified")


def _not_ready(ns: Any) -> None:
    raw = ns.pods_of(ORDER)[0]
    raw["status"]["containerStatuses"][0]["ready"] = False
    ns.unready(raw)


def _pending(ns: Any) -> None:
    raw = ns.pods_of(ORDER)[0]
    raw["spec"].pop("nodeName")
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient cpu.",
        "lastTransitionTime": ns.ago(90),
    }
    raw["status"] = {"phase": "Pending", "conditions": [scheduled]}


def _terminating(ns: Any) -> None:
    ns.pods_of(BULK)[0]["metadata"].update(deletionTimestamp=ns.ago(300), deletionGracePeriodSeconds=30)


def _evicted(ns: Any) -> None:
    raw = ns.pods_of(BULK)[0]
    ended = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": ns.ago(60)}
    raw["status"] = {
        "phase": "Failed",
        "reason": "Evicted",
        "message": "low on memory",
        "conditions": [ended],
    }


def _probe(ns: Any) -> None:
    name = ns.pods_of(ORDER)[0]["metadata"]["name"]
    _event(ns, ("Pod", name), "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", 4)


def _hung(ns: Any) -> None:
    name = ns.pods_of(BULK)[0]["metadata"]["name"]
    ns.raw[Kind.POD_METRICS][name]["containers"][0]["usage"]["cpu"] = "1m"


def _late(ns: Any) -> None:
    _deployment(ns, ORDER)["status"].update(updatedReplicas=0)
    _deployment(ns, ORDER)["status"]["conditions"][1] = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "lastTransitionTime": ns.ago(60),
    }


def _paused(ns: Any) -> None:
    _deployment(ns, ORDER)["spec"]["paused"] = True


def _gone(ns: Any) -> None:
    for kind in (Kind.DEPLOYMENTS,):
        ns.raw[kind].pop(ORDER)


def _stopped(ns: Any) -> None:
    _deployment(ns, ORDER)["spec"]["replicas"] = 0
    _deployment(ns, ORDER)["status"].update(
        replicas=0, readyReplicas=0, updatedReplicas=0, availableReplicas=0
    )


def _refused(message: str) -> Callable[[Any], None]:
    def apply(ns: Any) -> None:
        _deployment(ns, BULK)["status"]["conditions"].append(
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}
        )

    return apply


def _silent(ns: Any) -> None:
    _deployment(ns, ORDER)["metadata"]["generation"] = 9


def _unserved(ns: Any) -> None:
    ns.raw[Kind.SERVICES][NGINX]["spec"]["selector"] = {"app": "mistyped"}


def _dependency(ns: Any) -> None:
    for workload in ns.catalogue.workloads.values():
        if "consumers" in workload.groups:
            idle = ns.now - timedelta(seconds=90)
            ns.queue(workload.name, waiting=90.0, rate_out=0.0, connected=0.0, idle_since=idle)


def _still(*names: str) -> Callable[[Any], None]:
    def apply(ns: Any) -> None:
        for name in names:
            ns.queue(name, waiting=90.0, rate_out=0.0, idle_since=ns.now - timedelta(seconds=90))

    return apply


def _node(kind: str, status: str) -> Callable[[Any], None]:
    def apply(ns: Any) -> None:
        conditions = ns.raw[Kind.NODES]["node-0"]["status"]["conditions"]
        conditions[:] = [c for c in conditions if c["type"] != kind]
        conditions.append(
            {"type": kind, "status": status, "reason": "Kubelet", "lastTransitionTime": ns.ago(60)}
        )

    return apply


def _no_requests(ns: Any) -> None:
    _deployment(ns, APP)["spec"]["template"]["spec"]["containers"][0]["resources"] = {}
    _hpa_condition(
        ns, "ScalingActive", "False", "FailedGetResourceMetric", "missing request for cpu in container app"
    )


def _maximum(ns: Any) -> None:
    ns.raw[Kind.HPAS][APP]["status"].update(currentReplicas=15, desiredReplicas=15)
    _deployment(ns, APP)["spec"]["replicas"] = 15
    _hpa_condition(ns, "ScalingLimited", "True", "TooManyReplicas", "more than the maximum")


def _one_node(ns: Any) -> None:
    for raw in ns.pods_of(BULK):
        raw["spec"]["nodeName"] = "node-1"


def _other_image(ns: Any) -> None:
    ns.pods_of(BULK)[0]["status"]["containerStatuses"][0]["imageID"] = "x@sha256:bb"


def _facts(**facts: Any) -> Callable[[Any], None]:
    def apply(ns: Any) -> None:
        ns.other = OtherFacts(**facts)

    return apply


def _queue(name: str, **numbers: Any) -> Callable[[Any], None]:
    return lambda ns: ns.queue(name, **numbers)


CASES: dict[str, tuple[Callable[[Any], None], str]] = {
    "api-not-answering": (_facts(api_error_ratio=Reading(0.4)), "app"),
    "api-slow": (_facts(api_latency=Reading(3.0), api_latency_objective=0.5), "app"),
    "deployment-missing": (_gone, "consumer-order"),
    "workload-stopped": (_stopped, "consumer-order"),
    "deployment-unavailable": (lambda ns: ns.short_of_pods(ORDER, 0), "consumer-order"),
    "deployment-degraded": (lambda ns: ns.short_of_pods(BULK, 2), "consumer-orders-bulk-upload"),
    "rollout-stuck": (_late, "consumer-order"),
    "rollout-paused": (_paused, "consumer-order"),
    "quota-exhausted": (_refused("pods forbidden: exceeded quota: compute"), "consumer-orders-bulk-upload"),
    "pods-not-created": (_refused("admission webhook denied"), "consumer-orders-bulk-upload"),
    "controller-silent": (_silent, "consumer-order"),
    "service-without-endpoints": (_unserved, "nginx"),
    "disruption-budget-blocked": (
        _facts(budgets=(Budget("b", {"matchLabels": {"app": BULK}}, 0, 3, 3),)),
        "consumer-orders-bulk-upload",
    ),
    "dependency-down": (_dependency, "Message queue"),
    "pod-image-missing": (_image, "consumer-order"),
    "pod-config-missing": (_config, "consumer-order"),
    "pod-start-failed": (_start, "consumer-order"),
    "pod-pending": (_pending, "consumer-order"),
    "pod-out-of-memory": (_memory, "consumer-order"),
    "pod-crash-looping": (_crash, "consumer-order"),
    "pod-not-ready": (_not_ready, "consumer-order"),
    "pod-stuck-terminating": (_terminating, "consumer-orders-bulk-upload"),
    "pod-evicted": (_evicted, "consumer-orders-bulk-upload"),
    "pod-probe-failing": (_probe, "consumer-order"),
    "pod-hung": (_hung, "consumer-orders-bulk-upload"),
    "queue-without-consumer": (_queue("consumer-order", waiting=40.0, connected=0.0), "consumer-order"),
    "consumer-not-processing": (_still("consumer-order"), "consumer-order"),
    "messages-redelivered": (_queue("consumer-order", redelivered_rate=2.0), "consumer-order"),
    "consumer-errors": (_queue("consumer-order", error_rate=80.0), "consumer-order"),
    "bulk-upload-delayed": (_still("consumer-orders-bulk-upload"), "consumer-orders-bulk-upload"),
    "order-flow-blocked": (_still("consumer-order", "consumer-pos-order"), "Order flow"),
    "sync-interrupted": (_still("consumer-lis-patient"), "consumer-lis-patient"),
    "rate-card-errors": (
        _queue("consumer-rate-card-bulk-upload", error_rate=80.0),
        "consumer-rate-card-bulk-upload",
    ),
    "publisher-silent": (_queue("wrk--batch-publisher", waiting=0.0, rate_out=0.0), "wrk--batch-publisher"),
    "hpa-at-maximum": (_maximum, "app"),
    "hpa-without-metrics": (
        lambda ns: _hpa_condition(
            ns, "ScalingActive", "False", "FailedGetResourceMetric", "no metrics returned"
        ),
        "app",
    ),
    "hpa-target-without-requests": (_no_requests, "app"),
    "hpa-cannot-scale": (
        lambda ns: _hpa_condition(ns, "AbleToScale", "False", "FailedGetScale", "not found"),
        "app",
    ),
    "hpa-not-scaling": (lambda ns: _cpu(ns, 140), "app"),
    "hpa-fights-scaling": (lambda ns: _deployment(ns, APP)["spec"].update(replicas=20), "app"),
    "metrics-absent": (
        lambda ns: ns.feeds.update(
            {Kind.POD_METRICS: Feed(Kind.POD_METRICS, FeedState.ABSENT, since=ns.now)}
        ),
        "metrics.k8s.io",
    ),
    "node-pressure": (_node("MemoryPressure", "True"), "node-0"),
    "node-not-ready": (_node("Ready", "Unknown"), "node-0"),
    "collector-down": (lambda ns: ns.short_of_pods(COLLECTOR, 0), "otel-collector"),
    "collector-refusing": (_facts(collector_refused=Reading(12.0)), "otel-collector"),
    "collector-export-failing": (_facts(collector_export_failed=Reading(12.0)), "otel-collector"),
    # risks
    "single-replica": (lambda ns: None, "consumer-order"),
    "workload-asleep": (lambda ns: None, "wrk--sync-patient"),
    "workload-legacy": (lambda ns: None, "nginx"),
    "collector-alone": (lambda ns: None, "otel-collector"),
    "no-autoscaler": (lambda ns: None, "consumer-orders-bulk-upload"),
    "catalogue-drift": (_gone, "consumer-order"),
    "image-differs": (_other_image, "consumer-orders-bulk-upload"),
    "no-disruption-budget": (_facts(budgets=()), "consumer-orders-bulk-upload"),
    "replicas-on-one-node": (_one_node, "consumer-orders-bulk-upload"),
    "no-limits": (_no_requests, "app"),
    "hpa-headroom": (_maximum, "app"),
}
ELSEWHERE = {"restarts-rising", "consumer-lag-growing", "warning-events-burst", "credential-expiring"}
STANDING = {"single-replica", "workload-asleep", "workload-legacy", "collector-alone", "no-autoscaler"}


def _all(report: Any) -> dict[tuple[str, str], Any]:
    return {(f.id, f.short): f for f in (*report.findings, *report.folded, *report.risks)}


def test_every_rule_has_a_case() -> None:
    """A rule without a case here is tested by name below; a new rule must be one or the other."""
    assert set(CASES) | ELSEWHERE == RULE_IDS


@pytest.mark.parametrize("rule", CASES)
async def test_fires_on_its_signs(namespace: Any, rule: str) -> None:
    """The rule names the object, with text on one line, evidence and a beginning."""
    cause, short = CASES[rule]
    if rule not in STANDING:
        await namespace.after(15)
        assert rule not in {key[0] for key in _all(namespace.assess()) if key[1] == short}
    cause(namespace)
    found = None
    for _ in range(22):  # five and a half minutes: some rules wait, some look only at what is recent
        found = _all(await namespace.after(15)).get((rule, short)) or found
    assert found is not None
    assert found.text
    assert "\n" not in found.text
    assert found.evidence
    assert found.since is not None
    assert found.since <= namespace.now
    assert all(isinstance(k, str) and isinstance(v, str) for k, v in found.evidence)
    assert "None" not in found.text + "".join(v for _, v in found.evidence)


@pytest.mark.parametrize("rule", sorted(set(CASES) - STANDING))
async def test_lets_go_when_the_signs_are_gone(namespace: Any, catalogue: Any, rule: str) -> None:
    """What fired is told as ending for a while and then no more."""
    healthy = type(namespace)(catalogue)
    CASES[rule][0](namespace)
    await namespace.after(330)
    namespace.raw, namespace.feeds = healthy.raw, healthy.feeds
    namespace.consumers, namespace.other = healthy.consumers, healthy.other
    report = await namespace.after(90)
    if rule == "hpa-headroom":  # a peak stays seen
        return
    assert (rule, CASES[rule][1]) not in _all(report)


async def test_runbook_parameters_are_filled(namespace: Any) -> None:
    """A consumer's finding carries the parameters that the runbooks ask for."""
    _still("consumer-order")(namespace)
    report = await namespace.after(60)
    found = _all(report)["consumer-not-processing", "consumer-order"]
    assert dict(found.params) == {"workload": "consumer-order", "consumer": "consumer-order"}
    assert found.severity is Severity.CRITICAL
    assert found.since == namespace.now - timedelta(seconds=150)


async def test_restarts_seen_while_watching(namespace: Any) -> None:
    """Three restarts within the hour are told, old ones are not."""
    raw = namespace.pods_of(BULK)[0]
    status = raw["status"]["containerStatuses"][0]
    status["restartCount"] = 40
    assert "restarts-rising" not in {f.id for f in (await namespace.after(60)).findings}
    status["restartCount"] = 43
    status["lastState"] = {"terminated": {"exitCode": 1, "finishedAt": namespace.ago(30)}}
    found = _all(await namespace.after(30))["restarts-rising", "consumer-orders-bulk-upload"]
    assert found.text == "3 restarts within the last hour in 1 of 3 pods"


async def test_a_lag_that_grows(namespace: Any) -> None:
    """A lag worth minutes that keeps growing is told; the same lag shrinking is not."""
    waiting = 400.0
    for _ in range(20):
        waiting += 60
        namespace.queue("consumer-order", waiting=waiting, rate_in=8.0, rate_out=4.0)
        report = await namespace.after(15)
    assert "consumer-lag-growing" in {f.id for f in report.findings}
    for _ in range(20):
        waiting -= 60
        namespace.queue("consumer-order", waiting=waiting, rate_in=1.0, rate_out=5.0)
        report = await namespace.after(15)
    assert "consumer-lag-growing" not in {f.id for f in report.findings}


async def test_a_burst_of_warnings_is_counted_while_watching(namespace: Any) -> None:
    """Warnings from before are history; twenty new ones are a burst."""
    name = namespace.pods_of(ORDER)[0]["metadata"]["name"]
    _event(namespace, ("Pod", name), "FailedMount", "volume", 400)
    assert "warning-events-burst" not in {f.id for f in (await namespace.after(30)).findings}
    _event(namespace, ("Pod", name), "FailedMount", "volume", 425)
    found = _all(namespace.assess())["warning-events-burst", "consumer-order"]
    assert found.severity is Severity.INFO
    assert found.text.startswith("25 warnings")


async def test_a_credential_about_to_end(namespace: Any) -> None:
    """Within a week it is mentioned, within the hour it is a warning, and a distant end is nothing."""
    for left, severity in (
        (30 * 86400, None),
        (86400, Severity.INFO),
        (600, Severity.WARNING),
        (-5, Severity.WARNING),
    ):
        namespace.other = OtherFacts(expiries={"token": namespace.now + timedelta(seconds=left)})
        found = _all(namespace.assess()).get(("credential-expiring", "token"))
        assert (found and found.severity) == severity


async def test_a_moment_of_trouble_is_no_finding(namespace: Any) -> None:
    """A pod that is replaced leaves its deployment without a pod for some seconds; nobody is woken."""
    namespace.short_of_pods(ORDER, 0, seconds_ago=0)
    assert namespace.assess().findings == ()
    await namespace.clock.advance(10)
    namespace.short_of_pods(ORDER, 1)
    assert (await namespace.after(60)).findings == ()


async def test_flapping_does_not_flap(namespace: Any) -> None:
    """A condition that goes and comes back within the linger time is one finding with one beginning."""
    namespace.short_of_pods(ORDER, 0, seconds_ago=60)
    first = (await namespace.after(15)).findings[0]
    namespace.short_of_pods(ORDER, 1)
    await namespace.clock.advance(5)
    ending = namespace.assess().findings[0]
    assert (ending.key, ending.standing) == (first.key, Standing.ENDING)
    namespace.short_of_pods(ORDER, 0, seconds_ago=0)
    await namespace.clock.advance(5)
    again = namespace.assess().findings[0]
    assert (again.key, again.since, again.standing) == (first.key, first.since, Standing.PRESENT)


async def test_messages_of_the_cluster_are_redacted(namespace: Any) -> None:
    """What a kubelet quotes from a program may hold a patient's data; a finding never does."""
    namespace.container_waits(
        namespace.pods_of(ORDER)[0], "CreateContainerError", "patient jane.roe@example.org 4111111111111111"
    )
    report = await namespace.after(15)
    text = repr(report)
    assert "pod-start-failed" in text
    assert "jane.roe" not in text
    assert "4111111111111111" not in text
