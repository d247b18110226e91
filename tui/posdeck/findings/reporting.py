"""Making findings about one deployment or one workload: the same fields everywhere, filled in one place."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from posdeck.catalogue.model import Workload
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.situation import Situation
from posdeck.findings.wording import one_line

Evidence = Iterable[tuple[str, str]]


def about_deployment(
    situation: Situation,
    rule: str,
    deployment: str,
    severity: Severity,
    text: str,
    *,
    since: datetime | None = None,
    evidence: Evidence = (),
    likely: str = "",
    confidence: Confidence = Confidence.HIGH,
    pods: Iterable[str] = (),
    cause: tuple[str, str] | None = None,
) -> Finding:
    """A finding about the deployment with this full name."""
    return Finding(
        id=rule,
        severity=severity,
        kind="Deployment",
        name=deployment,
        short=situation.short(deployment),
        text=one_line(text),
        since=since,
        evidence=tuple(evidence),
        likely=likely,
        confidence=confidence,
        params=situation.params(deployment),
        pods=tuple(sorted(pods)),
        workloads=(deployment,),
        cause=cause,
    )


def about_object(
    rule: str,
    kind: str,
    name: str,
    severity: Severity,
    text: str,
    *,
    short: str = "",
    since: datetime | None = None,
    evidence: Evidence = (),
    likely: str = "",
    confidence: Confidence = Confidence.HIGH,
    workloads: Iterable[str] = (),
    params: dict[str, str] | None = None,
    pods: Iterable[str] = (),
) -> Finding:
    """A finding about any other object, or about something outside; ``workloads`` are full names."""
    return Finding(
        id=rule,
        severity=severity,
        kind=kind,
        name=name,
        short=short or name,
        text=one_line(text),
        since=since,
        evidence=tuple(evidence),
        likely=likely,
        confidence=confidence,
        params=params or {},
        pods=tuple(sorted(pods)),
        workloads=tuple(workloads),
    )


def about_group(
    situation: Situation,
    rule: str,
    group: str,
    severity: Severity,
    text: str,
    *,
    members: Iterable[Workload],
    since: datetime | None = None,
    evidence: Evidence = (),
    likely: str = "",
    confidence: Confidence = Confidence.HIGH,
) -> Finding:
    """A finding about a group of the inventory; ``members`` are those concerned, the first of them fills the
    runbook's parameters."""
    concerned = list(members)
    title = situation.catalogue.groups[group].title if group in situation.catalogue.groups else group
    return about_object(
        rule,
        "Group",
        group,
        severity,
        text,
        short=title,
        since=since,
        evidence=evidence,
        likely=likely,
        confidence=confidence,
        workloads=[w.deployment for w in concerned],
        params=situation.params(concerned[0].deployment) if concerned else {},
    )
