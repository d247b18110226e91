"""Many warnings about one object within minutes: something is wrong even where no other rule knows what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.reporting import about_object
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted

ID = "warning-events-burst"
WINDOW = timedelta(minutes=5)
MANY = 20


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per object with many warnings, counted while watching."""
    for kind, name in situation.history.warned_about():
        count = situation.history.warnings_in((kind, name), situation.now, WINDOW)
        if count < MANY:
            continue
        events = situation.warnings(kind, name)
        reasons = Counter({e.reason: e.count for e in events}).most_common(3)
        owner = (
            situation.index.deployment_of(name) if kind == "Pod" else name if kind == "Deployment" else None
        )
        yield about_object(
            ID,
            kind,
            name,
            Severity.INFO,
            f"{count} warnings within five minutes ({', '.join(r for r, _ in reasons) or 'gone by now'})",
            short=situation.short(owner) if owner else name,
            evidence=[(f"event {e.reason}", f"{e.count}x {quoted(e.message)}") for e in events[:5]],
            confidence=Confidence.LOW,
            workloads=(owner,) if owner else (),
        )


RULE = Rule(ID, find, (Kind.EVENTS,), 0.0, linger=60.0)
