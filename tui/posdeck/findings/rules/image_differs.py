"""Replicas of one revision that do not run the same image: a tag that was pushed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from posdeck.cluster.snapshot import Kind, Pod
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment whose pods of one replica set run different digests under one image name."""
    known = situation.history.kept("image-differs")
    for name, pods in situation.index.pods_of.items():
        if name not in known or known[name][0] is not pods:
            known[name] = (pods, _differing(pods))
        differing = known[name][1]
        if differing:
            container, digests = differing
            yield about_deployment(
                situation,
                "image-differs",
                name,
                Severity.RISK,
                f"container {container} runs {len(set(digests.values()))} different images under one name",
                evidence=[(f"pod/{pod} imageID", digest) for pod, digest in sorted(digests.items())[:6]],
                likely="the tag was pushed again, so that new pods run something else than old ones",
                pods=digests,
            )


def _differing(pods: Sequence[Pod]) -> tuple[str, dict[str, str]] | None:
    """The first container with more than one digest, and the digest of each pod."""
    if len(pods) < 2:
        return None
    seen: dict[tuple[str, str, str], dict[str, str]] = {}
    for pod in pods:
        owner = pod.owner.uid if pod.owner else ""
        for container in pod.containers:
            if container.image_id and container.state == "running":
                digest = container.image_id.rpartition("@")[2]
                seen.setdefault((owner, container.name, container.image), {})[pod.name] = digest
    for (_, name, _), digests in seen.items():
        if len(set(digests.values())) > 1:
            return name, digests
    return None


RULE = Rule("image-differs", find, (Kind.PODS, Kind.DEPLOYMENTS), 60.0)
