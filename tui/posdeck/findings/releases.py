"""Whether trouble began with a release: then going back answers it, whatever the pods die of."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from posdeck.cluster.snapshot import ReplicaSet
from posdeck.findings.model import Finding
from posdeck.findings.situation import Situation

SOON = timedelta(minutes=30)  # what begins later after a release is not laid at its door
SLACK = timedelta(seconds=5)  # the times of the cluster are whole seconds, and of several clocks
# what a bad release looks like from outside; queues and outside systems have causes of their own
CONCERNED = frozenset(
    {
        "pod-image-missing",
        "pod-config-missing",
        "pod-start-failed",
        "pod-pending",
        "pod-out-of-memory",
        "pod-probe-failing",
        "pod-crash-looping",
        "pod-not-ready",
        "restarts-rising",
        "rollout-stuck",
        "deployment-unavailable",
        "deployment-degraded",
    }
)


def with_release(finding: Finding, situation: Situation) -> Finding:
    """The finding with the release that it began with, where there is one."""
    if finding.id not in CONCERNED or finding.since is None or len(finding.workloads) != 1:
        return finding
    released = latest_release(situation, finding.workloads[0])
    if released is None or released.created is None:
        return finding
    after = finding.since - released.created
    if not -SLACK <= after <= SOON:
        return finding
    shown = f"revision {released.revision} of {released.created:%H:%M:%S}Z"
    return replace(
        finding, released=released.created, evidence=(*finding.evidence, ("began after the release", shown))
    )


def latest_release(situation: Situation, deployment: str) -> ReplicaSet | None:
    """The replica set of the newest revision that changed more than a restart does; None without one before it."""
    sets = situation.sets_of(deployment)
    for newer, older in pairwise(sets):
        restarted = newer.restarted_at != older.restarted_at
        changed = newer.containers != older.containers
        if changed or (newer.template_hash != older.template_hash and not restarted):
            return newer
    return None
