"""How the containers of a pod behave when they are started: how long things take, and what goes wrong.

A seeded workload says it in its seed; for other pods the image's tag may ask for trouble (``app:broken``), so that
tests and drills can make faults with nothing but an image name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from posdeck.simulator.controllers.rollout import HASH_LABEL
from posdeck.simulator.seed import DeploymentSeed, Seed

Json = dict[str, Any]


class Outcome(StrEnum):
    """What becomes of a started container."""

    RUNS = "runs"
    NO_IMAGE = "no-image"
    NO_CONFIG = "no-config"
    CRASHES = "crashes"
    OUT_OF_MEMORY = "out-of-memory"
    NEVER_READY = "never-ready"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Seconds and outcome of one start."""

    pull_seconds: float = 0.8
    startup_seconds: float = 1.5
    shutdown_seconds: float = 1.0
    lives_seconds: float = 2.5  # of a container that ends by itself
    outcome: Outcome = Outcome.RUNS
    lacks: str = ""  # what is missing, as the kubelet words it


BY_TAG: dict[str, Outcome] = {
    "broken": Outcome.NO_IMAGE,
    "missing": Outcome.NO_IMAGE,
    "does-not-exist": Outcome.NO_IMAGE,
    "crash": Outcome.CRASHES,
    "oom": Outcome.OUT_OF_MEMORY,
    "never-ready": Outcome.NEVER_READY,
}


def workload_of(seed: Seed, pod: Json) -> DeploymentSeed | None:
    """The seeded deployment a pod belongs to, by its owner's name; None for others."""
    meta = pod["metadata"]
    if meta.get("namespace") != seed.namespace:
        return None
    mark = (meta.get("labels") or {}).get(HASH_LABEL, "")
    for owner in meta.get("ownerReferences") or ():
        if owner.get("kind") == "ReplicaSet":
            return seed.deployment(owner["name"].removesuffix(f"-{mark}"))
    return None


def tag_of(image: str) -> str:
    """The tag of an image reference."""
    return image.rpartition("/")[2].partition(":")[2].partition("@")[0]


Disturbance = Callable[[Json, Behaviour], Behaviour]


class Behaviours:
    """Answers for a pod how it will behave; faults may change the answer."""

    def __init__(self, seed: Seed) -> None:
        self._seed = seed
        self.disturbances: list[Disturbance] = []

    def of(self, pod: Json) -> Behaviour:
        """The behaviour of ``pod`` when its containers are started now."""
        workload = workload_of(self._seed, pod)
        behaviour = Behaviour()
        if workload is not None:
            behaviour = Behaviour(1.2, workload.startup_seconds, workload.shutdown_seconds)
        for container in pod["spec"].get("containers") or ():
            tag = tag_of(container.get("image", ""))
            if tag in BY_TAG:
                behaviour = replace(behaviour, outcome=BY_TAG[tag])
        for disturb in self.disturbances:
            behaviour = disturb(pod, behaviour)
        return behaviour
