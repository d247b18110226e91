"""A pod that is being deleted for longer than its grace period."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from posdeck.cluster.snapshot import Pod
from posdeck.findings.model import Severity
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign

PATIENCE = timedelta(seconds=60)  # beyond the end of the grace period


def sign(pod: Pod) -> Sign | None:
    """Past its deletion time, which the API server sets to the end of the grace period."""
    if pod.deleted_at is None:
        return None
    return Sign(
        what="still terminating, past the grace period",
        since=pod.deleted_at,
        after=PATIENCE,
        evidence=partial(_evidence, pod, pod.deleted_at),
        likely="the node does not answer, a finalizer is not removed, or the program cannot be killed",
        gone=True,
    )


def _evidence(pod: Pod, deleted: datetime) -> Evidence:
    grace = "not said" if pod.grace_seconds is None else f"{pod.grace_seconds} s"
    return (
        ("metadata.deletionTimestamp", deleted.isoformat()),
        ("metadata.deletionGracePeriodSeconds", grace),
        ("spec.nodeName", pod.node or "(none)"),
    )


RULE = PodRule("pod-stuck-terminating", sign, Severity.WARNING)
