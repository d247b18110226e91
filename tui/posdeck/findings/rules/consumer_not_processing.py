"""A consumer that acknowledges nothing while messages wait, although Kubernetes sees nothing wrong."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import Workload
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.model import Confidence, Finding, Unknown
from posdeck.findings.queues import cannot_tell, consumers, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number
from posdeck.telemetry.reading import Absence

ID = "consumer-not-processing"
HOLD = 45.0  # seconds without an acknowledgement; a single heavy message may take a while


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per consumer that stands still with work before it."""
    for workload, facts in consumers(situation):
        if facts.waiting.value is None:
            yield cannot_tell(ID, workload, "waiting messages", facts.waiting)
        elif facts.rate_out.value is None and facts.idle_since is None:
            if facts.waiting.value > 0 and facts.rate_out.absence is not Absence.NO_CONSUMER:
                yield cannot_tell(ID, workload, "the rate of acknowledgements", facts.rate_out)
        elif facts.waiting.value > 0 and stands_still(facts):
            yield _finding(situation, workload, facts)


def stands_still(facts: ConsumerFacts) -> bool:
    """Whether nothing is acknowledged."""
    return facts.idle_since is not None or facts.rate_out.value == 0


def _finding(situation: Situation, workload: Workload, facts: ConsumerFacts) -> Finding:
    waiting = facts.waiting.value or 0.0
    held = facts.unacknowledged.value or 0.0
    pods = situation.pods_of(workload.deployment)
    ready = sum(p.is_ready for p in pods)
    likely = "the program has lost its channel to the queue and not opened it again"
    if held > 0:
        likely = "the program hangs with messages in its hands, or waits for something outside that does not answer"
    return about_deployment(
        situation,
        ID,
        workload.deployment,
        situation.severity(workload.deployment, down=True),
        f"acknowledges nothing while {number(waiting)} messages wait"
        + (f"; {ready} of {len(pods)} pods ready" if pods else ""),
        since=facts.idle_since,
        evidence=evidence(facts),
        likely=likely,
        confidence=Confidence.HIGH,
        pods=[p.name for p in pods],
    )


RULE = Rule(ID, find, (), HOLD)
