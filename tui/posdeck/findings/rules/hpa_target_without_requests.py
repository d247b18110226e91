"""An HPA on a share of what the pods request, over pods that request nothing."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Hpa, Kind
from posdeck.findings.hpas import about_hpa, condition
from posdeck.findings.model import Finding, Severity
from posdeck.findings.rule import Rule
from posdeck.findings.rules.hpa_without_metrics import NO_REQUEST
from posdeck.findings.situation import Situation

ID = "hpa-target-without-requests"


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per HPA whose target leaves out the request that its metric is measured against."""
    for hpa in situation.snapshot.hpas.values():
        missing = _missing(situation, hpa)
        if not missing:
            continue
        active = condition(hpa, "ScalingActive")
        yield about_hpa(
            situation,
            ID,
            hpa,
            Severity.WARNING,
            f"its target requests no {' and no '.join(missing)}, so a share of it cannot be measured",
            since=active.changed_at if active and active.status == "False" else None,
            likely="the pod template lacks resources.requests in a container",
            more=[("requests missing", ", ".join(missing))],
        )


def _missing(situation: Situation, hpa: Hpa) -> list[str]:
    found = _missing_in_template(situation, hpa)
    active = condition(hpa, "ScalingActive")
    if not found and active is not None and active.status == "False" and NO_REQUEST in active.message:
        named = active.message.partition(NO_REQUEST)[2].split()
        found.append(named[0] if named else "resource")
    return found


def _missing_in_template(situation: Situation, hpa: Hpa) -> list[str]:
    """The resources that a running container neither requests nor limits (a limit stands in for a request)."""
    target = situation.snapshot.deployments.get(hpa.target_name)
    if target is None or hpa.target_kind != "Deployment" or not situation.sees(Kind.DEPLOYMENTS):
        return []
    running = [c.resources for c in target.containers if not c.init or c.sidecar]
    requests: dict[str, list[float | int | None]] = {
        "cpu": [r.cpu_request if r.cpu_request is not None else r.cpu_limit for r in running],
        "memory": [r.memory_request if r.memory_request is not None else r.memory_limit for r in running],
    }
    shares = [m.name for m in hpa.metrics if m.target_kind == "Utilization" and m.type == "Resource"]
    return [name for name in shares if None in requests.get(name, [])]


RULE = Rule(ID, find, (Kind.HPAS,))
