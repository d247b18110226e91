"""One pod of several does nothing while its siblings work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from statistics import median

from posdeck.cluster.snapshot import Kind, Pod, Usage
from posdeck.findings.model import Confidence, Finding
from posdeck.findings.queues import consumers
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of

ID = "pod-hung"
HOLD = 120.0
SHARE = 0.2  # of what its siblings use; an idle program still polls, answers probes and cleans up
BUSY = 0.02  # cores that the siblings must use for the comparison to mean anything


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per consumer with several pods of which some use next to no CPU while there is work: messages
    wait, or are held and not acknowledged (the siblings may carry the load, so that none waits)."""
    usage = situation.snapshot.pod_usage
    for workload, facts in consumers(situation):
        waiting, held = facts.waiting.value or 0.0, facts.unacknowledged.value or 0.0
        if waiting <= 0 and held <= 0:
            continue
        pods = situation.pods_of(workload.deployment)
        used, idle = situation.history.remembered(
            ID, workload.name, (pods, usage), partial(_idle, pods, usage)
        )
        if not idle:
            continue
        yield about_deployment(
            situation,
            ID,
            workload.deployment,
            situation.severity(workload.deployment, down=False),
            f"{count_of(len(idle), len(used), 'pod')}: next to no CPU used while the others work",
            evidence=[
                *((f"pod/{pod} cpu", f"{cpu * 1000:.0f}m") for pod, cpu in sorted(used.items())),
                ("waiting messages", f"{waiting:.0f}"),
                ("unacknowledged messages", f"{held:.0f}"),
            ],
            likely="the program hangs in this pod, or has lost its channel to the queue",
            confidence=Confidence.LOW,
            pods=idle,
        )


def _idle(pods: Sequence[Pod], usage: Mapping[str, Usage]) -> tuple[dict[str, float], list[str]]:
    """The CPU that each ready pod uses, and those that use next to none while the others work."""
    used = {p.name: usage[p.name].cpu for p in pods if p.name in usage and p.is_ready}
    if len(used) < 2:
        return used, []
    usual = median(sorted(used.values())[len(used) // 2 :])
    idle = [pod for pod, cpu in used.items() if cpu < SHARE * usual]
    return used, [] if usual < BUSY or len(idle) * 2 > len(used) else idle


RULE = Rule(ID, find, (Kind.PODS, Kind.POD_METRICS), HOLD)
