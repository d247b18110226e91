"""Messages that come back again and again: taken, not acknowledged, returned to the queue."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.model import Confidence, Finding, Unknown
from posdeck.findings.queues import cannot_tell, consumers, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "messages-redelivered"
LEAST = 0.2  # per second
SHARE = 0.1  # of what is acknowledged


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per queue with many redeliveries for what is acknowledged."""
    for workload, facts in consumers(situation):
        again = facts.redelivered_rate.value
        if again is None:
            yield cannot_tell(ID, workload, "the rate of redeliveries", facts.redelivered_rate)
        elif again >= LEAST and again >= SHARE * (facts.rate_out.value or 0.0):
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                situation.severity(workload.deployment, down=False),
                f"{number(again)} messages a second come back, {number(facts.rate_out.value or 0.0)} are acknowledged",
                evidence=evidence(facts),
                likely="messages that the consumer rejects or dies of, or a consumer that keeps losing its channel",
                confidence=Confidence.MEDIUM,
            )


RULE = Rule(ID, find, (), 45.0, linger=60.0)
