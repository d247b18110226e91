"""A pod that its node threw out, or that failed and was left lying, not long ago."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from posdeck.cluster.snapshot import Pod
from posdeck.findings.model import Severity
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, condition, later
from posdeck.findings.wording import quoted

RECENT = timedelta(minutes=30)
REASONS = frozenset(
    {"Evicted", "Preempting", "NodeShutdown", "Terminated", "NodeAffinity", "UnexpectedAdmissionError"}
)


def sign(pod: Pod) -> Sign | None:
    """A failed pod whose reason is the node's and not the program's."""
    if pod.phase != "Failed" or pod.reason not in REASONS:
        return None
    disrupted, ready = condition(pod, "DisruptionTarget"), condition(pod, "Ready")
    moment = (disrupted[3] if disrupted else None) or (ready[3] if ready else None) or pod.last_restart
    return Sign(
        what=f"ended by the node ({pod.reason}: {quoted(pod.message) or 'no message'})",
        since=moment or pod.created,
        since_at_least=moment is None,
        until=later(moment, RECENT),
        evidence=partial(_evidence, pod),
        likely="the node ran out of memory, disk or process ids, or was shut down",
        gone=True,
    )


def _evidence(pod: Pod) -> Evidence:
    return (("status.reason", pod.reason), ("status.message", quoted(pod.message) or "(none)"))


RULE = PodRule("pod-evicted", sign, Severity.WARNING, phases=frozenset({"Failed"}))
