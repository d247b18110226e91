"""A liveness or startup probe that fails, so that the kubelet restarts a container that may be well."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Event, Kind
from posdeck.findings.model import Finding
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.findings.wording import count_of, quoted

ID = "pod-probe-failing"
RECENT = 180.0  # seconds
LEAST = 3  # failures in a row are what the kubelet's default waits for


def find(situation: Situation) -> Iterator[Finding]:
    """One finding per deployment whose pods' liveness or startup probes failed repeatedly and lately."""
    grouped: dict[str, list[tuple[str, Event]]] = {}
    for (kind, pod), events in situation.index.warnings.items():
        owner = situation.index.deployment_of(pod) if kind == "Pod" else None
        for event in events if owner else ():
            if _fails(situation, event) and owner:
                grouped.setdefault(owner, []).append((pod, event))
    for name, found in grouped.items():
        pods = sorted({pod for pod, _ in found})
        firsts = [e.first_seen for _, e in found if e.first_seen is not None]
        yield about_deployment(
            situation,
            ID,
            name,
            situation.severity(name, down=situation.is_down(name)),
            f"{count_of(len(pods), len(situation.pods_of(name)), 'pod')}: {quoted(found[0][1].message)}",
            since=min(firsts, default=None),
            evidence=[(f"event {e.name}", f"{e.count}x {quoted(e.message)}") for _, e in found[:6]],
            likely="the program hangs or is too slow for the probe's timeout",
            pods=pods,
        )


def _fails(situation: Situation, event: Event) -> bool:
    ago = situation.seconds_since(event.last_seen)
    said = event.message.lower()
    about_probe = event.reason == "Unhealthy" and ("liveness" in said or "startup" in said)
    return about_probe and event.count >= LEAST and ago is not None and ago <= RECENT


RULE = Rule(ID, find, (Kind.EVENTS, Kind.PODS), 0.0, linger=60.0)
