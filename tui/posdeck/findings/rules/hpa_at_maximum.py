"""An HPA that wants more replicas than it may have."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Hpa, Kind
from posdeck.findings.hpas import about_hpa, condition, over_target
from posdeck.findings.model import Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "hpa-at-maximum"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per HPA that is held at its maximum while a metric asks for more."""
    for hpa in situation.snapshot.hpas.values():
        limited = condition(hpa, "ScalingLimited")
        if not _wants_more(hpa):
            continue
        yield about_hpa(
            situation,
            ID,
            hpa,
            Severity.WARNING,
            f"held at its maximum of {hpa.maximum} replicas and wants more ({hpa.targets})",
            since=limited.changed_at if limited and limited.reason == "TooManyReplicas" else None,
            likely="more load than the maximum is made for",
        )


def _wants_more(hpa: Hpa) -> bool:
    limited = condition(hpa, "ScalingLimited")
    if hpa.maximum <= 0 or hpa.minimum >= hpa.maximum:
        return False
    if limited is not None and limited.status == "True" and limited.reason == "TooManyReplicas":
        return True
    return hpa.current is not None and hpa.current >= hpa.maximum and bool(over_target(hpa))


RULE = Rule(ID, find, (Kind.HPAS,), 30.0, linger=60.0)
