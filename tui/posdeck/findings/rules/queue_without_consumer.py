"""A queue with work in it that nobody consumes."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.model import Finding, Unknown
from posdeck.findings.queues import cannot_tell, consumers, evidence
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

ID = "queue-without-consumer"
HOLD = 30.0  # seconds; while a pod is replaced nobody may be connected for a moment


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per queue whose broker counts no consumer while messages wait or arrive."""
    for workload, facts in consumers(situation):
        if facts.connected.value is None:
            yield cannot_tell(ID, workload, "the number of connected consumers", facts.connected)
            continue
        waiting = facts.waiting.value or 0.0
        if facts.connected.value > 0 or not (waiting > 0 or (facts.rate_in.value or 0.0) > 0):
            continue
        deployment = situation.snapshot.deployments.get(workload.deployment)
        idle = deployment is not None and deployment.desired == 0
        pods = situation.pods_of(workload.deployment)
        ready = sum(p.is_ready for p in pods)
        yield about_deployment(
            situation,
            ID,
            workload.deployment,
            situation.severity(workload.deployment, down=True),
            f"nobody consumes the queue {workload.queue or ''}".rstrip()
            + f", {number(waiting)} messages wait"
            + (f"; {ready} of {len(pods)} pods ready" if pods else ""),
            since=facts.idle_since,
            evidence=evidence(facts),
            likely="the workload is scaled to zero"
            if idle
            else "the pods run without a channel to the queue: closed by the broker and not opened again"
            if ready
            else "no pod of the consumer is ready",
            pods=[p.name for p in pods],
        )


RULE = Rule(ID, find, (), HOLD)
