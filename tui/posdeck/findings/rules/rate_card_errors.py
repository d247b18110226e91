"""Rate cards are rejected or not applied: prices go wrong before anybody notices."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.model import Confidence, Finding, Unknown
from posdeck.findings.queues import cannot_tell, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.consumer_errors import many_errors
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "rate-card-errors"
GROUP = "rate_card_consumers"


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per rate-card consumer with many errors."""
    for workload in situation.members(GROUP):
        facts = situation.consumers.get(workload.name) or ConsumerFacts(workload.name)
        if facts.error_rate.value is None:
            yield cannot_tell(ID, workload, "the error rate", facts.error_rate)
        elif many_errors(situation, workload, facts):
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                situation.severity(workload.deployment, down=True),
                f"rate cards are rejected: {number(facts.error_rate.value)} errors a minute",
                evidence=[("errors per minute", number(facts.error_rate.value)), *evidence(facts)],
                likely="an uploaded rate card that does not pass validation",
                confidence=Confidence.MEDIUM,
            )


RULE = Rule(ID, find, (), 30.0, linger=60.0)
