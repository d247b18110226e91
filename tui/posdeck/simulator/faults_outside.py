"""Faults of what lies outside the namespace: database, queue, gateway, the trace backend. Nothing in the namespace
cures them, and restarting makes some of them worse."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from posdeck.simulator.controllers.behaviour import Behaviour, Outcome, workload_of
from posdeck.simulator.faults_consumers import SPEAKS_EVERY, Stalled
from posdeck.simulator.faults_model import CollectorTrouble, Effect, Json, Kind
from posdeck.simulator.seed import DeploymentSeed, Role

NEEDS_DATABASE = (Role.API, Role.CONSUMER, Role.PUBLISHER)


class Outage(Effect):
    """Something that many workloads share does not answer. Their pods stay up; whatever is started while it lasts
    finds it away, and ends."""

    LINE = ""

    def concerned(self, workload: DeploymentSeed | None) -> bool:
        """Whether a workload needs it."""
        return workload is not None and workload.role in NEEDS_DATABASE and workload.replicas > 0

    def tick(self, now: datetime) -> None:
        if now.second % SPEAKS_EVERY:
            return
        for workload in self.scene.seed.deployments:
            if self.concerned(workload):
                for pod in self.scene.pods(workload.name).values():
                    self.scene.say(pod, "error", self.LINE)

    def behaviour(self, pod: Json, behaviour: Behaviour) -> Behaviour:
        if not self.concerned(workload_of(self.scene.seed, pod)):
            return behaviour
        return replace(behaviour, outcome=Outcome.CRASHES, lives_seconds=6.0)

    def last_words(self, pod: Json) -> str:
        return f"fatal: {self.LINE}"

    def silent(self, pod: Json) -> bool:
        return self.concerned(workload_of(self.scene.seed, pod))

    def publishing(self, workload: DeploymentSeed) -> bool:
        return False


class DatabaseOutage(Outage):
    """The database refuses connections: consumers hold messages, most requests to the API fail."""

    LINE = "database connection refused host=database.internal:5432 pool=0/20"

    def service_factor(self, pod: Json) -> float:
        return 0.0 if self.concerned(workload_of(self.scene.seed, pod)) else 1.0

    def failing_share(self, workload: DeploymentSeed) -> float:
        return 0.8 if workload.role is Role.API else 0.0

    def latency_factor(self, workload: DeploymentSeed) -> float:
        return 20.0

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        return 1.0 if workload.role is Role.API else 0.4  # orders that fail publish no event


class QueueOutage(Outage):
    """The broker closes every channel and accepts no new one."""

    LINE = "amqp: dial tcp queue.internal:5671: connection refused"

    def consuming(self, pod: Json) -> bool:
        return False

    def failing_share(self, workload: DeploymentSeed) -> float:
        return 0.35 if workload.role is Role.API else 0.0

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        return 1.0 if workload.role is Role.API else 0.2  # what the API retries gets through now and then


class SlowRequests(Effect):
    """Something before or behind the API takes its time: every request waits ``factor`` times as long."""

    def latency_factor(self, workload: DeploymentSeed) -> float:
        return float(self.fault.parameters.get("factor", 25.0))

    def arrival_factor(self, workload: DeploymentSeed) -> float:
        return 0.7 if workload.role is Role.API else 1.0  # people who wait click less


class FailingRequests(Effect):
    """A share of the requests to the API ends in an error, whatever is restarted: a partner it needs is away."""

    def failing_share(self, workload: DeploymentSeed) -> float:
        return float(self.fault.parameters.get("share", 0.3)) if workload.role is Role.API else 0.0

    def tick(self, now: datetime) -> None:
        if now.second % SPEAKS_EVERY:
            return
        for workload in self.scene.seed.deployments:
            if workload.role is Role.API:
                for pod in self.scene.pods(workload.name).values():
                    self.scene.say(pod, "error", "payments.internal answered 502, request failed status=500")


class ExportFailing(Effect):
    """The tracing backend does not take what the collector hands on. Ends when it answers again."""

    def collector(self) -> CollectorTrouble:
        return CollectorTrouble.CANNOT_EXPORT

    def tick(self, now: datetime) -> None:
        if now.second % SPEAKS_EVERY == 0:
            for pod in self.scene.pods(self.fault.target).values():
                self.scene.say(pod, "error", "exporting failed. Will retry. error=connection refused")


class Refusing(Stalled):
    """The collector's memory limiter holds spans off, until its pod is replaced."""

    def lines(self) -> list[tuple[str, str]]:
        return [("warn", "memorylimiter: memory usage is above soft limit. Refusing data. cur_mem_mib=122")]

    def collector(self) -> CollectorTrouble:
        return CollectorTrouble.REFUSES


class MetricsAbsent(Effect):
    """The metrics API has no readings. Ends only when it is cleared."""

    def metrics(self) -> bool:
        return False


KINDS: tuple[Kind, ...] = (
    Kind("metrics-absent", "the metrics API has no readings", MetricsAbsent),
    Kind("database-outage", "the database refuses connections", DatabaseOutage),
    Kind("queue-outage", "the message queue refuses connections", QueueOutage),
    Kind("requests-slow", "every request to the API takes much longer", SlowRequests),
    Kind("requests-failing", "a share of the requests to the API fails", FailingRequests),
    Kind("export-failing", "the tracing backend takes nothing", ExportFailing, needs_target=True),
    Kind("collector-refusing", "the trace collector refuses spans", Refusing, needs_target=True),
)
