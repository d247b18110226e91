"""Cause chains: what follows from another finding folds under it, so that one broken image is one incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from posdeck.findings.model import Finding, Key, Standing
from posdeck.findings.wording import one_line

# From roots to symptoms. A finding follows from an earlier one of this list that concerns the same deployments.
CHAIN: tuple[tuple[str, ...], ...] = (
    ("deployment-missing", "workload-stopped"),
    ("dependency-down",),
    ("node-not-ready",),
    ("node-pressure",),
    ("quota-exhausted", "pods-not-created", "controller-silent"),
    ("pod-image-missing", "pod-config-missing", "pod-start-failed", "pod-pending"),
    ("pod-out-of-memory", "pod-evicted"),
    ("pod-probe-failing",),
    ("pod-crash-looping",),
    ("restarts-rising",),
    ("pod-not-ready", "pod-hung"),
    ("rollout-stuck",),
    ("rollout-paused",),
    ("collector-down", "api-not-answering"),
    ("deployment-unavailable",),
    ("deployment-degraded",),
    ("service-without-endpoints", "collector-refusing", "collector-export-failing"),
    ("order-flow-blocked",),
    ("queue-without-consumer",),
    ("consumer-not-processing", "publisher-silent"),
    ("rate-card-errors",),
    ("consumer-errors", "messages-redelivered"),
    ("bulk-upload-delayed", "sync-interrupted"),
    ("consumer-lag-growing",),
    ("hpa-target-without-requests", "hpa-fights-scaling"),
    ("hpa-without-metrics", "hpa-cannot-scale"),
    ("hpa-at-maximum", "hpa-not-scaling"),
    ("api-slow",),
    ("warning-events-burst",),
)
# Independent of each other although they concern the same deployment.
UNRELATED: frozenset[tuple[str, str]] = frozenset(
    {
        ("rollout-paused", "deployment-unavailable"),
        ("rollout-paused", "deployment-degraded"),
        ("consumer-lag-growing", "hpa-at-maximum"),
        ("pod-evicted", "pod-crash-looping"),
        ("restarts-rising", "rollout-paused"),
    }
)
# What somebody wrote or does: no trouble of the pods leads to it, though it may lead to others.
ROOTS: frozenset[str] = frozenset({"hpa-target-without-requests", "hpa-fights-scaling"})
# What the whole cluster is concerned by, whatever the deployment.
EVERYWHERE: Mapping[str, frozenset[str]] = {
    "metrics-absent": frozenset({"hpa-without-metrics"}),
}
_RANK = {finding: rank for rank, ids in enumerate(CHAIN) for finding in ids}


def fold(findings: Sequence[Finding]) -> list[Finding]:
    """The same findings with ``explains`` (everything that follows, near or far) and ``explained_by`` set."""
    leaders, followers = _same_cause(findings)
    parents: dict[Key, tuple[Key, ...]] = dict(followers)
    by_workload: dict[str, list[Finding]] = {}
    for finding in findings:
        for name in finding.workloads:
            by_workload.setdefault(name, []).append(finding)
    general = [finding for finding in findings if finding.id in EVERYWHERE]
    for finding in findings:
        if finding.key in parents:
            continue
        causes = [f.key for f in general if finding.id in EVERYWHERE[f.id]]
        causes = causes or _causes(finding, by_workload)
        if causes:
            parents[finding.key] = tuple(causes)
    return _linked(findings, parents, leaders)


def _same_cause(findings: Sequence[Finding]) -> tuple[dict[Key, int], dict[Key, tuple[Key, ...]]]:
    """Findings of one rule with one cause in common: the worst and oldest of them stands for the others."""
    groups: dict[tuple[str, tuple[str, str]], list[Finding]] = {}
    for finding in findings:
        # what is ending may be the same fault under the name that it had before
        if finding.cause is not None and finding.standing is Standing.PRESENT:
            groups.setdefault((finding.id, finding.cause), []).append(finding)
    leaders: dict[Key, int] = {}
    followers: dict[Key, tuple[Key, ...]] = {}
    for group in groups.values():
        if len(group) < 2:
            continue
        first, *rest = sorted(group, key=_prominence)
        leaders[first.key] = len(rest)
        followers.update((each.key, (first.key,)) for each in rest)
    return leaders, followers


def _prominence(finding: Finding) -> tuple[int, float, str]:
    since = finding.since.timestamp() if finding.since else float("inf")
    return finding.severity.rank, since, finding.name


def _causes(finding: Finding, by_workload: Mapping[str, Sequence[Finding]]) -> list[Key]:
    """The nearest causes that together cover every deployment of the finding; none if one is left over."""
    rank = _RANK.get(finding.id)
    if rank is None or not finding.workloads or finding.id in ROOTS:
        return []
    found: dict[Key, None] = {}
    for name in finding.workloads:
        earlier = [
            each
            for each in by_workload[name]
            if _RANK.get(each.id, rank) < rank and (each.id, finding.id) not in UNRELATED
        ]
        if not earlier:
            return []
        found[min(earlier, key=lambda f: (_RANK[f.id], f.severity.rank, f.name)).key] = None
    return list(found)


def _linked(
    findings: Sequence[Finding], parents: Mapping[Key, tuple[Key, ...]], leaders: Mapping[Key, int]
) -> list[Finding]:
    explains: dict[Key, dict[Key, None]] = {}
    for finding in findings:
        for ancestor in _ancestors(finding.key, parents):
            explains.setdefault(ancestor, {})[finding.key] = None
    severities = {finding.key: finding.severity for finding in findings}
    linked = []
    for finding in findings:
        more = leaders.get(finding.key, 0)
        text = finding.text
        if more:
            text = one_line(f"{text}; {more} more {'deployment' if more == 1 else 'deployments'} likewise")
        below, above = tuple(explains.get(finding.key, ())), parents.get(finding.key, ())
        unchanged = not more and not below and not above
        if not unchanged:
            # a cause is as bad as the worst that follows from it
            worst = min((finding.severity, *(severities[key] for key in below)), key=lambda s: s.rank)
            finding = replace(finding, text=text, severity=worst, explains=below, explained_by=above)  # noqa: PLW2901
        linked.append(finding)
    return linked


def _ancestors(key: Key, parents: Mapping[Key, tuple[Key, ...]]) -> dict[Key, None]:
    found: dict[Key, None] = {}
    waiting = list(parents.get(key, ()))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found[each] = None
            waiting.extend(parents.get(each, ()))
    return found
