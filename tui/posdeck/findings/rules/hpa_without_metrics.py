"""An HPA that has no reading for its metrics, and so stands still whatever the load."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Hpa, Kind
from posdeck.findings.hpas import about_hpa, condition
from posdeck.findings.model import Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted

ID = "hpa-without-metrics"
HOLD = 60.0  # seconds; a new pod has no reading for a moment
NO_REQUEST = "missing request for"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per HPA whose ScalingActive is false for want of readings."""
    for hpa in situation.snapshot.hpas.values():
        active = condition(hpa, "ScalingActive")
        if not metrics_fail(hpa) or active is None or NO_REQUEST in active.message:
            continue
        without = [m.name for m in hpa.metrics if m.current_number is None]
        yield about_hpa(
            situation,
            ID,
            hpa,
            Severity.WARNING,
            f"cannot read {' and '.join(without) or 'its metrics'}, so it does not scale: "
            f"{quoted(active.message) or active.reason}",
            since=active.changed_at,
            likely="the metrics API does not answer, or has no reading for the pods",
        )


def metrics_fail(hpa: Hpa) -> bool:
    """Whether ScalingActive is false for another reason than a target that was scaled to zero."""
    active = condition(hpa, "ScalingActive")
    return active is not None and active.status == "False" and active.reason != "ScalingDisabled"


RULE = Rule(ID, find, (Kind.HPAS,), HOLD, linger=30.0)
