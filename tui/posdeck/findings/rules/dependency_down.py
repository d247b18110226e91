"""Something outside that fails for several workloads at once, told from one workload's own fault."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from posdeck.catalogue.model import ExternalSystem
from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.rules.api_not_answering import ERRORS
from posdeck.findings.rules.api_not_answering import GROUP as API
from posdeck.findings.situation import Situation
from posdeck.findings.trouble import Trouble, earliest, troubles
from posdeck.findings.wording import percent

ID = "dependency-down"
LEAST = 3  # workloads in trouble
SHARE = 0.6  # of those that depend on it
EXPLAINED = 0.8  # of all that is in trouble; else something wider is going on, or several things are
TOGETHER = timedelta(minutes=5)  # they began within
SETTLE = 15.0  # seconds for which it must look the same: the workloads show their trouble one after the other
QUEUE = "queue"  # the kind of system that consumers hold channels to


def find(situation: Situation) -> Iterator[Finding]:
    """At most one finding: the system whose dependants are in trouble most completely."""
    found = [
        t
        for t in troubles(situation, situation.catalogue.workloads.values())
        if t.stopped and not t.own_fault
    ]
    found = _together(found) + _failing_api(situation, {t.workload.name for t in found})
    if len(found) < LEAST:
        return
    candidates = []
    for system in situation.catalogue.systems.values():
        dependants = _dependants(situation, system)
        hit = {t.workload.name for t in found if t.workload.name in dependants and _fits(t, system)}
        told = (
            len(hit) >= LEAST and len(hit) >= SHARE * len(dependants) and len(hit) >= EXPLAINED * len(found)
        )
        if system.active and told:
            stated = len(hit & set(system.dependants))
            candidates.append((len(hit) / len(found), len(hit) / len(dependants), stated, system))
    if candidates:
        candidates.sort(key=lambda each: each[:3], reverse=True)
        best = candidates[0]
        others = [each[3].title for each in candidates[1:] if each[:2] == best[:2]]
        dependants = _dependants(situation, best[3])
        yield _finding(situation, best[3], [t for t in found if t.workload.name in dependants], others)


def _fits(trouble: Trouble, system: ExternalSystem) -> bool:
    """Whether the trouble can come from this system: who still holds a channel has not lost the queue, and who
    has lost it does not wait for something else."""
    if trouble.connected is None:
        return True
    return trouble.connected is not (system.kind == QUEUE)


def _failing_api(situation: Situation, known: set[str]) -> list[Trouble]:
    """The API where many requests fail: it depends on the same systems as the consumers."""
    errors = situation.other.api_error_ratio.value
    if errors is None or errors < ERRORS:
        return []
    what = f"{percent(errors)} of the requests end in an error"
    return [Trouble(w, what, stopped=False) for w in situation.members(API) if w.name not in known]


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


RULE = Rule(ID, find, (Kind.DEPLOYMENTS, Kind.PODS), 20.0, linger=30.0, settle=SETTLE, exclusive=True)
