"""Replicas of one revision that do not run the same image: a tag that was pushed again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from posdeck.cluster.snapshot import Kind, Pod
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "image-differs"
_Runs = tuple[str, str, str]  # uid of the owner, container, image


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment whose pods of one replica set run different digests under one image name."""
    for name, pods in situation.index.pods_of.items():
        differing = situation.history.remembered(ID, name, (pods,), partial(_differing, pods))
        if differing:
            container, digests = differing
            yield about_deployment(
                situation,
                ID,
                name,
                Severity.RISK,
                f"container {container} runs {len(set(digests.values()))} different images under one name",
                evidence=[(f"pod/{pod} imageID", digest) for pod, digest in sorted(digests.items())[:6]],
                likely="the tag was pushed again, so that new pods run something else than old ones",
                pods=digests,
            )


def _differing(pods: Sequence[Pod]) -> tuple[str, dict[str, str]] | None:
    """The first container with more than one digest, and the digest of each pod."""
    first: dict[_Runs, str] = {}
    for pod in pods:
        for container in pod.containers:
            if container.image_id and container.state == "running":
                runs = (pod.owner.uid if pod.owner else "", container.name, container.image)
                seen = first.setdefault(runs, container.image_id)
                if seen != container.image_id and _digest(seen) != _digest(container.image_id):
                    return container.name, _digests(pods, runs)
    return None


def _digest(image_id: str) -> str:
    return image_id.rpartition("@")[2]


def _digests(pods: Sequence[Pod], runs: _Runs) -> dict[str, str]:
    """What each pod of one owner runs in one container under one image name."""
    return {
        pod.name: _digest(each.image_id)
        for pod in pods
        for each in pod.containers
        if each.image_id
        and each.state == "running"
        and (pod.owner.uid if pod.owner else "", each.name, each.image) == runs
    }


RULE = Rule(ID, find, (Kind.PODS, Kind.DEPLOYMENTS), 60.0)
