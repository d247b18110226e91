"""Times and ages in kubectl's words, so that an age here equals the one in a colleague's shell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from posdeck.kubetext.fields import at

UNKNOWN = "<unknown>"
_LONGEST = 64  # characters that a time may have
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(seconds: float) -> str:
    """A span with two or three significant figures ("7m30s", "12d", "2y15d"), exactly as kubectl's AGE
    (k8s.io/apimachinery ``util/duration``).

    A clock up to two seconds ahead reads as "0s", further ahead as "<invalid>".
    """
    if not -1e15 < seconds < 1e15:
        return "<invalid>"
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 2 * _MINUTE:
        return f"{whole}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def parse_time(value: object) -> datetime | None:
    """An API time (RFC 3339, with or without a fraction) as aware UTC; None when it is absent or zero."""
    return _parsed(value) if isinstance(value, str) and 20 <= len(value) <= _LONGEST else None


@lru_cache(maxsize=8192)  # objects made together carry the same times, several times each
def _parsed(value: str) -> datetime | None:
    if value[4:11:3] != "--T":
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            return None
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return None if moment.year == 1 else moment


def created(obj: Mapping[str, Any]) -> datetime | None:
    """``metadata.creationTimestamp``."""
    return parse_time(at(obj, "metadata", "creationTimestamp"))


def since(moment: datetime | None, now: datetime) -> str:
    """How long ago ``moment`` was, in kubectl's words; "<unknown>" when there is none."""
    return UNKNOWN if moment is None else human_duration((now - moment).total_seconds())


def age(obj: Mapping[str, Any], now: datetime) -> str:
    """kubectl's AGE cell of any object."""
    return since(created(obj), now)


def _two(whole: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = whole % large // small
    return f"{whole // large}{large_unit}{rest}{small_unit}" if rest else f"{whole // large}{large_unit}"
