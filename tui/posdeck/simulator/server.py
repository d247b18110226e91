"""The embedded cluster as a whole: built from a seed, served on loopback, driven by a clock."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from posdeck.clock import Clock, SystemClock
from posdeck.errors import ConfigurationError, UnreachableError
from posdeck.simulator import access, certificates, day
from posdeck.simulator.api import Api
from posdeck.simulator.controllers.behaviour import Behaviours
from posdeck.simulator.controllers.deployment import DeploymentController
from posdeck.simulator.controllers.housekeeping import (
    DisruptionController,
    EndpointsController,
    GarbageCollector,
    Janitor,
    NamespaceController,
)
from posdeck.simulator.controllers.hpa import HpaController
from posdeck.simulator.controllers.keda import KedaController
from posdeck.simulator.controllers.kubelet import Kubelet
from posdeck.simulator.controllers.replicaset import ReplicaSetController
from posdeck.simulator.controllers.scheduler import Scheduler
from posdeck.simulator.engine import Engine
from posdeck.simulator.faults import Fault, Faults, Scene
from posdeck.simulator.faults_model import Effect
from posdeck.simulator.load import Load
from posdeck.simulator.logs import LogBook, LogEndpoint
from posdeck.simulator.management import Management
from posdeck.simulator.metrics import MetricsServer
from posdeck.simulator.narrator import Narrator
from posdeck.simulator.populate import populate
from posdeck.simulator.portforward import PortForwardEndpoint
from posdeck.simulator.prometheus import SCRAPE_SECONDS, PrometheusApi, Scraper
from posdeck.simulator.registry import Registry
from posdeck.simulator.resources import BY_PATH, NODE_METRICS, POD_METRICS
from posdeck.simulator.seed import Seed
from posdeck.simulator.store import Store
from posdeck.simulator.subresources import EvictionEndpoint, ScaleEndpoint, ServiceProxy
from posdeck.simulator.workload_http import Workloads
from posdeck.simulator.world import Recorder, World

Json = dict[str, Any]

HISTORY = timedelta(hours=1)
LOG_HISTORY = timedelta(
    minutes=20
)  # lines are costly, and the rings hold about that much of the busiest pods
BODY_LIMIT = 3 << 20


class Simulator:
    """One embedded cluster. Build it, ``await start()``, and it answers on 127.0.0.1 until ``stop()``.

    ``history`` is how many changes of each kind are remembered for watches. All times come from ``clock``.
    """

    def __init__(self, seed: Seed, *, clock: Clock | None = None, history: int = 20_000) -> None:
        self.seed = seed
        self.clock: Clock = clock or SystemClock()
        self.store = Store(history=history)
        self.book = LogBook()
        rng = random.Random(seed.random_seed)  # noqa: S311  no secret
        self.registry = Registry(self.store, self.clock, rng)
        recorder = Recorder(self.store, self.registry, self.clock)
        self.world = World(seed, self.store, self.registry, self.clock, rng, recorder)
        self.load = Load(self.world, lambda: self.faults, self.book)
        self.faults = Faults(
            Scene(seed, rng, self.load.pods, self.load.say, self.world, self._end_containers)
        )
        self.registry.admission.append(self.faults.admit)
        self.identities = access.identities()
        self._build()
        self._server: web.AppRunner | None = None
        self._work: asyncio.Task[None] | None = None
        self._authority = certificates.issue()
        self.port = 0

    def _build(self) -> None:
        world = self.world
        behaviours = Behaviours(self.seed)
        behaviours.disturbances.append(self.faults.behaviour)
        self.kubelet = Kubelet(
            world, behaviours, Narrator(self.seed, self.book, self.load.say, self.faults.last_words)
        )
        self.metrics = MetricsServer(world, self.load.usage, self.faults.metrics)
        self.scraper = Scraper(self.load, self.clock, self.seed.namespace)
        self.keda = KedaController(world, lambda: self.load.queues)
        self.management = Management(self.load, self.clock)
        self.engine = Engine(
            self.store,
            self.clock,
            [
                NamespaceController(world),
                DeploymentController(world),
                ReplicaSetController(world),
                Scheduler(world),
                self.kubelet,
                EndpointsController(world),
                GarbageCollector(world),
                DisruptionController(world),
                self.metrics,
                HpaController(world, self.metrics.measured, self.keda.value),
                self.keda,
                Janitor(world),
                self.load,
                self.scraper,
                self.management,
            ],
        )
        workloads = Workloads(self.seed, self.load)
        self.telemetry = PrometheusApi(self.scraper.samples, self.clock)
        self.api = Api(
            self.registry,
            self.clock,
            identities=self.identities,
            subresources={
                ("*", "scale"): ScaleEndpoint(self.registry),
                ("pods", "log"): LogEndpoint(self.store, self.clock, self.book),
                ("pods", "eviction"): EvictionEndpoint(self.registry),
                ("pods", "portforward"): PortForwardEndpoint(self.store, workloads),
                ("services", "proxy"): ServiceProxy(self.registry, workloads),
            },
            virtual={POD_METRICS.key: self.metrics.pods, NODE_METRICS.key: self.metrics.nodes},
            telemetry={PrometheusApi.PREFIX: self.telemetry, Management.PREFIX: self.management},
        )

    async def start(self, port: int = 0) -> None:
        """Fill the namespace, start the controllers, listen on 127.0.0.1 (port 0 is a free one).

        Raises UnreachableError when the port is taken.
        """
        self.fill()
        self._work = asyncio.create_task(self.engine.run(), name="simulator-controllers")
        application = web.Application(client_max_size=BODY_LIMIT)
        application.router.add_route("*", "/{path:.*}", self.api.handle)
        self._server = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await self._server.setup()
        site = web.TCPSite(self._server, "127.0.0.1", port, ssl_context=self._authority.context())
        try:
            await site.start()
        except OSError as error:
            await self.stop()
            raise UnreachableError(
                f"127.0.0.1:{port}",
                f"cannot listen: {error.strerror or error}",
                "Choose another port, or 0 for any free one.",
            ) from error
        self.port = self._server.addresses[0][1]

    def fill(self, *, logs: bool = True, past: timedelta | None = None) -> None:
        """Fill the namespace and play its past (an hour by default), without serving anything: whoever needs no
        API drives ``engine.settle`` with the clock. Without ``logs`` no ordinary lines are written."""
        populate(self.world, self.kubelet)
        self._remember(HISTORY if past is None else past, logs=logs)
        self.engine.look(self.load.name, ("", "load"))
        self.engine.settle()

    def _end_containers(self, pod: Json, reason: str, code: int) -> None:
        self.kubelet.restart(pod, reason, code)

    def _remember(self, past: timedelta, *, logs: bool) -> None:
        """Play the time before the start, so that logs and measurements have a past."""
        now = self.clock.now()
        if self.seed.history > max(past, HISTORY):
            day.play(self.load, self.scraper, now, self.seed.history, past)
        steps = int(past.total_seconds() / SCRAPE_SECONDS)
        for index in range(steps, 0, -1):
            moment = now - timedelta(seconds=(index - 1) * SCRAPE_SECONDS)
            self.load.writes_logs = logs and now - moment <= LOG_HISTORY
            self.load.step(moment, SCRAPE_SECONDS)
            self.scraper.record(moment)
            self.management.record(moment)
        self.metrics.reconcile(("", "scrape"))

    async def stop(self) -> None:
        """End watches and connections, and the controllers."""
        self.store.close()
        self.book.close_all()
        if self._server is not None:
            await self._server.cleanup()
            self._server = None
        if self._work is not None:
            self._work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._work
            self._work = None

    @property
    def ca_pem(self) -> bytes:
        """The certificate of this run's authority."""
        return self._authority.ca_pem

    @property
    def url(self) -> str:
        """Where the API answers."""
        return f"https://127.0.0.1:{self.port}"

    @property
    def prometheus_url(self) -> str:
        """Where Prometheus' API answers; it wants the same bearer token."""
        return f"{self.url}{PrometheusApi.PREFIX}"

    def token(self, identity: str = "admin") -> str:
        """The bearer token of an identity. Raises ConfigurationError for one that does not exist."""
        if identity not in self.identities:
            raise ConfigurationError(
                f"identity {identity!r}",
                "the embedded cluster does not know it",
                f"It knows {', '.join(self.identities)}.",
            )
        return self.identities[identity].token

    def kubeconfig(self, identity: str = "admin", *, context: str = "posdeck-embedded") -> Json:
        """A kubeconfig for this cluster."""
        authority = base64.b64encode(self.ca_pem).decode()
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "preferences": {},
            "clusters": [
                {"name": context, "cluster": {"server": self.url, "certificate-authority-data": authority}}
            ],
            "users": [{"name": identity, "user": {"token": self.token(identity)}}],
            "contexts": [
                {
                    "name": context,
                    "context": {"cluster": context, "user": identity, "namespace": self.seed.namespace},
                }
            ],
        }

    def write_kubeconfig(
        self, path: Path, identity: str = "admin", *, context: str = "posdeck-embedded"
    ) -> Path:
        """Write a kubeconfig that only its owner can read (mode 0600, replaced as a whole). JSON is YAML too."""
        data = orjson.dumps(self.kubeconfig(identity, context=context), option=orjson.OPT_INDENT_2)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data + b"\n")
        draft.replace(path)
        return path

    def inject(self, fault: Fault) -> Effect:
        """Start a fault. Raises UnknownNameError."""
        return self.faults.inject(fault, self.clock.now())

    def clear(self, kind: str = "", target: str = "") -> int:
        """End faults by kind and target ("" is every one); how many ended."""
        return self.faults.clear(kind, target)

    def object(self, path: str, name: str, namespace: str | None = None) -> Json | None:
        """A stored object by "pods" or "apps/deployments"; it must not be changed."""
        return self.store.get(self._kind(path), self.seed.namespace if namespace is None else namespace, name)

    def objects(self, path: str, namespace: str | None = None) -> list[Json]:
        """All objects of a kind in a namespace (the seed's unless told; "" is every one)."""
        return self.store.all(self._kind(path), self.seed.namespace if namespace is None else namespace)

    @staticmethod
    def _kind(path: str) -> str:
        group, _, plural = path.rpartition("/")
        found = next((r for (g, _, p), r in BY_PATH.items() if (g, p) == (group, plural)), None)
        if found is None:
            raise ConfigurationError(f"kind {path!r}", "the embedded cluster does not serve it")
        return found.key

    def queue_depths(self) -> Mapping[str, int]:
        """Messages waiting or in consumers' hands, by the name of the queue."""
        return {q.seed.name: q.ready + q.unacked for q in self.load.queues.values()}
