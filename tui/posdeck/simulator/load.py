"""The load: requests to the API, messages in the queues, and what both cost the pods and leave in their logs."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from posdeck.kubetext.quantities import cpu_cores, memory_bytes
from posdeck.simulator import log_text
from posdeck.simulator.controllers.behaviour import workload_of
from posdeck.simulator.controllers.hpa import Usage
from posdeck.simulator.controllers.replicaset import is_ready
from posdeck.simulator.faults import Faults
from posdeck.simulator.faults_model import CollectorTrouble
from posdeck.simulator.jsontree import dig
from posdeck.simulator.logs import LogBook
from posdeck.simulator.queues import Queue, poisson
from posdeck.simulator.resources import PODS
from posdeck.simulator.seed import DeploymentSeed, Role
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import World

Json = dict[str, Any]

STEP_SECONDS = 1.0
PUBLISHED_PER_SECOND = 2.5  # jobs, by a batch publisher
SPAN_BATCHES = 1000  # that the collector keeps for a backend that does not answer
MOST_ERRORS = 5  # error lines of one consumer in a step
BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_FLAVOUR = {
    Role.API: "api",
    Role.CONSUMER: "consumer",
    Role.PUBLISHER: "publisher",
    Role.CRON: "cron",
    Role.PROXY: "proxy",
    Role.COLLECTOR: "collector",
    Role.WORKER: "worker",
}


@dataclass(slots=True)
class ApiTraffic:
    """Counters of the API since it was first started. ``buckets`` are cumulative, as Prometheus has them."""

    requests: dict[int, int]
    buckets: list[int]
    seconds: float = 0.0
    rate: float = 0.0


@dataclass(slots=True)
class Collector:
    """Counters of the tracing collector."""

    accepted: int = 0
    refused: int = 0
    sent: int = 0
    failed: int = 0
    queued: int = 0


@dataclass(slots=True)
class PodLoad:
    """What one pod does now."""

    cpu: float
    memory: float
    born: float
    lines: float = 0.0


class Load:
    """The load model; a controller that is due every second. ``record`` is told of each step's end."""

    name = "load"

    def __init__(self, world: World, faults: Callable[[], Faults], book: LogBook) -> None:
        self._world = world
        self._faults = faults
        self._book = book
        self._rng = random.Random(world.seed.random_seed * 7919 + 1)  # noqa: S311  no secret
        self._members: dict[str, dict[str, Json]] = {d.name: {} for d in world.seed.deployments}
        self._pods: dict[str, PodLoad] = {}
        self.queues = {d.name: Queue(d.queue) for d in world.seed.deployments if d.queue}
        self.api = ApiTraffic({200: 0, 201: 0, 400: 0, 500: 0, 503: 0}, [0] * (len(BUCKETS) + 1))
        self.collector = Collector()
        self.published = {d.name: 0 for d in world.seed.deployments if d.role is Role.PUBLISHER}
        self.writes_logs = True

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        if kind != PODS.key:
            return []
        workload = workload_of(self._world.seed, change.object)
        if workload is not None:
            uid = change.object["metadata"]["uid"]
            if change.type == "DELETED":
                self._members[workload.name].pop(uid, None)
                self._pods.pop(uid, None)
            else:
                self._members[workload.name][uid] = change.object
        return []

    def pods(self, deployment: str) -> Mapping[str, Json]:
        """The pods of a seeded deployment by uid."""
        return self._members.get(deployment, {})

    def ready(self) -> dict[str, int]:
        """How many pods of each deployment are ready."""
        return {name: len(self._working(name)) for name in self._members}

    def reconcile(self, key: Key) -> float | None:
        self._faults().settle(self._world.clock.now())
        self.step(self._world.clock.now(), STEP_SECONDS)
        return STEP_SECONDS

    def factor(self, moment: datetime) -> float:
        """How much of the mean load there is at a time of day: most at ten in the morning, least at night."""
        hour = moment.hour + moment.minute / 60
        return 1 + self._world.seed.daily_swing * math.cos((hour - 10) / 24 * 2 * math.pi)

    def step(self, moment: datetime, seconds: float) -> None:
        """Let ``seconds`` pass that end at ``moment``."""
        factor = self.factor(moment)
        self._requests(moment, seconds, factor)
        for workload in self._world.seed.deployments:
            if workload.queue is not None:
                self._consume(workload, moment, seconds, factor)
            elif workload.role is not Role.API:
                self._background(workload, moment, seconds, factor)

    def replay(self, moment: datetime, seconds: float, *, peak: bool) -> None:
        """A step of a past in which the replicas of now worked undisturbed: counters move, nothing else does."""
        factor = self.factor(moment)
        for workload in self._world.seed.deployments:
            working = self._working(workload.name)
            if workload.role is Role.API:
                rate = self._world.seed.requests_per_second * factor
                count = round(rate * seconds * self._rng.uniform(0.9, 1.1))
                self._answer_together(count, rate / max(1, len(working)), workload)
            elif workload.queue is not None:
                queue = self.queues[workload.name]
                queue.connect(dict.fromkeys(working, 1.0))
                more = queue.seed.past_peak if peak else 1.0
                arrivals = queue.seed.arrival_rate * factor * more
                dead, failed = queue.dead, queue.failed
                queue.step(seconds, arrivals, self._rng, moment=moment.timestamp())
                queue.dead, queue.failed = dead, failed  # somebody looked after them
            elif workload.name in self.published:
                self.published[workload.name] += round(PUBLISHED_PER_SECOND * factor * seconds)
        self.collector.accepted += (
            spans := round(self._world.seed.requests_per_second * factor * seconds * 9)
        )
        self.collector.sent += spans

    def _working(self, deployment: str) -> dict[str, Json]:
        return {
            uid: pod
            for uid, pod in self._members[deployment].items()
            if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        }

    def _requests(self, moment: datetime, seconds: float, factor: float) -> None:
        for workload in self._world.seed.deployments:
            if workload.role is not Role.API:
                continue
            rate = self._world.seed.requests_per_second * factor * self._faults().arrival_factor(workload)
            serving = self._working(workload.name)
            self.api.rate = rate
            count = round(rate * seconds * self._rng.uniform(0.9, 1.1))
            share = rate / len(serving) if serving else 0.0
            self._answer(count, share, workload, ready=bool(serving))
            for uid, pod in self._members[workload.name].items():
                work = share if uid in serving else 0.0
                self._burn(workload, pod, work, moment, seconds)
                self._write(workload, pod, moment, seconds * factor * (1.0 if uid in serving else 0.0))
        self._collect(round(self.api.rate * seconds * 9))

    def _collect(self, spans: int) -> None:
        """The spans of one step, through the collector to the backend."""
        trouble = self._faults().collector()
        collecting = any(
            self._working(d.name) for d in self._world.seed.deployments if d.role is Role.COLLECTOR
        )
        if not collecting or trouble is CollectorTrouble.REFUSES:
            self.collector.refused += spans
            return
        self.collector.accepted += spans
        if trouble is CollectorTrouble.CANNOT_EXPORT:
            self.collector.queued = min(SPAN_BATCHES, self.collector.queued + 1 + spans // 100)
            self.collector.failed += spans // 2 if self.collector.queued < SPAN_BATCHES else spans
            return
        self.collector.queued = max(0, self.collector.queued - 20)
        self.collector.sent += spans

    def _answer(self, count: int, share: float, workload: DeploymentSeed, *, ready: bool) -> None:
        """Count ``count`` requests by code and duration; the busier a replica, the slower it answers."""
        if not ready:
            self.api.requests[503] += count
            return
        limit = cpu_cores(workload.containers[0].cpu_limit) if workload.containers[0].cpu_limit else 1.0
        busy = min(0.97, share * workload.cpu_per_unit / (limit or 1.0))
        median = 0.030 / (1 - busy) * self._faults().latency_factor(workload)
        failing = 0.0008 + self._faults().failing_share(workload)
        failed = sum(self._rng.random() < failing for _ in range(count))
        refused = min(sum(self._rng.random() < 0.012 for _ in range(count)), count - failed)
        self._count(count, failed, refused, median)

    def _answer_together(self, count: int, share: float, workload: DeploymentSeed) -> None:
        """As ``_answer`` in quiet times, for many requests at once."""
        limit = cpu_cores(workload.containers[0].cpu_limit) if workload.containers[0].cpu_limit else 1.0
        busy = min(0.97, share * workload.cpu_per_unit / (limit or 1.0))
        failed = poisson(count * 0.0008, self._rng)
        self._count(count, failed, poisson(count * 0.012, self._rng), 0.030 / (1 - busy))

    def _count(self, count: int, failed: int, refused: int, median: float) -> None:
        """Count answered requests by code, and by duration around a median in seconds."""
        created = round((count - failed - refused) * 0.3)
        self.api.requests[500] += failed
        self.api.requests[400] += refused
        self.api.requests[201] += created
        self.api.requests[200] += count - failed - refused - created
        for index, bound in enumerate(BUCKETS):
            below = 0.5 * (1 + math.erf(math.log(bound / median) / (0.7 * math.sqrt(2))))
            self.api.buckets[index] += round(count * below)
        self.api.buckets[-1] += count
        self.api.seconds += count * median * 1.28

    def _consume(self, workload: DeploymentSeed, moment: datetime, seconds: float, factor: float) -> None:
        queue, faults = self.queues[workload.name], self._faults()
        working = self._working(workload.name)
        queue.connect(
            {uid: faults.service_factor(pod) for uid, pod in working.items() if faults.consuming(pod)}
        )
        failed = queue.failed
        done = queue.step(
            seconds,
            queue.seed.arrival_rate * factor * faults.arrival_factor(workload),
            self._rng,
            failing=faults.failing_share(workload),
            returned=faults.returned_share(workload),
            moment=moment.timestamp(),
        )
        for uid, pod in self._members[workload.name].items():
            finished = done.get(uid, 0)
            self._burn(workload, pod, finished / seconds, moment, seconds)
            if uid in working and not faults.silent(pod):
                busy = 1.0 if finished else 0.1
                self._write(workload, pod, moment, seconds * busy)
        if queue.failed > failed and working:
            pod = self._rng.choice(list(working.values()))
            for _ in range(min(queue.failed - failed, MOST_ERRORS)):
                self.say(pod, *log_text.REJECTED(self._rng), moment=moment)

    def _background(self, workload: DeploymentSeed, moment: datetime, seconds: float, factor: float) -> None:
        working, faults = self._working(workload.name), self._faults()
        if workload.name in self.published and working and faults.publishing(workload):
            self.published[workload.name] += poisson(PUBLISHED_PER_SECOND * factor * seconds, self._rng)
        for uid, pod in self._members[workload.name].items():
            self._burn(workload, pod, 1.0 if uid in working else 0.0, moment, seconds)
            if uid in working and not faults.silent(pod):
                self._write(workload, pod, moment, seconds * factor)

    def _burn(
        self, workload: DeploymentSeed, pod: Json, units: float, moment: datetime, seconds: float
    ) -> None:
        """CPU and memory of one pod move towards what ``units`` of work a second cost."""
        uid, running = pod["metadata"]["uid"], dig(pod, "status", "phase") == "Running"
        state = self._pods.get(uid)
        if state is None:
            state = self._pods[uid] = PodLoad(workload.cpu_idle, workload.memory * 0.8, moment.timestamp())
        cost = workload.cpu_idle + units * workload.cpu_per_unit * self._rng.uniform(0.93, 1.07)
        limit = cpu_cores(workload.containers[0].cpu_limit) if workload.containers[0].cpu_limit else None
        cost = min(cost, limit) if limit else cost
        wanted = workload.memory * (1 + 0.03 * math.sin(moment.timestamp() / 700 + int(uid[:8], 16) % 7))
        state.cpu += (cost * running - state.cpu) * min(1.0, seconds / 10)
        state.memory += (wanted * running - state.memory) * min(1.0, seconds / 40)

    def _write(self, workload: DeploymentSeed, pod: Json, moment: datetime, amount: float) -> None:
        """Ordinary lines; ``amount`` is seconds of normal load, over which the lines are spread."""
        if not self.writes_logs:
            return
        state = self._pods[pod["metadata"]["uid"]]
        state.lines += amount * workload.log_rate * self._rng.uniform(0.5, 1.5)
        flavour = workload.log_flavour or _FLAVOUR[workload.role]
        count = int(state.lines)
        state.lines -= count
        for index in range(count):
            back = amount * (count - index - self._rng.random()) / count
            level, text = log_text.draw(flavour, self._rng)
            self.say(pod, level, text, moment=moment - timedelta(seconds=max(0.0, back)))

    def say(self, pod: Json, level: str, text: str, moment: datetime | None = None) -> None:
        """One line into the log of a pod's first container."""
        workload = workload_of(self._world.seed, pod)
        flavour = (workload.log_flavour or _FLAVOUR[workload.role]) if workload else "worker"
        uid, container = pod["metadata"]["uid"], pod["spec"]["containers"][0]["name"]
        # a runtime stamps lines as they arrive: never one before the line above it
        at = max(moment or self._world.clock.now(), self._book.last(uid, container))
        self._book.write(uid, container, at, log_text.wrap(flavour, at, level, text))

    def usage(self, pod: Json) -> Usage | None:
        """What a pod uses now; of a pod that no seed describes, what its annotations ask for, or next to nothing."""
        if dig(pod, "status", "phase") != "Running":
            return None
        state = self._pods.get(pod["metadata"]["uid"])
        if state is not None:
            return Usage(state.cpu, int(state.memory))
        notes = pod["metadata"].get("annotations") or {}
        cpu = cpu_cores(notes.get("kwok.x-k8s.io/usage-cpu", "1m")) or 0.0
        return Usage(cpu, memory_bytes(notes.get("kwok.x-k8s.io/usage-memory", "8Mi")) or 0)
