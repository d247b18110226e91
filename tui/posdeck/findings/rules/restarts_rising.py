"""Containers that restart more often than before without being in a crash loop: the quiet beginning of one."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind, Pod
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of

ID = "restarts-rising"
MANY = 3  # restarts of a deployment's pods within an hour
LATEST = 900.0  # seconds; the last one must not be longer ago


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment with several restarts within the last hour, seen while watching."""
    grouped: dict[str, list[tuple[Pod, int]]] = {}
    for pod in situation.history.restarted.values():
        owner = situation.index.deployment_of(pod.name)
        lately = situation.history.restarts_in_last_hour(pod, situation.now)
        if owner and lately > 0:
            grouped.setdefault(owner, []).append((pod, lately))
    for name, found in grouped.items():
        total = sum(lately for _, lately in found)
        last = max((p.last_restart for p, _ in found if p.last_restart), default=None)
        ago = situation.seconds_since(last)
        if total < MANY or (ago is not None and ago > LATEST):
            continue
        yield about_deployment(
            situation,
            ID,
            name,
            Severity.WARNING,
            f"{total} restarts within the last hour in "
            f"{count_of(len(found), len(situation.pods_of(name)), 'pod')}",
            evidence=[
                (f"pod/{pod.name} restarts", f"{pod.restarts}, of these {lately} within the last hour")
                for pod, lately in sorted(found, key=lambda each: each[0].name)[:6]
            ],
            likely="a liveness probe that fails at times, memory that grows, or a crash on certain messages",
            confidence=Confidence.MEDIUM,
            pods=[pod.name for pod, _ in found],
        )


RULE = Rule(ID, find, (Kind.PODS,), 0.0, linger=60.0)
