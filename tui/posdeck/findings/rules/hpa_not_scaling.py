"""An HPA whose metric is above its target while nothing happens, although it has room."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Hpa, Kind
from posdeck.findings.hpas import about_hpa, condition, over_target
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import one_line

ID = "hpa-not-scaling"
HOLD = 180.0  # seconds; the controller looks every fifteen, and readings are up to a minute old


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per HPA that should add replicas and does not."""
    for hpa in situation.snapshot.hpas.values():
        over = over_target(hpa)
        if not over or not _has_room(hpa) or _explained(hpa):
            continue
        metrics = ", ".join(f"{m.name or m.type} {m.current} of {m.target}" for m in over)
        yield about_hpa(
            situation,
            ID,
            hpa,
            Severity.WARNING,
            f"stays at {hpa.current} of up to {hpa.maximum} replicas although {one_line(metrics, 80)} is over target",
            likely="a long stabilization window, a policy that forbids scaling up, or a controller that is down",
            confidence=Confidence.MEDIUM,
        )


def _has_room(hpa: Hpa) -> bool:
    return hpa.current is not None and hpa.current < hpa.maximum and (hpa.desired or 0) <= hpa.current


def _explained(hpa: Hpa) -> bool:
    found = (condition(hpa, "AbleToScale"), condition(hpa, "ScalingActive"))
    return any(each is not None and each.status == "False" for each in found)


RULE = Rule(ID, find, (Kind.HPAS,), HOLD, linger=30.0)
