"""What a change needs in one environment: facts only; the gate judges by them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

CONFIRM_TYPED = "typed"
CONFIRM_YES = "yes"


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """When changes are open: on ``days`` from ``start`` to ``end`` (local time of ``timezone``, end
    excluded). An end at or before the start is on the next day, which then belongs to the day of the
    start."""

    days: tuple[str, ...]
    start: time
    end: time
    timezone: str = "UTC"

    def contains(self, at: datetime) -> bool:
        """Whether ``at`` (aware) lies inside."""
        from zoneinfo import ZoneInfo

        local = at.astimezone(ZoneInfo(self.timezone))
        moment, today = local.time(), DAYS[local.weekday()]
        if self.start < self.end:
            return today in self.days and self.start <= moment < self.end
        yesterday = DAYS[(local - timedelta(days=1)).weekday()]
        return (today in self.days and moment >= self.start) or (yesterday in self.days and moment < self.end)

    def __str__(self) -> str:
        return f"{'/'.join(self.days)} {self.start:%H:%M}–{self.end:%H:%M} {self.timezone}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """No changes from ``start`` until before ``end`` (aware), and why."""

    start: datetime
    end: datetime
    reason: str

    def contains(self, at: datetime) -> bool:
        """Whether ``at`` (aware) lies inside."""
        return self.start <= at < self.end


@dataclass(frozen=True, slots=True)
class StagingFirst:
    """A change must have passed in ``environment`` within the last ``within_hours``."""

    environment: str
    within_hours: int


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """How many objects one act may touch, and how many acts an hour; None is no limit."""

    objects_at_once: int = 1
    per_hour: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of an environment, the strictest by default. ``confirm`` is typed (the target's short name)
    or yes. ``staging_first``, ``approvals``, ``change_windows`` and ``freezes`` bind changes, not
    mitigations; for a mitigation, ticket and contacts may follow within ``mitigation_grace_minutes``.
    ``inform`` are contact ids. ``port_forward`` says whether one may be opened; it changes nothing in the
    cluster, so read-only mode leaves it open. No change windows means that none are kept: changes are open at any time."""

    read_only: bool = False
    confirm: str = CONFIRM_TYPED
    reason_required: bool = True
    ticket_required: bool = True
    mitigation_grace_minutes: int = 60
    staging_first: StagingFirst | None = None
    approvals: int = 0
    change_windows: tuple[ChangeWindow, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    blast_radius: BlastRadius = BlastRadius()
    inform: tuple[str, ...] = ()
    port_forward: bool = True

    def open_for_changes(self, at: datetime) -> bool:
        """Whether a change window is open at ``at`` (always where none are kept) and no freeze is on."""
        return self.freeze_at(at) is None and (
            not self.change_windows or any(w.contains(at) for w in self.change_windows)
        )

    def freeze_at(self, at: datetime) -> Freeze | None:
        """The freeze that is on at ``at``, or None."""
        return next((f for f in self.freezes if f.contains(at)), None)
