"""A number with its unit, time, source and query; a missing one carries its reason. 0, unknown, no active
consumer and no source configured are four different things everywhere: in cells, rules and JSON."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Absence(StrEnum):
    """Why there is no number."""

    NO_SOURCE = "no-source"  # nothing in the inventory says where to read it
    NOT_YET = "not-yet"  # asked, no answer so far
    NO_SERIES = "no-series"  # the source answered that it has no such series
    NO_CONSUMER = "no-active-consumer"  # the broker says that nobody consumes
    UNREACHABLE = "unreachable"  # the source did not answer
    INVALID = "invalid"  # an answer that is no usable number (NaN, wrong type, stale)


@dataclass(frozen=True, slots=True)
class Reading:
    """One measured number, or the reason why there is none (then ``value`` is None and ``absence`` is set).
    ``at`` is never later than the moment at which the value was taken; ``since`` is where the time that a rate was
    taken over begins: what happened before a moment shows in no rate that began after it."""

    value: float | None
    unit: str = ""
    at: datetime | None = None
    source: str = ""
    query: str = ""
    absence: Absence | None = None
    reason: str = ""
    since: datetime | None = None

    @property
    def known(self) -> bool:
        """Whether there is a number."""
        return self.value is not None


NO_SOURCE = Reading(None, absence=Absence.NO_SOURCE, reason="no source is configured in the inventory")
NOT_YET = Reading(None, absence=Absence.NOT_YET, reason="asked, no answer yet")


def missing(absence: Absence, reason: str, *, source: str = "", query: str = "", unit: str = "") -> Reading:
    """A reading that has no number, and why."""
    return Reading(None, unit, None, source, query, absence, reason)
