"""The trace pipeline: the collectors' own metrics, asked for while somebody looks, and their past where a Prometheus
keeps it. What cannot be read from the collector itself is taken from Prometheus, and said to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError
from posdeck.operations.charts import POINTS, Plot, past_of
from posdeck.operations.forward_ports import pods_of
from posdeck.operations.ways import ask_pod
from posdeck.telemetry.collector import (
    COUNTERS,
    GAUGES,
    Counts,
    TraceNumbers,
    TraceState,
    counts_of,
    judge_traces,
    numbers_between,
    together,
)
from posdeck.telemetry.exposition import parse
from posdeck.telemetry.reading import Absence, Reading, missing

if TYPE_CHECKING:
    from posdeck.catalogue.model import Catalogue, Workload
    from posdeck.clock import Clock
    from posdeck.cluster.snapshot import Pod
    from posdeck.cluster.transport import Transport
    from posdeck.operations.view import View
    from posdeck.telemetry.prometheus import Prometheus

METRICS_PORT = 8888  # the collector's own default
APART = 2.0  # seconds between two looks at least
KEPT = 600.0  # seconds for which an earlier look is one to compare with
MOST_PODS = 3
WINDOW = "120s"


@dataclass(frozen=True, slots=True)
class TracingView:
    """The pipeline at one moment. ``problem`` is why its own metrics could not be read; the numbers are then
    Prometheus' or missing."""

    name: str  # the collector's short name; empty where the catalogue knows none
    state: TraceState
    because: str
    numbers: TraceNumbers = TraceNumbers()
    source: str = ""
    problem: str = ""
    pods: tuple[str, ...] = ()
    plots: tuple[Plot, ...] = ()
    start: float = 0.0
    end: float = 0.0


@dataclass(slots=True)
class Tracing:
    """Reads the collectors of one environment; ``source`` is its Prometheus, where there is one."""

    catalogue: Catalogue
    clock: Clock
    transport: Callable[[], Transport | None]
    source: Callable[[], Prometheus | None]
    view: Callable[[], View]
    _earlier: dict[str, Counts] = field(default_factory=dict)  # by the pod's UID

    def collector(self) -> Workload | None:
        """The workload that others send their traces to."""
        names = {w.sends_traces_to for w in self.catalogue.workloads.values() if w.sends_traces_to}
        return next((w for w in self.catalogue.workloads.values() if w.name in names), None)

    async def read(self, seconds: float) -> TracingView:
        """The numbers now and the plots of the last ``seconds``. Never raises for what cannot be read."""
        collector = self.collector()
        end = self.clock.now().timestamp()
        if collector is None:
            nothing = "the inventory names no collector (sends_traces_to)"
            return TracingView("", TraceState.CANNOT_TELL, nothing, start=end - seconds, end=end)
        found, plots = await asyncio.gather(self._now(collector), self._past(end, seconds))
        return replace(found, plots=plots, start=end - seconds, end=end)

    async def _now(self, collector: Workload) -> TracingView:
        pods = [p for p in pods_of(self.view().snapshot, "deployment", collector.deployment) if _ready(p)]
        source = f"{collector.name}'s own metrics"
        try:
            numbers = await self._own(collector, pods, source)
        except PosdeckError as error:
            return await self._by_prometheus(collector, str(error), tuple(p.name for p in pods))
        state, because = judge_traces(numbers)
        return TracingView(collector.name, state, because, numbers, source, pods=tuple(p.name for p in pods))

    async def _own(self, collector: Workload, pods: list[Pod], source: str) -> TraceNumbers:
        transport = self.transport()
        if transport is None:
            raise PosdeckError(collector.name, "posdeck is not connected yet", "Wait for the connection.")
        if not pods:
            raise PosdeckError(collector.name, "no pod of it is ready", "Look at its pods.")
        asked = pods[:MOST_PODS]
        if any(self._compared(p) is None for p in asked):
            for pod, counts in zip(asked, await self._look(transport, collector, asked), strict=True):
                self._earlier[pod.uid] = counts
            await self.clock.sleep(APART)
        before = [self._earlier[p.uid] for p in asked]
        now = await self._look(transport, collector, asked)
        if min(n.at - b.at for n, b in zip(now, before, strict=True)) >= APART / 2:
            self._earlier = {p.uid: counts for p, counts in zip(asked, now, strict=True)}
        return numbers_between(together(before), together(now), source)

    def _compared(self, pod: Pod) -> Counts | None:
        """The earlier look at a pod that is still one to compare with."""
        found = self._earlier.get(pod.uid)
        return found if found is not None and self.clock.now().timestamp() - found.at <= KEPT else None

    async def _look(self, transport: Transport, collector: Workload, pods: list[Pod]) -> list[Counts]:
        port = collector.ports.get("metrics", METRICS_PORT)

        async def one(pod: Pod) -> Counts:
            namespace = self.catalogue.environment.namespace
            body = await ask_pod(transport, self.clock, namespace, pod.name, port, "/metrics")
            return counts_of(parse(body, f"{pod.name}:{port}/metrics"), self.clock.now().timestamp())

        return list(await asyncio.gather(*(one(pod) for pod in pods)))

    async def _by_prometheus(self, collector: Workload, problem: str, pods: tuple[str, ...]) -> TracingView:
        source = self.source()
        if source is None:
            return TracingView(collector.name, TraceState.CANNOT_TELL, problem, problem=problem, pods=pods)
        asked = {name: f"sum(rate({metric}[{WINDOW}]))" for name, metric in COUNTERS.items()}
        asked |= {name: f"sum({metric})" for name, metric in GAUGES.items()}
        asked["growth"] = f"sum(delta({GAUGES['queued']}[{WINDOW}])) / {WINDOW.removesuffix('s')}"
        readings = await asyncio.gather(*(self._one(source, query) for query in asked.values()))
        found: Mapping[str, Reading] = dict(zip(asked, readings, strict=True))
        numbers = TraceNumbers(**found)
        state, because = judge_traces(numbers)
        return TracingView(collector.name, state, because, numbers, source.name, problem, pods)

    async def _one(self, source: Prometheus, query: str) -> Reading:
        try:
            samples = await source.query(query)
        except PosdeckError as error:
            return missing(Absence.UNREACHABLE, str(error), source=source.name, query=query)
        if len(samples) != 1 or samples[0].value is None:
            reason = f"{source.name} has no number for {query}"
            return missing(Absence.NO_SERIES, reason, source=source.name, query=query)
        return Reading(samples[0].value, "", samples[0].at, source.name, query)

    async def _past(self, end: float, seconds: float) -> tuple[Plot, ...]:
        source, step = self.source(), seconds / POINTS
        window = f"{max(120, round(4 * step))}s"
        named = {
            name: f"sum(rate({metric}[{window}]))" for name, metric in COUNTERS.items() if name != "dropped"
        }
        spans = [past_of(source, query, name, end, seconds, step) for name, query in named.items()]
        fill = past_of(source, f"sum({GAUGES['queued']})", "queued", end, seconds, step)
        capacity = past_of(source, f"sum({GAUGES['capacity']})", "capacity", end, seconds, step)
        queued, most, *rates = await asyncio.gather(fill, capacity, *spans)
        return (
            Plot("Spans", "a second", tuple(rates)),
            Plot("Export queue", "batches", (queued, most)),
        )


def _ready(pod: Pod) -> bool:
    return (
        pod.phase == "Running"
        and pod.deleted_at is None
        and all(c.ready for c in pod.containers if not c.init)
    )
