"""An HPA and somebody else who both set the replicas of one deployment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from posdeck.cluster.snapshot import Kind
from posdeck.findings.hpas import about_hpa
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "hpa-fights-scaling"
WINDOW = timedelta(minutes=10)
TURNS = 3  # up and down again more than once


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per HPA whose target is outside its bounds, or goes up and down again and again."""
    for hpa in situation.snapshot.hpas.values():
        target = situation.snapshot.deployments.get(hpa.target_name)
        if hpa.target_kind != "Deployment" or target is None or target.desired == 0:
            continue
        outside = not hpa.minimum <= target.desired <= hpa.maximum
        turns = situation.history.direction_changes(target.name, situation.now, WINDOW)
        if not outside and turns < TURNS:
            continue
        text = (
            f"{situation.short(target.name)} was set to {target.desired} replicas, outside {hpa.minimum} to {hpa.maximum}"
            if outside
            else f"the replicas turned {turns} times within ten minutes"
        )
        yield about_hpa(
            situation,
            ID,
            hpa,
            Severity.WARNING,
            text,
            likely="somebody, or another controller, scales the deployment by hand",
            more=[("spec.replicas", str(target.desired)), ("changes of direction in 10 min", str(turns))],
            confidence=Confidence.MEDIUM,
        )


RULE = Rule(ID, find, (Kind.HPAS, Kind.DEPLOYMENTS), 45.0)
