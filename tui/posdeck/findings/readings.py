"""Rules over a number of the whole namespace: over a limit, or the reason why nobody knows."""

from __future__ import annotations

from posdeck.findings.model import Unknown
from posdeck.findings.queues import shown
from posdeck.telemetry.reading import Reading


def not_known(rule: str, measure: str, reading: Reading) -> Unknown:
    """That a rule lacks a number, and why."""
    return Unknown(rule, f"{measure} not known: {shown(reading)}")
