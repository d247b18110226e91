"""The telemetry of an environment, wired: which source its inventory names, how requests reach it, and loops
that ask. A source that is slow or gone slows nothing: its numbers say so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from posdeck.catalogue.model import Catalogue, Telemetry, Workload
from posdeck.clock import Clock
from posdeck.cluster.transport import Transport
from posdeck.operations.ways import Ways, source_name
from posdeck.telemetry.curves import Curve
from posdeck.telemetry.endpoint import EndpointQueues
from posdeck.telemetry.external import ExternalMetrics
from posdeck.telemetry.levels import LevelQuery, Levels, LevelView
from posdeck.telemetry.polling import Poller
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed, QueueNumbers
from posdeck.telemetry.rabbitmq import BUILT_IN, RabbitQueues
from posdeck.telemetry.reading import NO_SOURCE, Absence
from posdeck.telemetry.source import QueueReader, QueueSource

PERIOD = 2.0  # seconds between two polls of an embedded cluster
SCRAPED_PERIOD = 10.0  # of any other source, at most; a third of its own rhythm where that is shorter
LEVELS_PERIOD = 30.0
EMBEDDED_SCRAPE = 15.0
ENVIRONMENT = ""  # the name of the source of the whole environment among the sources of workloads


class Numbers:
    """Polls the queues of all consumers and the service levels; ``of`` gives what is known of a consumer by short
    name, ``levels`` how the service levels stand."""

    def __init__(
        self, catalogue: Catalogue, transport: Transport, clock: Clock, changed: Callable[[], None]
    ) -> None:
        telemetry = catalogue.environment.telemetry
        self._catalogue = catalogue
        self._clock = clock
        self._changed = changed
        self._ways = Ways(transport, catalogue.environment.namespace)
        self._feeds: dict[str, QueueFeed] = {}
        self._filled: set[str] = set()
        self.source: Prometheus | None = None
        self._pollers: list[Poller] = []
        for name, each in {ENVIRONMENT: telemetry, **telemetry.sources}.items():
            reader = self._reader(each)
            queues = queue_sources(catalogue, name, each)
            if reader is not None and queues:
                self._feeds[name] = QueueFeed(reader, queues, clock)
                self._pollers.append(self._poller(name, PERIOD if each.via == "embedded" else SCRAPED_PERIOD))
        self._levels = Levels(self.source, level_queries(catalogue), clock)
        if self.source is not None and self._levels.queries:
            self._pollers.append(Poller(self._ask_levels, clock, "service levels"))

    def of(self, name: str) -> QueueNumbers | None:
        """What is known; None where no source is configured."""
        return next((f.numbers[name] for f in self._feeds.values() if name in f.numbers), None)

    @property
    def all(self) -> Mapping[str, QueueNumbers]:
        """Everything, by short name."""
        return {name: numbers for feed in self._feeds.values() for name, numbers in feed.numbers.items()}

    def without(self, counter: str) -> list[str]:
        """The consumers of which no source counts this."""
        consumers = [w.name for w in self._catalogue.workloads.values() if "consumers" in w.groups or w.queue]
        known = self.all
        return [n for n in consumers if n not in known or counter not in known[n].rates]

    @property
    def levels(self) -> tuple[LevelView, ...]:
        """The service levels in the inventory's order."""
        return self._levels.views

    def start(self) -> None:
        """Begin to poll; nothing to do without a source."""
        for poller in self._pollers:
            poller.start()

    async def stop(self) -> None:
        """End."""
        await asyncio.gather(*(p.stop() for p in self._pollers))
        await self._ways.close()

    def refresh(self) -> None:
        """Ask again soon."""
        for poller in self._pollers:
            poller.soon()

    async def past(
        self, names: Sequence[str], measure: str, seconds: float, step: float
    ) -> Mapping[str, Curve]:
        """The last ``seconds`` of a measure of each of these consumers, counters as rates per second, by short
        name; who has no source is told so in the curve."""
        found = {name: Curve(name, reason=NO_SOURCE.reason) for name in names}
        asked = [
            f.past([n for n in names if n in f.numbers], measure, seconds, step) for f in self._feeds.values()
        ]
        for curves in await asyncio.gather(*asked):
            found.update(curves)
        return found

    def _reader(self, telemetry: Telemetry) -> QueueReader | None:
        name = source_name(telemetry)
        match telemetry.source:
            case "prometheus":
                client = Prometheus(self._ways.to(telemetry), name)
                self.source = self.source or client
                embedded = telemetry.via == "embedded"
                scrape = EMBEDDED_SCRAPE if embedded else float(telemetry.scrape_seconds)
                return PrometheusQueues(client, self._clock, scrape_seconds=scrape)
            case "rabbitmq":
                return RabbitQueues(self._ways.to(telemetry), name, vhost=telemetry.vhost)
            case "endpoint":
                return EndpointQueues(self._ways.to(telemetry), name, telemetry.path)
            case "external-metrics":
                return ExternalMetrics(self._ways.through_api("", name), self._ways.namespace)
        return None

    def _poller(self, name: str, period: float) -> Poller:
        feed = self._feeds[name]

        async def ask() -> tuple[float, bool]:
            if name not in self._filled:
                await feed.backfill()
                if feed.failure is None:
                    self._filled.add(name)
            await feed.poll()
            self._changed()
            rhythm = max(PERIOD, feed.interval / 3) if feed.interval else period
            return min(period, rhythm), feed.failure is None

        return Poller(ask, self._clock, f"queue numbers {name}".strip())

    async def _ask_levels(self) -> tuple[float, bool]:
        await self._levels.poll()
        self._changed()
        lost = any(v.value.absence is Absence.UNREACHABLE for v in self._levels.views)
        return LEVELS_PERIOD, not lost


def queue_sources(catalogue: Catalogue, name: str, telemetry: Telemetry) -> list[QueueSource]:
    """What to ask a source: the consumers that chose it (``telemetry_source``) or, of the environment's own, all
    that chose none."""
    mine = [w for w in catalogue.workloads.values() if (w.telemetry_source or "") == name]
    return [
        QueueSource(w.name, w.queue, queries) for w in mine if w.queue and (queries := _queries(w, telemetry))
    ]


def level_queries(catalogue: Catalogue) -> list[LevelQuery]:
    """The service levels of the inventory."""
    return [
        LevelQuery(s.id, s.title, s.unit, s.query, s.objective, s.at_least, s.bad_ratio, s.target)
        for s in catalogue.service_levels.values()
    ]


def _queries(workload: Workload, telemetry: Telemetry) -> dict[str, str]:
    own = {
        measure: query.replace("$name", workload.name).replace("$deployment", workload.deployment)
        .replace("$namespace", workload.namespace)
        for measure, query in workload.queries.items()
    }  # fmt: skip
    if telemetry.source == "rabbitmq":  # the broker knows its own measures; only the dead letters need a name
        return dict.fromkeys(sorted(BUILT_IN), "$queue") | {
            m: q for m, q in own.items() if m == "dead_letters"
        }
    return own
