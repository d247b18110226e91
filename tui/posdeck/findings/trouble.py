"""Which workloads do not do their work now, and since when: what the rules about flows and dependencies add up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from posdeck.catalogue.model import Workload
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.queues import evidence
from posdeck.findings.rules import consumer_errors, consumer_lag_growing
from posdeck.findings.situation import Situation
from posdeck.findings.wording import number

OWN_FAULT = (
    "pod-image-missing",
    "pod-config-missing",
    "pod-start-failed",
    "pod-pending",
    "pod-out-of-memory",
    "pod-evicted",
)


@dataclass(frozen=True, slots=True)
class Trouble:
    """One workload that does not do its work. ``stopped`` when nothing is done at all, ``own_fault`` when its
    pods show a reason of their own (image, configuration, memory, place). ``connected`` is whether its ready pods
    still hold their channel to the queue, None where that is not known or they are not ready."""

    workload: Workload
    what: str
    stopped: bool
    since: datetime | None = None
    own_fault: bool = False
    evidence: tuple[tuple[str, str], ...] = ()
    connected: bool | None = None


def trouble(situation: Situation, workload: Workload) -> Trouble | None:
    """What is wrong with a workload's work; None when nothing is known to be."""
    facts = situation.consumers.get(workload.name)
    of_pods = _pods(situation, workload)
    found = of_pods or (_queue(situation, workload, facts) if facts else None)
    if found is None:
        return None
    what, stopped, since = found
    channels = facts.connected.value if facts and not of_pods else None
    shown = tuple((f"{workload.name} {name}", value) for name, value in evidence(facts)) if facts else ()
    own = _own_fault(situation, workload.deployment)
    return Trouble(workload, what, stopped, since, own, shown, None if channels is None else channels > 0)


def troubles(situation: Situation, workloads: Iterable[Workload]) -> list[Trouble]:
    """What is wrong with each of several workloads, those without trouble left out."""
    return [found for w in workloads if (found := trouble(situation, w)) is not None]


def earliest(found: Iterable[Trouble]) -> datetime | None:
    """The earliest known beginning."""
    return min((t.since for t in found if t.since is not None), default=None)


def _pods(situation: Situation, workload: Workload) -> tuple[str, bool, datetime | None] | None:
    deployment = situation.snapshot.deployments.get(workload.deployment)
    if deployment is None:
        return None
    if deployment.desired > 0 and deployment.available <= 0:
        changed = [
            c.changed_at for c in deployment.conditions if c.type == "Available" and c.status == "False"
        ]
        return "no pod available", True, changed[0] if changed else None
    if deployment.desired == 0 and workload.replicas > 0:
        return "scaled to zero", True, None
    crashing = situation.signs.of("pod-crash-looping", workload.deployment)
    unready = situation.signs.of("pod-not-ready", workload.deployment)
    pods = len(situation.pods_of(workload.deployment))
    if pods and len(crashing) + len(unready) >= pods and len(crashing.keys() | unready.keys()) >= pods:
        return "every pod fails", True, None
    return None


def _queue(
    situation: Situation, workload: Workload, facts: ConsumerFacts
) -> tuple[str, bool, datetime | None] | None:
    waiting = facts.waiting.value or 0.0
    if facts.connected.value == 0 and (waiting > 0 or (facts.rate_in.value or 0.0) > 0):
        return f"nobody consumes, {number(waiting)} wait", True, facts.idle_since
    if (
        waiting > 0
        and facts.idle_since is not None
        and (situation.seconds_since(facts.idle_since) or 0) >= 30
    ):
        return f"acknowledges nothing, {number(waiting)} wait", True, facts.idle_since
    if consumer_errors.many_errors(situation, workload, facts):
        return f"{number(facts.error_rate.value or 0.0)} errors a minute", False, None
    if consumer_lag_growing.growing_by(situation, workload, facts) is not None:
        return f"falls behind, {number(waiting)} wait", False, None
    return None


def _own_fault(situation: Situation, deployment: str) -> bool:
    found = situation.snapshot.deployments.get(deployment)
    if found is not None and found.desired == 0:
        return True
    return any(situation.signs.of(rule, deployment) for rule in OWN_FAULT)
