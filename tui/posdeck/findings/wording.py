"""The words of findings: one line, plain, numbers with units, and nothing out of a cluster's free text that must
not be kept or that could draw on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from posdeck.kubetext.ages import human_duration
from posdeck.redaction.redactor import Redactor

LONGEST = 240
_REDACTOR = Redactor()


def one_line(text: str, longest: int = LONGEST) -> str:
    """``text`` on one line without control characters, cut to ``longest`` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


@lru_cache(maxsize=4096)
def quoted(message: str, longest: int = 160) -> str:
    """A message of the cluster, redacted, on one line."""
    return one_line(_REDACTOR.text(message[:4000]), longest)


def count_of(some: int, of_all: int, noun: str) -> str:
    """ "1 of 3 pods", "2 pods", "1 pod"."""
    if of_all > some:
        return f"{some} of {of_all} {noun}s"
    return f"{some} {noun}" + ("" if some == 1 else "s")


def moment(at: datetime) -> str:
    """A time to the second, in UTC: "2026-03-14 02:14:07 UTC"."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span(seconds: float | None) -> str:
    """A span in kubectl's words."""
    return "an unknown time" if seconds is None else human_duration(seconds)


def number(value: float) -> str:
    """A number as short as it is exact enough: "1,204", "3.5", "0.02"."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def percent(ratio: float) -> str:
    """A ratio as a percentage."""
    return f"{number(round(ratio * 100, 1))} %"
