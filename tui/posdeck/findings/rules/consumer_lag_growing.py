"""A consumer that works and falls behind: more arrives than it takes, and what waits is worth minutes of work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from posdeck.catalogue.model import Workload
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.model import Confidence, Finding, Severity, Unknown
from posdeck.findings.queues import cannot_tell, consumers, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number, span

ID = "consumer-lag-growing"
HOLD = 30.0
WINDOW = timedelta(minutes=2)
LEAST = 20.0  # messages; fewer are noise
WORTH = 60.0  # seconds of work that must wait before it is told


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per consumer whose lag grew over the last minutes and exceeds a minute of its work."""
    for workload, facts in consumers(situation):
        if facts.waiting.value is None:
            yield cannot_tell(ID, workload, "waiting messages", facts.waiting)
            continue
        growth = growing_by(situation, workload, facts)
        if growth is not None:
            yield _finding(situation, workload, facts, growth)


def growing_by(situation: Situation, workload: Workload, facts: ConsumerFacts) -> float | None:
    """Messages per second by which the lag grows; None where it does not, or by too little."""
    waiting, out = facts.waiting.value, facts.rate_out.value
    if waiting is None or out is None or out <= 0 or waiting < LEAST or waiting < out * WORTH:
        return None
    before = situation.history.waiting_before(workload.name, situation.now, WINDOW)
    if len(before) < 4:
        return None
    half = len(before) // 2
    early, late = before[:half], before[half:]
    gained = sum(late) / len(late) - sum(early) / len(early)
    if gained <= max(LEAST / 4, 0.05 * (sum(early) / len(early))) or waiting <= before[0]:
        return None
    return gained / (WINDOW.total_seconds() / 2)


def _finding(situation: Situation, workload: Workload, facts: ConsumerFacts, growth: float) -> Finding:
    waiting, out = facts.waiting.value or 0.0, facts.rate_out.value or 0.0
    deployment = situation.snapshot.deployments.get(workload.deployment)
    room = workload.maximum - deployment.desired if deployment else 0
    return about_deployment(
        situation,
        ID,
        workload.deployment,
        Severity.WARNING,
        f"falls behind: {number(waiting)} messages wait ({span(waiting / out)} of work) "
        f"and {number(growth)} more every second",
        evidence=[
            *evidence(facts),
            ("growth per second", number(growth)),
            ("replicas", str(deployment.desired) if deployment else "not known"),
            ("maximum in the catalogue", str(workload.maximum)),
        ],
        likely="more arrives than usual" + (f"; there is room for {room} more pods" if room > 0 else ""),
        confidence=Confidence.MEDIUM,
    )


RULE = Rule(ID, find, (), HOLD, linger=60.0)
