"""posdeck without screen, network or real time: a simulated namespace, read and assessed as the console does it, in
simulated seconds. What drills run in and what measures the diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from posdeck.catalogue.model import Catalogue
from posdeck.clock import ManualClock
from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Connection, Feed, FeedState, Kind, Snapshot
from posdeck.findings.consumer_facts import OtherFacts
from posdeck.operations.assessment import Assessment, Assessor
from posdeck.operations.embedded import seed_of
from posdeck.operations.library import RunbookLibrary
from posdeck.operations.namespace_numbers import NamespaceNumbers
from posdeck.operations.numbers import ENVIRONMENT, queue_sources
from posdeck.operations.processing import consumer_view
from posdeck.operations.view import ConsumerView
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed

if TYPE_CHECKING:
    from posdeck.simulator.server import Simulator

POLL = 5.0  # seconds between two assessments
SCRAPE = 15.0  # seconds between two samples of the embedded Prometheus, and so between two readings
PAST = timedelta(minutes=10)  # as much as is ever asked of the embedded Prometheus
SOURCE = "embedded Prometheus"
_KINDS = {
    Kind.PODS: ("pods", "pods"),
    Kind.DEPLOYMENTS: ("apps/deployments", "deployments"),
    Kind.REPLICA_SETS: ("apps/replicasets", "replica_sets"),
    Kind.HPAS: ("autoscaling/horizontalpodautoscalers", "hpas"),
    Kind.SERVICES: ("services", "services"),
    Kind.EVENTS: ("events", "events"),
    Kind.NODES: ("nodes", "nodes"),
}
_ALL = ("nodes",)  # kinds without a namespace


class Rehearsal:
    """One simulated namespace and everything that posdeck makes of it. Nothing moves but by ``advance``."""

    def __init__(
        self, catalogue: Catalogue, library: RunbookLibrary, seed: int, start: datetime, *, logs: bool = False
    ) -> None:
        from posdeck.simulator.server import Simulator

        self.catalogue = catalogue
        self.clock = ManualClock(start)
        self.cluster: Simulator = Simulator(seed_of(catalogue, seed), clock=self.clock)
        self.cluster.fill(logs=logs, past=PAST)
        self._assessor = Assessor(catalogue, self.clock, library)
        self._known: dict[str, tuple[str, Any]] = {}
        client = Prometheus(self._fetch, SOURCE)
        reader = PrometheusQueues(client, self.clock, scrape_seconds=SCRAPE)
        sources = queue_sources(catalogue, ENVIRONMENT, catalogue.environment.telemetry)
        self._queues = QueueFeed(reader, sources, self.clock)
        self.numbers = NamespaceNumbers(client, catalogue)
        self._scraped = 0.0
        self.assessment = Assessment((), (), ())

    async def advance(self, seconds: float, step: float = POLL) -> Assessment:
        """Let so much time pass, in steps after each of which everything is read and assessed."""
        left, longest = seconds, step
        while left > 0:
            step = min(longest, left)
            left -= step
            for _ in range(round(step)):
                self.clock.skip(1.0)
                self.cluster.engine.settle()
            await self._look()
        return self.assessment

    async def _look(self) -> None:
        if self.clock.monotonic() - self._scraped >= SCRAPE or not self._scraped:
            # in between there is nothing new to read
            self._scraped = self.clock.monotonic()
            await self._queues.poll()
            await self.numbers.poll()
        snapshot = self.snapshot()
        other = self.numbers.add_to(OtherFacts(budgets=()))
        self.assessment = self._assessor.assess(snapshot, self._consumers(snapshot), other)

    def snapshot(self) -> Snapshot:
        """The namespace as a feed would have it now."""
        now = self.clock.now()
        fields: dict[str, Mapping[str, Any]] = {}
        for kind, (path, field) in _KINDS.items():
            objects = self.cluster.objects(path, "" if path in _ALL else None)
            fields[field] = self._projected(kind, objects)
        usage = self.cluster.metrics.pods(self.cluster.seed.namespace)
        fields["pod_usage"] = {raw["metadata"]["name"]: project(Kind.POD_METRICS, raw) for raw in usage}
        fields["node_usage"] = {
            raw["metadata"]["name"]: project(Kind.NODE_METRICS, raw) for raw in self.cluster.metrics.nodes()
        }
        return Snapshot(
            revision=1,
            taken_at=now,
            connection=Connection(namespace=self.cluster.seed.namespace),
            feeds={kind: Feed(kind, FeedState.LIVE, now, now) for kind in Kind},
            **fields,
        )

    def _projected(self, kind: Kind, objects: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """Records by name; an object that has not changed keeps its record, which is what the rules go by."""
        found = {}
        for raw in objects:
            meta = raw["metadata"]
            version, record = self._known.get(meta["uid"], ("", None))
            if version != meta["resourceVersion"]:
                record = project(kind, raw)
                self._known[meta["uid"]] = (meta["resourceVersion"], record)
            found[meta["name"]] = record
        return found

    def _consumers(self, snapshot: Snapshot) -> dict[str, ConsumerView]:
        now = self.clock.now().timestamp()
        views = self.numbers.publishers()
        for name, numbers in self._queues.numbers.items():
            workload = self.catalogue.workloads[name]
            deployment = snapshot.deployments.get(workload.deployment)
            views[name] = consumer_view(workload, deployment, numbers, now)
        return views

    async def _fetch(self, path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        _, body = self.cluster.telemetry.answer(path, dict(parameters))
        return orjson.dumps(body)  # an error too is an answer, which the client reads
