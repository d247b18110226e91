"""A pod that runs and is not ready: its readiness probe fails, or it is still starting after a while."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from posdeck.cluster.snapshot import Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, condition

PATIENCE = timedelta(seconds=60)  # that a program may take to start


def sign(pod: Pod) -> Sign | None:
    """Every container runs, or has ended as it should, and yet the pod is not ready."""
    if pod.deleted_at is not None or pod.phase != "Running" or pod.is_ready:
        return None
    for c in pod.containers:
        if c.state == "waiting" or (c.state == "terminated" and not c.init):
            return None  # other rules say why
    found = condition(pod, "Ready")
    status, reason, _, changed = found or ("", "", "", None)
    idle = [c.name for c in pod.containers if c.state == "running" and not c.ready]
    if status == "Unknown" or pod.status in ("Unknown", "NodeLost"):
        what, likely = "not heard of any more (the node is lost)", "the node is down or cut off"
    elif reason == "ReadinessGatesNotReady":
        what = "running but waiting for a readiness gate"
        likely = "the controller behind the gate (often a load balancer) has not answered"
    else:
        what = "running but not ready" + (f" (container {', '.join(idle)})" if idle else "")
        likely = (
            "the readiness probe fails: the program is still starting, hangs, or misses what it depends on"
        )
    return Sign(
        what=what,
        since=changed or pod.created,
        after=PATIENCE,
        evidence=partial(_evidence, pod),
        likely=likely,
    )


def _evidence(pod: Pod) -> Evidence:
    status, reason, _, _ = condition(pod, "Ready") or ("", "", "", None)
    return (
        ("conditions[Ready]", f"{status or 'not reported'} {reason}".strip()),
        ("READY", pod.ready),
        ("STATUS", pod.status),
    )


RULE = PodRule("pod-not-ready", sign, phases=frozenset({"Running"}))
