"""A container that is placed and cannot be created, or takes too long to be."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from posdeck.cluster.snapshot import Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, condition, waiting

REASONS = frozenset(
    {
        "CreateContainerError",
        "RunContainerError",
        "PostStartHookError",
        "PreCreateHookError",
        "PreStartHookError",
        "CreatePodSandboxError",
        "StartError",
        "ContainerCannotRun",
    }
)
SLOW = timedelta(minutes=3)  # a large image on a new node takes its time


def sign(pod: Pod) -> Sign | None:
    """A container in one of the kubelet's starting errors, or still being created after a while."""
    if pod.deleted_at is not None:
        return None
    placed = condition(pod, "PodScheduled")
    for container in pod.containers:
        if container.state == "waiting" and container.reason in REASONS:
            return Sign(
                what=f"cannot start: {container.reason}",
                since=(placed[3] if placed else None) or pod.created,
                evidence=partial(waiting, container),
                likely="the node's container runtime rejects the container as specified",
            )
    if (
        pod.phase == "Pending"
        and pod.node
        and pod.status in ("ContainerCreating", "PodInitializing", "Pending")
    ):
        return Sign(
            what=f"still being created on a node ({pod.status})",
            since=(placed[3] if placed else None) or pod.created,
            after=SLOW,
            evidence=partial(_evidence, pod),
            likely="a volume that cannot be mounted, a network that cannot be set up, or a slow pull; "
            "the pod's events say which",
        )
    return None


def _evidence(pod: Pod) -> Evidence:
    return (("status.phase", pod.phase), ("status", pod.status), ("spec.nodeName", pod.node))


RULE = PodRule("pod-start-failed", sign, phases=frozenset({"Pending"}), reasons=REASONS)
