"""An HPA whose maximum is close to the most replicas that it needed so far."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.hpas import about_hpa
from posdeck.findings.model import Confidence, Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

SHARE = 0.8


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per HPA that was seen at four fifths of its maximum or beyond."""
    for hpa in situation.snapshot.hpas.values():
        peak = situation.history.peak(hpa.name)
        if hpa.maximum > hpa.minimum and peak >= SHARE * hpa.maximum and peak > hpa.minimum:
            yield about_hpa(
                situation,
                "hpa-headroom",
                hpa,
                Severity.RISK,
                f"needed {peak} replicas at its peak, its maximum is {hpa.maximum}",
                more=[("most replicas seen", str(peak))],
                confidence=Confidence.MEDIUM,
            )


RULE = Rule("hpa-headroom", find, (Kind.HPAS,))
