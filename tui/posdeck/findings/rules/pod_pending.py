"""A pod that the scheduler cannot place."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from posdeck.cluster.snapshot import Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, condition
from posdeck.findings.wording import quoted

PHASES = frozenset({"Pending", ""})
PATIENCE = timedelta(seconds=15)  # told before the deployment's want of pods, whose cause it is
_LIKELY = (
    ("insufficient", "the nodes have no room for what the pod requests"),
    ("taint", "no node tolerates the pod: nodes are tainted, drained or not ready"),
    ("affinity", "node selector or affinity of the pod match no node"),
    ("selector", "node selector or affinity of the pod match no node"),
    ("persistentvolumeclaim", "a volume claim of the pod is not bound"),
    ("volume", "a volume of the pod is not available where there is room"),
)


def sign(pod: Pod) -> Sign | None:
    """PodScheduled is false, or the pod is pending without a node."""
    if pod.deleted_at is not None or pod.node or pod.phase not in PHASES:
        return None
    found = condition(pod, "PodScheduled")
    status, reason, message, changed = found or ("", "", "", None)
    if status == "True":
        return None
    if reason == "SchedulingGated":
        return Sign(
            what="waiting at a scheduling gate",
            since=pod.created,
            after=timedelta(minutes=5),
            evidence=partial(_evidence, pod),
            likely="the controller that set the gate has not removed it",
        )
    said = message.lower()
    likely = next((words for mark, words in _LIKELY if mark in said), "the scheduler has not placed the pod")
    return Sign(
        what="cannot be placed on a node" + (f": {quoted(message)}" if message else ""),
        since=changed or pod.created,
        after=PATIENCE,
        evidence=partial(_evidence, pod),
        likely=likely,
    )


def _evidence(pod: Pod) -> Evidence:
    status, reason, message, _ = condition(pod, "PodScheduled") or ("", "", "", None)
    return (
        ("status.phase", pod.phase or "(none)"),
        ("conditions[PodScheduled]", f"{status or 'not reported'} {reason}".strip()),
        ("conditions[PodScheduled].message", quoted(message) or "(none)"),
    )


RULE = PodRule("pod-pending", sign, phases=PHASES)
