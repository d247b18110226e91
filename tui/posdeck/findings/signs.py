"""What a single pod shows by itself. Depends on the pod alone, so it is worked out once per change of the pod;
time comes in later, through ``after`` and ``until``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from posdeck.cluster.snapshot import Pod
from posdeck.findings.model import Confidence


@dataclass(frozen=True, slots=True)
class Sign:
    """Something about a pod: ``what`` in words that follow "1 of 3 pods: ", counted as a sign once it has lasted
    ``after`` seconds and until ``until``. ``since_at_least`` marks a time that is only a lower bound."""

    what: str
    since: datetime | None = None
    since_at_least: bool = False
    after: float = 0.0
    until: datetime | None = None
    evidence: tuple[tuple[str, str], ...] = ()
    likely: str = ""
    cause: tuple[str, str] | None = None
    confidence: Confidence = Confidence.HIGH
    gone: bool = False  # about what happened to a pod, not about a pod that is missing now

    def counts(self, now: datetime, first_seen: datetime) -> bool:
        """Whether it has lasted long enough and is not over."""
        if self.until is not None and now > self.until:
            return False
        return (now - (self.since or first_seen)).total_seconds() >= self.after


SignOf = Callable[[Pod], Sign | None]


def condition(pod: Pod, kind: str) -> tuple[str, str, str, datetime | None] | None:
    """Status, reason, message and time of change of a condition of the pod."""
    for each in pod.conditions:
        if each.type == kind:
            return each.status, each.reason, each.message, each.changed_at
    return None


def later(moment: datetime | None, span: timedelta) -> datetime | None:
    """``span`` after ``moment``; None without one, or where the calendar ends."""
    try:
        return None if moment is None else moment + span
    except OverflowError:
        return None


def unremarkable(pod: Pod) -> bool:
    """Whether no rule can have anything to say of the pod by itself: the great majority, dismissed quickly."""
    return (
        pod.phase == "Running"
        and pod.status == "Running"
        and not pod.restarts
        and pod.deleted_at is None
        and pod.is_ready
    )
