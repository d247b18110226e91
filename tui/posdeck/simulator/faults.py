"""Faults that can be injected, in one explicit registry, and the hooks through which they act.

A fault is an ``Effect``: neutral hooks that the load model and the kubelets ask. It ends when its own ``cured`` says
so, or when it is cleared; nothing else ends it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from posdeck.errors import UnknownNameError
from posdeck.simulator.controllers.behaviour import Behaviour
from posdeck.simulator.seed import DeploymentSeed, Seed

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """What to inject: a kind from ``KINDS``, the full name of a deployment ("" for the whole namespace)."""

    kind: str
    target: str = ""
    parameters: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What an effect may know: the pods of a deployment (uid -> pod), and a way to write into their logs."""

    seed: Seed
    rng: random.Random
    pods: Callable[[str], Mapping[str, Json]]
    say: Callable[[Json, str, str], None]  # pod, level, text


class Effect:
    """An injected fault. Every hook here is neutral; a kind overrides what it disturbs."""

    def __init__(self, fault: Fault, scene: Scene, since: datetime) -> None:
        self.fault = fault
        self.scene = scene
        self.since = since

    def begin(self) -> None:
        """Called once, at the injection."""

    def cured(self) -> bool:
        """Whether the right thing was done."""
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

    def silent(self, pod: Json) -> bool:
        """Whether the pod writes no ordinary lines."""
        return False

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        """How the pod's containers behave when they are started."""
        return behaviour

    def metrics(self) -> bool:
        """Whether the metrics API answers."""
        return True


class _Stalled(Effect):
    """The pods that there are stop processing; pods made later are sound. Ends when the first have gone."""

    def begin(self) -> None:
        self.afflicted = set(self.scene.pods(self.fault.target))
        for pod in self.scene.pods(self.fault.target).values():
            for level, text in self.last_words():
                self.scene.say(pod, level, text)

    def last_words(self) -> list[tuple[str, str]]:
        """The lines that each log ends in."""
        return []

    def _hit(self, pod: Json) -> bool:
        return pod["metadata"]["uid"] in self.afflicted

    def cured(self) -> bool:
        return not self.afflicted & set(self.scene.pods(self.fault.target))

    def silent(self, pod: Json) -> bool:
        return self._hit(pod)


class ChannelClosed(_Stalled):
    """The broker closed the channel and the program never opened it again: no consumer, yet Running and ready."""

    def last_words(self) -> list[tuple[str, str]]:
        workload = self.scene.seed.deployment(self.fault.target)
        queue = workload.queue.name if workload and workload.queue else "?"
        return [
            (
                "error",
                f'amqp: channel closed queue={queue} code=406 reason="PRECONDITION_FAILED - delivery '
                'acknowledgement on channel 1 timed out"',
            ),
            (
                "warn",
                f"consumer cancelled queue={queue} tag=ctag-1.{self.scene.rng.getrandbits(32):08x}, "
                "waiting for the channel",
            ),
        ]

    def consuming(self, pod: Json) -> bool:
        return not self._hit(pod)


class Hung(_Stalled):
    """The program hangs with messages in its hands: a consumer is there, nothing is acknowledged."""

    def last_words(self) -> list[tuple[str, str]]:
        trace = f"{self.scene.rng.getrandbits(128):032x}"
        return [
            ("warn", f"lock wait for resource=rate_card_cache held_by=self elapsed_ms=30000 trace_id={trace}")
        ]

    def service_factor(self, pod: Json) -> float:
        return 0.0 if self._hit(pod) else 1.0


class Surge(Effect):
    """More arrives than usual: ``factor`` times as much (default 6). Ends only when it is cleared."""

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        hit = not self.fault.target or workload.name == self.fault.target
        return float(self.fault.parameters.get("factor", 6.0)) if hit else 1.0


class MetricsAbsent(Effect):
    """The metrics API has no readings. Ends only when it is cleared."""

    def metrics(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Kind:
    """An entry of the registry."""

    name: str
    summary: str
    effect: type[Effect]
    needs_queue: bool = False


KINDS: tuple[Kind, ...] = (
    Kind(
        "consumer-channel-closed",
        "a consumer stops processing although its pod is running and ready",
        ChannelClosed,
        needs_queue=True,
    ),
    Kind("consumer-hung", "a consumer holds its messages and acknowledges none", Hung, needs_queue=True),
    Kind("arrival-surge", "far more work arrives than usual", Surge),
    Kind("metrics-absent", "the metrics API has no readings", MetricsAbsent),
)


def kind_named(name: str) -> Kind:
    """The entry of that name. Raises UnknownNameError."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    known = ", ".join(kind.name for kind in KINDS)
    raise UnknownNameError(f"fault {name!r}", "no such fault is known", f"The faults are: {known}.")


class Faults:
    """The faults that act now."""

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
        effect = kind.effect(fault, self._scene, now)
        effect.begin()
        self.active.append(effect)
        return effect

    def clear(self, kind: str = "", target: str = "") -> int:
        """End faults by kind and target ("" is every one); how many ended."""
        kept = [
            e for e in self.active if (kind and e.fault.kind != kind) or (target and e.fault.target != target)
        ]
        ended = len(self.active) - len(kept)
        self.active = kept
        return ended

    def settle(self) -> None:
        """Drop the faults that were cured."""
        self.active = [effect for effect in self.active if not effect.cured()]

    def consuming(self, pod: Json) -> bool:
        """See ``Effect.consuming``."""
        return all(effect.consuming(pod) for effect in self.active)

    def silent(self, pod: Json) -> bool:
        """See ``Effect.silent``."""
        return any(effect.silent(pod) for effect in self.active)

    def metrics(self) -> bool:
        """See ``Effect.metrics``."""
        return all(effect.metrics() for effect in self.active)

    def service_factor(self, pod: Json) -> float:
        """See ``Effect.service_factor``."""
        result = 1.0
        for effect in self.active:
            result *= effect.service_factor(pod)
        return result

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        """See ``Effect.arrival_factor``."""
        result = 1.0
        for effect in self.active:
            result *= effect.arrival_factor(workload)
        return result

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        """See ``Effect.behaviour``."""
        for effect in self.active:
            behaviour = effect.behaviour(pod, behaviour)
        return behaviour
