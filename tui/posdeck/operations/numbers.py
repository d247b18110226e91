"""The telemetry of an environment, wired: which source its inventory names, how requests reach it, and loops
that ask. A source that is slow or gone slows nothing: its numbers say so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence

from posdeck.catalogue.model import Catalogue, Telemetry, Workload
from posdeck.clock import Clock
from posdeck.cluster.portforward import PortForward
from posdeck.cluster.transport import Transport
from posdeck.errors import ClusterError, InvalidError
from posdeck.telemetry.direct import TIMEOUT, Access, direct
from posdeck.telemetry.external import ExternalMetrics
from posdeck.telemetry.levels import LevelQuery, Levels, LevelView
from posdeck.telemetry.polling import Poller
from posdeck.telemetry.prometheus import Prometheus, UnsupportedError
from posdeck.telemetry.prometheus_queues import PrometheusQueues
from posdeck.telemetry.queues import QueueFeed, QueueNumbers
from posdeck.telemetry.rabbitmq import BUILT_IN, RabbitQueues
from posdeck.telemetry.reading import Absence
from posdeck.telemetry.source import Fetch, QueueReader, QueueSource, SourceError

PERIOD = 2.0  # seconds between two polls of an embedded cluster
SCRAPED_PERIOD = 10.0  # of any other source, at most; a third of its own rhythm where that is shorter
LEVELS_PERIOD = 30.0
EMBEDDED_PREFIX = "/prometheus"  # beside the API of the embedded cluster, with the same token
EMBEDDED_SCRAPE = 15.0
ENVIRONMENT = ""  # the name of the source of the whole environment among the sources of workloads


class Numbers:
    """Polls the queues of all consumers and the service levels; ``of`` gives what is known of a consumer by short
    name, ``levels`` how the service levels stand."""

    def __init__(
        self, catalogue: Catalogue, transport: Transport, clock: Clock, changed: Callable[[], None]
    ) -> None:
        telemetry = catalogue.environment.telemetry
        self._clock = clock
        self._changed = changed
        self._ways = _Ways(transport, catalogue.environment.namespace)
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
    mine = [w for w in catalogue.workloads.values() if str(w.variables.get("telemetry_source") or "") == name]
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


def source_name(telemetry: Telemetry) -> str:
    """How readings and errors call a source."""
    if telemetry.via == "embedded":
        return "embedded Prometheus"
    kind = {"prometheus": "Prometheus", "rabbitmq": "RabbitMQ"}.get(telemetry.source, telemetry.source)
    return f"{kind} {telemetry.url or telemetry.service or ''}".strip()


class _Ways:
    """How requests travel to the sources of one environment."""

    def __init__(self, transport: Transport, namespace: str) -> None:
        self.namespace = namespace
        self._transport = transport
        self._forwards: list[_Forwarded] = []

    def to(self, telemetry: Telemetry) -> Fetch:
        """The way that the inventory chose."""
        name = source_name(telemetry)
        if telemetry.via == "embedded":
            return self.through_api(EMBEDDED_PREFIX, name)
        if telemetry.via == "service" and telemetry.service:
            return self.through_api(_proxy_path(telemetry.service, self.namespace), name)
        if telemetry.via == "port-forward" and telemetry.service:
            forward = _Forwarded(self._transport, self.namespace, telemetry, name)
            self._forwards.append(forward)
            return forward
        return direct(_access(telemetry, telemetry.url or ""), name)

    def through_api(self, prefix: str, name: str) -> Fetch:
        """By the API server, with our own credentials for it."""

        async def fetch(path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
            try:
                answer = await self._transport.request(
                    "GET", f"{prefix}{path}", params=list(parameters), timeout=TIMEOUT
                )
            except InvalidError as error:
                raise UnsupportedError(name, error.cause, "Check the query.") from error
            except ClusterError as error:
                raise SourceError(name, str(error)) from error
            return answer.body

        return fetch

    async def close(self) -> None:
        """End the port-forwards."""
        await asyncio.gather(*(f.close() for f in self._forwards))


class _Forwarded:
    """A source behind a port-forward of our own; made at the first request, and anew when one fails: its pod
    may have gone."""

    def __init__(self, transport: Transport, namespace: str, telemetry: Telemetry, name: str) -> None:
        where, _, rest = (telemetry.service or "").rpartition("/")
        self._namespace = where or namespace
        self._service, _, self._port = rest.partition(":")
        self._transport = transport
        self._telemetry = telemetry
        self._name = name
        self._opening = asyncio.Lock()
        self._forward: PortForward | None = None
        self._fetch: Fetch | None = None

    async def __call__(self, path: str, parameters: Sequence[tuple[str, str]]) -> bytes:
        fetch = await self._opened()
        try:
            return await fetch(path, parameters)
        except UnsupportedError:
            raise
        except SourceError:
            await self.close()
            raise

    async def close(self) -> None:
        """Cut the connection."""
        forward, self._forward, self._fetch = self._forward, None, None
        if forward is not None:
            await forward.close()

    async def _opened(self) -> Fetch:
        async with self._opening:
            if self._fetch is None:
                try:
                    pod, port = await self._target()
                    forward = PortForward(self._transport, self._namespace, pod, port)
                    local = await forward.listen()
                except ClusterError as error:
                    raise SourceError(self._name, str(error)) from error
                self._forward = forward
                scheme = "https" if self._telemetry.certificate_file or self._telemetry.ca_file else "http"
                self._fetch = direct(_access(self._telemetry, f"{scheme}://127.0.0.1:{local}"), self._name)
            return self._fetch

    async def _target(self) -> tuple[str, int]:
        """A ready pod of the service and the port of it, as the service's endpoints have them."""
        path = f"/api/v1/namespaces/{self._namespace}/endpoints/{self._service}"
        document = json.loads((await self._transport.request("GET", path, timeout=TIMEOUT)).body)
        for subset in document.get("subsets") or ():
            named = {str(p.get("name") or ""): int(p["port"]) for p in subset.get("ports") or ()}
            wanted = named.get(self._port) or await self._numbered(named)
            pods = [a["targetRef"]["name"] for a in subset.get("addresses") or () if a.get("targetRef")]
            if wanted and pods:
                return pods[0], wanted
        cause = f"no ready pod of the service {self._service} serves port {self._port or '(any)'}"
        raise SourceError(self._name, cause, "Look at the service's endpoints.")

    async def _numbered(self, named: Mapping[str, int]) -> int | None:
        """The pod's port behind the service's port number; the endpoints know it by the same name."""
        path = f"/api/v1/namespaces/{self._namespace}/services/{self._service}"
        service = json.loads((await self._transport.request("GET", path, timeout=TIMEOUT)).body)
        for port in service["spec"].get("ports") or ():
            if self._port in ("", str(port["port"])):
                return named.get(str(port.get("name") or ""))
        return None


def _access(telemetry: Telemetry, url: str) -> Access:
    return Access(
        url, telemetry.token_file, telemetry.username, telemetry.password_file, telemetry.ca_file,
        telemetry.certificate_file, telemetry.key_file, telemetry.server_name,
    )  # fmt: skip


def _proxy_path(service: str, namespace: str) -> str:
    """``[namespace/]name:port`` as a path of the API server's service proxy."""
    where, _, rest = service.rpartition("/")
    return f"/api/v1/namespaces/{where or namespace}/services/{rest}/proxy"
