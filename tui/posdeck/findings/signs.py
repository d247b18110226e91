"""What a single pod shows by itself. Depends on the pod alone, so it is worked out once per change of the pod;
time comes in later, through ``after`` and ``until``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from posdeck.cluster.snapshot import Container, Pod
from posdeck.findings.model import Confidence
from posdeck.findings.wording import quoted

AT_ONCE = timedelta(0)
SETTLED = (True, None)
LAST = datetime.max.replace(tzinfo=UTC)
Evidence = tuple[tuple[str, str], ...]


def no_evidence() -> Evidence:
    """None."""
    return ()


class Sign(NamedTuple):
    """Something about a pod: ``what`` in words that follow "1 of 3 pods: ", counted as a sign once it has lasted
    ``after`` and until ``until``. ``since_at_least`` marks a time that is only a lower bound. ``evidence``
    is made only of the few pods that are shown: there may be ten thousand."""

    what: str
    since: datetime | None = None
    since_at_least: bool = False
    after: timedelta = AT_ONCE
    until: datetime | None = None
    evidence: Callable[[], Evidence] = no_evidence
    likely: str = ""
    cause: tuple[str, str] | None = None
    confidence: Confidence = Confidence.HIGH
    gone: bool = False  # about what happened to a pod, not about a pod that is missing now

    def counts(self, now: datetime, first_seen: datetime) -> tuple[bool, datetime | None]:
        """Whether it has lasted long enough and is not over, and when that will change of itself; None for never."""
        begins, until = self.since or first_seen, self.until
        if self.after is not AT_ONCE:
            begins = later(begins, self.after) or LAST
        elif until is None and now >= begins:
            return SETTLED  # most of them
        if until is not None and now > until:
            return False, None
        return (True, until) if now >= begins else (False, begins)


def waiting(container: Container) -> Evidence:
    """What a container waits for, in the kubelet's words."""
    return (
        (f"containers[{container.name}].state.waiting.reason", container.reason),
        (f"containers[{container.name}].state.waiting.message", quoted(container.message) or "(none)"),
    )


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
