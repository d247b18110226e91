"""A pod that the scheduler cannot place."""

from __future__ import annotations

from posdeck.cluster.snapshot import Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Sign, condition
from posdeck.findings.wording import quoted

PATIENCE = 15.0  # seconds; told before the deployment's want of pods, whose cause it is
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
    if pod.deleted_at is not None or pod.node or pod.phase not in ("Pending", ""):
        return None
    found = condition(pod, "PodScheduled")
    status, reason, message, changed = found or ("", "", "", None)
    if status == "True":
        return None
    if reason == "SchedulingGated":
        return Sign(
            what="waiting at a scheduling gate",
            since=pod.created,
            after=300.0,
            evidence=(("conditions[PodScheduled].reason", reason),),
            likely="the controller that set the gate has not removed it",
        )
    said = message.lower()
    likely = next((words for mark, words in _LIKELY if mark in said), "the scheduler has not placed the pod")
    return Sign(
        what="cannot be placed on a node" + (f": {quoted(message)}" if message else ""),
        since=changed or pod.created,
        after=PATIENCE,
        evidence=(
            ("status.phase", pod.phase or "(none)"),
            ("conditions[PodScheduled]", f"{status or 'not reported'} {reason}".strip()),
            ("conditions[PodScheduled].message", quoted(message) or "(none)"),
        ),
        likely=likely,
    )


RULE = PodRule("pod-pending", sign)
