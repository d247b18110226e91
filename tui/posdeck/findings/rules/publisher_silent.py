"""The batch publisher publishes nothing: background jobs are no longer created."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.catalogue.model import Workload
from posdeck.cluster.snapshot import Kind
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.model import Confidence, Finding, Unknown
from posdeck.findings.queues import cannot_tell, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "publisher-silent"
GROUP = "workers"
WORD = "publisher"
HOLD = 300.0  # seconds; batches are published now and then


def publishers(situation: Situation) -> list[Workload]:
    """The active workers whose name says that they publish."""
    return [w for w in situation.members(GROUP) if WORD in w.name]


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per publisher that is at work and publishes nothing."""
    for workload in publishers(situation):
        deployment = situation.snapshot.deployments.get(workload.deployment)
        facts = situation.consumers.get(workload.name) or ConsumerFacts(workload.name)
        if facts.rate_out.value is None:
            yield cannot_tell(ID, workload, "how much it publishes", facts.rate_out)
        elif facts.rate_out.value <= 0 and deployment is not None and deployment.desired > 0:
            yield about_deployment(
                situation,
                ID,
                workload.deployment,
                situation.severity(workload.deployment, down=True),
                "publishes nothing",
                since=facts.idle_since,
                evidence=evidence(facts),
                likely="the program hangs, or has lost its channel to the queue or its database",
                confidence=Confidence.MEDIUM,
                pods=[p.name for p in situation.pods_of(workload.deployment)],
            )


RULE = Rule(ID, find, (Kind.DEPLOYMENTS,), HOLD, linger=30.0)
