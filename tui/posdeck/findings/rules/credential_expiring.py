"""A certificate or token that posdeck itself needs and that is about to end."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import span

ID = "credential-expiring"
SOON = 7 * 86400.0  # seconds
URGENT = 3600.0


def find(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per credential that ends within a week, graver within the hour."""
    if situation.other.expiries is None:
        yield Unknown(ID, "when the credentials end is not known")
    for name, ends in (situation.other.expiries or {}).items():
        left = (ends - situation.now).total_seconds()
        if left > SOON:
            continue
        yield about_object(
            ID,
            "Credential",
            name,
            Severity.WARNING if left <= URGENT else Severity.INFO,
            f"ends in {span(left)}" if left > 0 else f"ended {span(-left)} ago",
            evidence=(("ends", ends.isoformat()),),
            likely="to be renewed before the cluster turns us away",
        )


RULE = Rule(ID, find)
