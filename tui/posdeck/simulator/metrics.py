"""metrics.k8s.io: what a metrics-server would have scraped, every fifteen seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from posdeck.simulator.controllers.hpa import Usage
from posdeck.simulator.jsontree import dig
from posdeck.simulator.resources import NODES, PODS
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import World, iso

Json = dict[str, Any]

SCRAPE_SECONDS = 15.0
SYSTEM_CPU, SYSTEM_MEMORY = 0.12, 900 << 20  # what a node uses besides our pods


def _cpu(cores: float) -> str:
    return f"{round(cores * 1e9)}n"


def _memory(size: int) -> str:
    return f"{size // 1024}Ki"


class MetricsServer:
    """The last scrape. ``answers`` is False while a fault takes the readings away."""

    name = "metrics"

    def __init__(
        self, world: World, usage: Callable[[Json], Usage | None], answers: Callable[[], bool]
    ) -> None:
        self._world = world
        self._usage = usage
        self._answers = answers
        self._scraped: dict[str, Usage] = {}
        self._at: datetime | None = None

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        return [("", "scrape")] if kind == NODES.key and change.type == "ADDED" else []

    def reconcile(self, key: Key) -> float | None:
        found = ((pod["metadata"]["uid"], self._usage(pod)) for pod in self._world.store.each(PODS.key))
        self._scraped = {uid: usage for uid, usage in found if usage is not None}
        self._at = self._world.clock.now()
        return SCRAPE_SECONDS

    def measured(self, pod: Json) -> Usage | None:
        """The last reading of a pod; None when there is none."""
        return self._scraped.get(pod["metadata"]["uid"]) if self._answers() else None

    def pods(self, namespace: str) -> list[Json]:
        """PodMetrics of a namespace ("" is all)."""
        found = []
        for pod in self._world.store.all(PODS.key, namespace):
            usage = self.measured(pod)
            if usage is None or self._at is None:
                continue
            names = [c["name"] for c in pod["spec"]["containers"]]
            share = [1.0] if len(names) == 1 else [0.9, *([0.1 / (len(names) - 1)] * (len(names) - 1))]
            containers = [
                {
                    "name": name,
                    "usage": {"cpu": _cpu(usage.cpu * part), "memory": _memory(int(usage.memory * part))},
                }
                for name, part in zip(names, share, strict=True)
            ]
            meta = pod["metadata"]
            found.append(
                {
                    "kind": "PodMetrics",
                    "apiVersion": "metrics.k8s.io/v1beta1",
                    "metadata": {
                        "name": meta["name"],
                        "namespace": meta["namespace"],
                        "creationTimestamp": iso(self._world.clock.now()),
                        "labels": dict(meta.get("labels") or {}),
                    },
                    "timestamp": iso(self._at),
                    "window": "15s",
                    "containers": containers,
                }
            )
        return found

    def nodes(self, _namespace: str = "") -> list[Json]:
        """NodeMetrics."""
        if not self._answers() or self._at is None:
            return []
        sums: dict[str, list[float]] = {}
        for pod in self._world.store.each(PODS.key):
            usage = self._scraped.get(pod["metadata"]["uid"])
            if usage is not None and dig(pod, "spec", "nodeName"):
                total = sums.setdefault(pod["spec"]["nodeName"], [0.0, 0.0])
                total[0] += usage.cpu
                total[1] += usage.memory
        found = []
        for node in self._world.store.all(NODES.key):
            cpu, memory = sums.get(node["metadata"]["name"], [0.0, 0.0])
            usage_now = {"cpu": _cpu(cpu + SYSTEM_CPU), "memory": _memory(int(memory) + SYSTEM_MEMORY)}
            found.append(
                {
                    "kind": "NodeMetrics",
                    "apiVersion": "metrics.k8s.io/v1beta1",
                    "metadata": {
                        "name": node["metadata"]["name"],
                        "labels": dict(node["metadata"]["labels"]),
                        "creationTimestamp": iso(self._world.clock.now()),
                    },
                    "timestamp": iso(self._at),
                    "window": "15s",
                    "usage": usage_now,
                }
            )
        return found
