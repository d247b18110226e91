"""Something outside that fails for several workloads at once, told from one workload's own fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from posdeck.catalogue.model import ExternalSystem
from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.trouble import Trouble, earliest, troubles

ID = "dependency-down"
LEAST = 3  # workloads in trouble
SHARE = 0.6  # of those that depend on it
TOGETHER = timedelta(minutes=5)  # they began within


def find(situation: Situation) -> Iterator[Finding]:
    """At most one finding: the system whose dependants are in trouble most completely."""
    found = [
        t
        for t in troubles(situation, situation.catalogue.workloads.values())
        if t.stopped and not t.own_fault
    ]
    found = _together(found)
    if len(found) < LEAST:
        return
    names = {t.workload.name for t in found}
    candidates = []
    for system in situation.catalogue.systems.values():
        dependants = _dependants(situation, system)
        hit = dependants & names
        if system.active and len(hit) >= LEAST and len(hit) >= SHARE * len(dependants):
            stated = len(hit & set(system.dependants))
            candidates.append((len(hit) / len(names), len(hit) / len(dependants), stated, system))
    if candidates:
        candidates.sort(key=lambda each: each[:3], reverse=True)
        best = candidates[0]
        others = [each[3].title for each in candidates[1:] if each[:2] == best[:2]]
        yield _finding(
            situation,
            best[3],
            [t for t in found if t.workload.name in _dependants(situation, best[3])],
            others,
        )


def _dependants(situation: Situation, system: ExternalSystem) -> set[str]:
    """Who depends on it, stated or likely, and is at work."""
    names = {*system.dependants, *system.may_depend}
    return {n for n in names if n in situation.catalogue.workloads and _at_work(situation, n)}


def _at_work(situation: Situation, short: str) -> bool:
    deployment = situation.deployment(short)
    return deployment is not None and deployment.desired > 0


def _together(found: list[Trouble]) -> list[Trouble]:
    """Those that began within a few minutes of the latest; a beginning that is not known counts as together."""
    known = [t.since for t in found if t.since is not None]
    if not known:
        return found
    latest = max(known)
    return [t for t in found if t.since is None or latest - t.since <= TOGETHER]


def _finding(
    situation: Situation, system: ExternalSystem, found: list[Trouble], others: list[str]
) -> Finding:
    names = ", ".join(t.workload.label or t.workload.name for t in found[:4])
    more = f" and {len(found) - 4} more" if len(found) > 4 else ""
    perhaps = f"; it may also be {' or '.join(others)}" if others else ""
    return about_object(
        ID,
        "ExternalSystem",
        system.id,
        Severity.CRITICAL,
        f"{len(found)} workloads that depend on it fail together ({names}{more})",
        short=system.title,
        since=earliest(found),
        evidence=[(t.workload.name, t.what) for t in found],
        likely=f"{system.title} does not answer{perhaps}; restarting the workloads does not help",
        confidence=Confidence.LOW if others else Confidence.MEDIUM,
        workloads=[t.workload.deployment for t in found],
    )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS, Kind.PODS), 20.0, linger=30.0)
