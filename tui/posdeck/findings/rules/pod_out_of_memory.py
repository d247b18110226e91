"""A container that was killed for using more memory than its limit."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from posdeck.cluster.snapshot import Container, Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, later
from posdeck.findings.wording import number

RECENT = timedelta(minutes=15)
KILLED = "OOMKilled"


def sign(pod: Pod) -> Sign | None:
    """A container whose present or last end was for memory, not long ago."""
    for container in pod.containers:
        now_ended = container.state == "terminated" and container.reason == KILLED
        if not now_ended and container.last_reason != KILLED:
            continue
        ended = container.last_finished_at
        limit = container.resources.memory_limit
        limit_text = f"{number(limit / 2**20)}Mi" if limit else "no limit set"
        lasting = now_ended or container.reason == "CrashLoopBackOff"
        return Sign(
            what=f"killed for memory: container {container.name}, limit {limit_text}",
            since=ended,
            since_at_least=ended is None or container.restarts > 1,
            until=None if lasting else later(ended, RECENT),
            evidence=partial(_evidence, container, limit_text),
            likely="the limit is too low for the work, or the program holds on to memory"
            if limit
            else "the node itself ran out of memory, or the program holds on to memory",
        )
    return None


def _evidence(container: Container, limit: str) -> Evidence:
    return (
        (f"containers[{container.name}].lastState.terminated.reason", KILLED),
        (f"containers[{container.name}].restartCount", str(container.restarts)),
        (f"containers[{container.name}].resources.limits.memory", limit),
    )


RULE = PodRule("pod-out-of-memory", sign, linger=60.0)
