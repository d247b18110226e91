"""An HPA that cannot read or change the scale of its target."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.hpas import about_hpa, condition
from posdeck.findings.model import Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import quoted

ID = "hpa-cannot-scale"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per HPA whose AbleToScale is false."""
    for hpa in situation.snapshot.hpas.values():
        able = condition(hpa, "AbleToScale")
        if able is not None and able.status == "False":
            yield about_hpa(
                situation,
                ID,
                hpa,
                Severity.WARNING,
                f"cannot scale {situation.short(hpa.target_name)}: {quoted(able.message) or able.reason}",
                since=able.changed_at,
                likely="its target does not exist or has another name, or the controller may not change it",
            )


RULE = Rule(ID, find, (Kind.HPAS,), 15.0)
