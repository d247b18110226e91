"""A rollout that does not come to its end: its deadline has passed, or its new pods fail while old ones serve."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.rules.deployment_unavailable import counts
from posdeck.findings.situation import Situation

FAILING = (
    "pod-image-missing",
    "pod-config-missing",
    "pod-start-failed",
    "pod-crash-looping",
    "pod-out-of-memory",
    "pod-pending",
    "pod-not-ready",
)
HOLD = 0.0  # the signs of the pods have lasted as long as each needs


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose rollout is stuck; a paused one is another rule's."""
    for deployment in situation.wanted():
        if deployment.paused:
            continue
        failing = [] if deployment.rollout_done else _failing_new_pods(situation, deployment)
        progressing = next((c for c in deployment.conditions if c.type == "Progressing"), None)
        late = progressing is not None and progressing.reason == "ProgressDeadlineExceeded"
        if not late and not failing:
            continue
        serving = f"{deployment.available} of {deployment.desired} pods still serve"
        deadline = f"{deployment.progress_deadline} s" if deployment.progress_deadline else "its deadline"
        text = (
            f"the rollout has made no progress for {deadline}; {serving}"
            if late
            else f"the new pods of the rollout fail ({len(failing)}); {serving}"
        )
        sets = situation.sets_of(deployment.name)
        yield about_deployment(
            situation,
            "rollout-stuck",
            deployment.name,
            situation.severity(deployment.name, down=True) if deployment.available <= 0 else Severity.WARNING,
            text,
            since=progressing.changed_at if late and progressing else None,
            evidence=[
                *counts(deployment),
                ("revision", str(deployment.revision) if deployment.revision is not None else "not said"),
                ("newest replica set", sets[0].name if sets else "not known"),
            ],
            likely="the last release: its pods do not become ready",
            pods=failing,
        )


def _failing_new_pods(situation: Situation, deployment: Deployment) -> list[str]:
    """The pods of the newest revision that show a reason why they will not become ready."""
    sets = situation.sets_of(deployment.name)
    if len(sets) < 2 or not any(old.replicas > 0 for old in sets[1:]):
        return []  # nothing is being replaced
    newest = sets[0].uid
    new = {p.name for p in situation.pods_of(deployment.name) if p.owner and p.owner.uid == newest}
    return sorted(
        {pod for rule in FAILING for pod in situation.signs.of(rule, deployment.name) if pod in new}
    )


RULE = Rule("rollout-stuck", find, (Kind.DEPLOYMENTS,), HOLD)
