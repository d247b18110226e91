"""What a fault is: the record that asks for one, the scene it acts in, and the hooks by which it disturbs the cluster.

A fault is an ``Effect``: neutral hooks that the load model, the API server and the kubelets ask. It ends when its own
``cured`` says so, or when it is cleared (somebody outside mended it); nothing else ends it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from posdeck.simulator.controllers.behaviour import Behaviour
from posdeck.simulator.seed import DeploymentSeed, Seed
from posdeck.simulator.world import World

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What to inject: a kind from ``KINDS``, the full name of a deployment ("" for the whole namespace)."""

    kind: str
    target: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an effect may know and touch: the pods of a deployment (uid -> pod), a way to write into their logs, the
    cluster's objects, and a way to end the containers of a pod as a kubelet does (pod, reason, exit code)."""

    seed: Seed
    rng: random.Random
    pods: Callable[[str], Mapping[str, Json]]
    say: Callable[[Json, str, str], None]  # pod, level, text
    world: World
    restart: Callable[[Json, str, int], None]


class CollectorTrouble(StrEnum):
    """What the trace collector does with spans."""

    NONE = ""
    REFUSES = "refuses"
    CANNOT_EXPORT = "cannot-export"


class Effect:
    """An injected fault. Every hook here is neutral; a kind overrides what it disturbs."""

    def __init__(self, fault: Fault, scene: Scene, since: datetime) -> None:
        self.fault = fault
        self.scene = scene
        self.since = since

    def begin(self) -> None:
        """Called once, at the injection."""

    def tick(self, now: datetime) -> None:
        """Called every second while the fault lasts."""

    def end(self) -> None:
        """Called once, when somebody outside mended it."""

    def cured(self) -> bool:
        """Whether the right thing was done in the cluster."""
        return False

    def consuming(self, pod: Json) -> bool:
        """Whether the pod's channel to its queue is open."""
        return True

    def service_factor(self, pod: Json) -> float:
        """What the pod's speed is multiplied with; 0 takes messages and never acknowledges them."""
        return 1.0

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        """What the arrivals of a workload's queue, or the requests to the API, are multiplied with."""
        return 1.0

    def failing_share(self, workload: DeploymentSeed) -> float:
        """The share of handled messages, or of answered requests, that end in an error."""
        return 0.0

    def returned_share(self, workload: DeploymentSeed) -> float:
        """The share of a consumer's work that goes into messages that go back to the queue and come again."""
        return 0.0

    def latency_factor(self, workload: DeploymentSeed) -> float:
        """What the API's time to answer is multiplied with."""
        return 1.0

    def publishing(self, workload: DeploymentSeed) -> bool:
        """Whether a publisher publishes."""
        return True

    def collector(self) -> CollectorTrouble:
        """What the trace collector suffers from."""
        return CollectorTrouble.NONE

    def silent(self, pod: Json) -> bool:
        """Whether the pod writes no ordinary lines."""
        return False

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        """How the pod's containers behave when they are started."""
        return behaviour

    def last_words(self, pod: Json) -> str:
        """What the program writes before it ends by itself; "" leaves it to the narrator."""
        return ""

    def refuses(self, pod: Json) -> str:
        """Why the API server refuses to create this pod; "" when it does not."""
        return ""

    def metrics(self) -> bool:
        """Whether the metrics API answers."""
        return True


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the registry."""

    name: str
    summary: str
    effect: type[Effect]
    needs_queue: bool = False
    needs_target: bool = False
