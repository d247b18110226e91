"""Hysteresis: what a rule sees becomes a finding once it has lasted, and stays one until it has been gone for a
while. Here too the first moment is kept, since the cluster's own times start anew with each restart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from posdeck.findings.model import Finding, Key, Standing
from posdeck.findings.rule import Rule

FORGET_UNCONFIRMED = timedelta(hours=1)


@dataclass(slots=True)
class _Kept:
    finding: Finding
    first_seen: datetime
    last_seen: datetime
    told: bool = False


class Memory:
    """What one rule has seen so far, by key."""

    def __init__(self) -> None:
        self._kept: dict[Key, _Kept] = {}
        self._asked_before = False

    def see(self, rule: Rule, found: Iterable[Finding], now: datetime) -> list[Finding]:
        """Take in what the rule finds now; what is to be told."""
        present = set()
        for finding in found:
            present.add(finding.key)
            self._take(finding, now)
        self._asked_before = True
        told = []
        for key in list(self._kept):
            kept = self._kept[key]
            if key in present:
                since = kept.finding.since or kept.first_seen
                lasted, watched = now - since, now - kept.first_seen
                kept.told = kept.told or (
                    lasted.total_seconds() >= rule.hold and watched.total_seconds() >= rule.settle
                )
                if kept.told:
                    told.append(kept.finding)
            elif rule.exclusive and present:
                del self._kept[key]
            elif kept.told and timedelta(0) <= now - kept.last_seen < timedelta(seconds=rule.linger):
                told.append(replace(kept.finding, standing=Standing.ENDING))
            else:
                del self._kept[key]
        return told

    def not_yet_told(self) -> list[Finding]:
        """What the rule sees and what has not lasted long enough to be told."""
        return [kept.finding for kept in self._kept.values() if not kept.told]

    def cannot_see(self, now: datetime) -> list[Finding]:
        """The rule cannot be asked now: what it told last stays, marked as such, since blindness is no cure."""
        for key in [k for k, v in self._kept.items() if not v.told or now - v.last_seen > FORGET_UNCONFIRMED]:
            del self._kept[key]
        return [replace(kept.finding, standing=Standing.UNCONFIRMED) for kept in self._kept.values()]

    def _take(self, finding: Finding, now: datetime) -> None:
        kept = self._kept.get(finding.key)
        if finding.since is not None and finding.since > now:
            finding = replace(finding, since=now, since_at_least=True)  # the clocks differ
        if kept is None:
            if finding.since is None:
                finding = replace(finding, since=now, since_at_least=not self._asked_before)
            self._kept[finding.key] = _Kept(finding, now, now)
            return
        before = kept.finding
        if before.since is not None and (finding.since is None or before.since < finding.since):
            finding = replace(finding, since=before.since, since_at_least=before.since_at_least)
        # an unchanged finding stays the same object, so that a reader can tell by ``is``
        kept.finding = before if finding == before else finding
        kept.last_seen = now
