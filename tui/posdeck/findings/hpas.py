"""What the HPA rules have in common."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from posdeck.cluster.snapshot import Condition, Hpa, HpaMetric
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted

TOLERANCE = 1.1  # the controller itself ignores up to ten percent


def condition(hpa: Hpa, kind: str) -> Condition | None:
    """The HPA's condition of that type."""
    return next((c for c in hpa.conditions if c.type == kind), None)


def over_target(hpa: Hpa) -> list[HpaMetric]:
    """The metrics whose reading is beyond the target and the controller's tolerance."""
    return [
        m
        for m in hpa.metrics
        if m.current_number is not None
        and m.target_number is not None
        and m.target_number > 0
        and m.current_number > m.target_number * TOLERANCE
    ]


def about_hpa(
    situation: Situation,
    rule: str,
    hpa: Hpa,
    severity: Severity,
    text: str,
    *,
    since: datetime | None = None,
    likely: str = "",
    more: Iterable[tuple[str, str]] = (),
    confidence: Confidence = Confidence.HIGH,
) -> Finding:
    """A finding about an HPA, with its counts and conditions as evidence."""
    is_deployment = hpa.target_kind == "Deployment"
    evidence = [
        ("spec.minReplicas", str(hpa.minimum)),
        ("spec.maxReplicas", str(hpa.maximum)),
        ("status.currentReplicas", "not said" if hpa.current is None else str(hpa.current)),
        ("status.desiredReplicas", "not said" if hpa.desired is None else str(hpa.desired)),
        ("targets", hpa.targets),
        *((f"conditions[{c.type}]", f"{c.status} {c.reason}: {quoted(c.message)}") for c in hpa.conditions),
        *more,
    ]
    return about_object(
        rule,
        "HorizontalPodAutoscaler",
        hpa.name,
        severity,
        text,
        short=situation.short(hpa.target_name) if is_deployment else hpa.name,
        since=since,
        evidence=evidence,
        likely=likely,
        confidence=confidence,
        workloads=(hpa.target_name,) if is_deployment else (),
        params=situation.params(hpa.target_name) if is_deployment else {},
    )
