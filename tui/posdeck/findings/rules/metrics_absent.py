"""The metrics API is not there, or has no readings: no usage on screen, and no HPA that scales by it."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted

ID = "metrics-absent"
HOLD = 60.0
NEW = 120.0  # seconds that a pod may be without a reading


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """At most one finding: absent or forbidden, or no reading for most pods that should have one."""
    feed = situation.snapshot.feed(Kind.POD_METRICS)
    hpas = [h for h in situation.snapshot.hpas.values() if any(m.type == "Resource" for m in h.metrics)]
    scaled = [h.target_name for h in hpas]
    if feed.state is FeedState.FORBIDDEN:
        yield Unknown(ID, f"podmetrics may not be read ({quoted(feed.reason) or 'forbidden'})")
        return
    if feed.state is FeedState.CONNECTING:
        yield Unknown(ID, "podmetrics have not been read yet")
        return
    text, evidence = "", [("feed podmetrics", f"{feed.state.value} {quoted(feed.reason)}".strip())]
    if feed.state is FeedState.ABSENT:
        text = "the cluster serves no metrics API"
    elif situation.sees(Kind.PODS):
        expected, without = _without_reading(situation)
        evidence += [("ready pods", str(expected)), ("of these without a reading", str(without))]
        if expected and without * 2 > expected:
            text = f"the metrics API has no reading for {without} of {expected} pods"
    if not text:
        return
    yield about_object(
        ID,
        "APIService",
        "metrics.k8s.io",
        Severity.WARNING if scaled else Severity.INFO,
        text + (f"; {len(scaled)} HPA cannot scale" if scaled else ""),
        since=feed.since if feed.state is FeedState.ABSENT else None,
        evidence=evidence,
        likely="metrics-server is down, was removed, or cannot reach the kubelets",
    )


def _without_reading(situation: Situation) -> tuple[int, int]:
    """How many pods should have a reading, and how many of these have none."""
    usage = situation.snapshot.pod_usage
    if usage.keys() >= situation.snapshot.pods.keys():
        return 0, 0
    expected = without = 0
    for pod in situation.snapshot.pods.values():
        age = situation.seconds_since(pod.created)
        if pod.phase == "Running" and age is not None and age > NEW and pod.is_ready:
            expected += 1
            without += pod.name not in usage
    return expected, without


RULE = Rule(ID, find, (), HOLD, linger=30.0)
