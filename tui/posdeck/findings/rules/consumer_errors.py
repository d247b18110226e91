"""A consumer that logs errors far above its own usual rate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from posdeck.catalogue.model import Workload
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.model import Confidence, Finding, Unknown
from posdeck.findings.queues import cannot_tell, consumers, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "consumer-errors"
RECENT = timedelta(minutes=10)
LEAST = 12.0  # errors per minute that are worth telling; drills show that fewer are chance at a busy queue
TIMES = 5.0  # how far above the usual rate
ALWAYS = 30.0  # errors per minute that are told even while the usual rate is not known


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per consumer with far more errors than usual."""
    for workload, facts in consumers(situation):
        if facts.error_rate.value is None:
            yield cannot_tell(ID, workload, "the error rate", facts.error_rate)
        elif many_errors(situation, workload, facts):
            usual = situation.history.usual_errors(workload.name, situation.now, RECENT)
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                situation.severity(workload.deployment, down=False),
                f"{number(facts.error_rate.value)} errors a minute"
                + (f", usually {number(usual)}" if usual is not None else ""),
                evidence=[("errors per minute", number(facts.error_rate.value)), *evidence(facts)],
                likely="messages that it cannot process, or something that it depends on failing",
                confidence=Confidence.MEDIUM,
            )


def many_errors(situation: Situation, workload: Workload, facts: ConsumerFacts) -> bool:
    """Whether the error rate is far above the usual one, or beyond doubt while that is not known."""
    rate = facts.error_rate.value
    if rate is None or rate < LEAST:
        return False
    usual = situation.history.usual_errors(workload.name, situation.now, RECENT)
    return rate >= ALWAYS if usual is None else rate >= max(LEAST, TIMES * usual)


RULE = Rule(ID, find, (), 30.0, linger=60.0)
