"""The faults that can be injected, in one explicit registry, and those that act now."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

from posdeck.errors import UnknownNameError
from posdeck.simulator import faults_cluster, faults_consumers, faults_outside, faults_releases
from posdeck.simulator.controllers.behaviour import Behaviour
from posdeck.simulator.faults_model import CollectorTrouble, Effect, Fault, Json, Kind, Scene
from posdeck.simulator.resources import PODS, Resource
from posdeck.simulator.seed import DeploymentSeed
from posdeck.simulator.status import StatusError

__all__ = ["KINDS", "Fault", "Faults", "Scene", "kind_named"]

KINDS: tuple[Kind, ...] = (
    *faults_consumers.KINDS,
    *faults_releases.KINDS,
    *faults_outside.KINDS,
    *faults_cluster.KINDS,
)


def kind_named(name: str) -> Kind:
    """The entry of that name. Raises UnknownNameError."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in KINDS)
    raise UnknownNameError(f"fault {name!r}", "no such fault is known", f"The faults are: {known}.")


class Faults:
    """The faults that act now. Factors multiply, shares add up to at most 1."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.active: list[Effect] = []

    def inject(self, fault: Fault, now: datetime) -> Effect:
        """Start a fault. Raises UnknownNameError for a kind or a target that does not exist."""
        kind = kind_named(fault.kind)
        workload = self._scene.seed.deployment(fault.target)
        if fault.target and workload is None:
            raise UnknownNameError(
                f"deployment {fault.target!r}", "the seed has no deployment of that full name"
            )
        if kind.needs_queue and (workload is None or workload.queue is None):
            raise UnknownNameError(f"fault {kind.name}", "it needs a deployment that reads a queue")
        if kind.needs_target and workload is None:
            raise UnknownNameError(f"fault {kind.name}", "it needs a deployment to strike")
        effect = kind.effect(fault, self._scene, now)
        effect.begin()
        self.active.append(effect)
        return effect

    def clear(self, kind: str = "", target: str = "") -> int:
        """End faults by kind and target ("" is every one); how many ended."""

        def stays(effect: Effect) -> bool:
            fault = effect.fault
            return bool((kind and fault.kind != kind) or (target and fault.target != target))

        over = [effect for effect in self.active if not stays(effect)]
        self.active = [effect for effect in self.active if stays(effect)]
        for effect in over:
            effect.end()
        return len(over)

    def settle(self, now: datetime) -> None:
        """Let a second pass for each fault, and drop those that were cured."""
        self.active = [effect for effect in self.active if not effect.cured()]
        for effect in self.active:
            effect.tick(now)

    def admit(self, resource: Resource, obj: Json) -> None:
        """Raises StatusError (403) where a fault keeps a pod from being created."""
        if resource is not PODS:
            return
        for effect in self.active:
            why = effect.refuses(obj)
            if why:
                name = obj["metadata"]["name"]
                raise StatusError(403, "Forbidden", f'pods "{name}" is forbidden: {why}')

    def consuming(self, pod: Json) -> bool:
        """See ``Effect.consuming``."""
        return all(effect.consuming(pod) for effect in self.active)

    def silent(self, pod: Json) -> bool:
        """See ``Effect.silent``."""
        return any(effect.silent(pod) for effect in self.active)

    def metrics(self) -> bool:
        """See ``Effect.metrics``."""
        return all(effect.metrics() for effect in self.active)

    def publishing(self, workload: DeploymentSeed) -> bool:
        """See ``Effect.publishing``."""
        return all(effect.publishing(workload) for effect in self.active)

    def collector(self) -> CollectorTrouble:
        """See ``Effect.collector``; the first trouble counts."""
        return next((t for e in self.active if (t := e.collector())), CollectorTrouble.NONE)

    def service_factor(self, pod: Json) -> float:
        """See ``Effect.service_factor``."""
        return math.prod(effect.service_factor(pod) for effect in self.active)

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        """See ``Effect.arrival_factor``."""
        return math.prod(effect.arrival_factor(workload) for effect in self.active)

    def latency_factor(self, workload: DeploymentSeed) -> float:
        """See ``Effect.latency_factor``."""
        return math.prod(effect.latency_factor(workload) for effect in self.active)

    def failing_share(self, workload: DeploymentSeed) -> float:
        """See ``Effect.failing_share``."""
        return self._share(lambda effect: effect.failing_share(workload))

    def returned_share(self, workload: DeploymentSeed) -> float:
        """See ``Effect.returned_share``."""
        return self._share(lambda effect: effect.returned_share(workload))

    def _share(self, of: Callable[[Effect], float]) -> float:
        return min(1.0, sum(of(effect) for effect in self.active))

    def last_words(self, pod: Json) -> str:
        """See ``Effect.last_words``."""
        return next((words for e in self.active if (words := e.last_words(pod))), "")

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        """See ``Effect.behaviour``."""
        for effect in self.active:
            behaviour = effect.behaviour(pod, behaviour)
        return behaviour
