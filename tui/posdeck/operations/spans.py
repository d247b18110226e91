"""A duration in a few characters, as verdicts and advice say it."""

from __future__ import annotations


def span(seconds: float) -> str:
    """A duration for people, rounded: "45 s", "12 min", "3.5 h", "12 days"."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.0f} days"
