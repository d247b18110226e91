"""A container that is placed and cannot be created, or takes too long to be."""

from __future__ import annotations

from posdeck.cluster.snapshot import Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Sign, condition
from posdeck.findings.wording import quoted

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
SLOW = 180.0  # seconds; a large image on a new node takes its time


def sign(pod: Pod) -> Sign | None:
    """A container in one of the kubelet's starting errors, or still being created after a while."""
    if pod.deleted_at is not None:
        return None
    placed = condition(pod, "PodScheduled")
    for container in pod.containers:
        reason = container.reason or container.last_reason
        if container.state == "waiting" and container.reason in REASONS:
            return Sign(
                what=f"cannot start: {container.reason}",
                since=(placed[3] if placed else None) or pod.created,
                evidence=(
                    (f"containers[{container.name}].state.waiting.reason", reason),
                    (
                        f"containers[{container.name}].state.waiting.message",
                        quoted(container.message) or "(none)",
                    ),
                ),
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
            evidence=(("status.phase", pod.phase), ("status", pod.status), ("spec.nodeName", pod.node)),
            likely="a volume that cannot be mounted, a network that cannot be set up, or a slow pull; "
            "the pod's events say which",
        )
    return None


RULE = PodRule("pod-start-failed", sign)
