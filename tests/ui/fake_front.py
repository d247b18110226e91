"""A front without a cluster: the namespace of 18 deployments, frozen in time, its sessions scripted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from posdeck.catalogue.model import Catalogue, Environment, Flow, Group, Stage, Workload, WorkloadState
from posdeck.catalogue.policy import Policy
from posdeck.clock import ManualClock
from posdeck.cluster.snapshot import (
    Condition,
    Connection,
    Container,
    Deployment,
    Event,
    Feed,
    FeedState,
    Hpa,
    HpaMetric,
    Identity,
    Kind,
    Node,
    Owner,
    Pod,
    ReplicaSet,
    Resources,
    Service,
    ServicePort,
    Snapshot,
    Usage,
)
from posdeck.errors import NotFoundError, PosdeckError, RefusedError, UnknownNameError
from posdeck.operations.charts import Plot, PlotPage, Subject
from posdeck.operations.forward_ports import ForwardChoice
from posdeck.operations.forward_view import ForwardState, ForwardView, ProbePoint
from posdeck.operations.front import LogLine, LogRequest, ParamSummary, RunbookSummary
from posdeck.operations.kinds import ServerTable, TableColumn, TableRow
from posdeck.operations.proposal import ProposalView
from posdeck.operations.tracing import TracingView
from posdeck.operations.view import (
    ActionSummary,
    ChoiceView,
    Confirmation,
    ConsumerView,
    Evidence,
    Problem,
    Question,
    SessionView,
    Severity,
    StepState,
    StepView,
    Surroundings,
    TaskView,
    Verdict,
    View,
)
from posdeck.telemetry.collector import TraceNumbers, TraceState
from posdeck.telemetry.curves import Curve
from posdeck.telemetry.reading import Absence, Reading
from posdeck.telemetry.replay import Policy as ScalingPolicy
from posdeck.telemetry.replay import Replay

NOW = datetime(2026, 3, 14, 2, 14, 7, tzinfo=UTC)

# short name, full name, section, replicas, has a queue
WORKLOADS: tuple[tuple[str, str, str, int, bool], ...] = (
    ("app", "spc--pos--be--app--prod", "main_api", 2, False),
    ("nginx", "sapoche-micro-pos--nginx--prod", "frontend", 1, False),
    *(
        (f"consumer-{name}", f"spc--pos--be--consumer-{name}--prod", section, replicas, True)
        for name, section, replicas in (
            ("order", "order_consumers", 1),
            ("pos-order", "order_consumers", 1),
            ("orders-bulk-upload", "bulk_upload_consumers", 3),
            ("orders-bulk-upload-svip1", "bulk_upload_consumers", 1),
            ("orders-bulk-upload-svip2", "bulk_upload_consumers", 1),
            ("orders-bulk-upload-vip1", "bulk_upload_consumers", 1),
            ("rate-card-bulk-upload", "rate_card_consumers", 1),
            ("customer", "data_sync_consumers", 1),
            ("lis-patient", "data_sync_consumers", 1),
            ("auto-change-answer-na", "other_consumers", 1),
            ("default", "other_consumers", 1),
        )
    ),
    ("batch-publisher", "spc--pos--be--wrk--batch-publisher--prod", "workers", 1, False),
    ("read-hl7-sftp", "spc--pos--be--wrk--read-hl7-sftp--prod", "workers", 0, False),
    ("sync-patient", "spc--pos--be--wrk--sync-patient--prod", "workers", 0, False),
    ("cron", "spc--pos--be--cron--prod", "cron", 1, False),
    ("otel-collector", "spc-pos-otel-collector", "observability", 1, False),
)
SECTIONS = {
    "main_api": "Main API",
    "frontend": "Frontend",
    "order_consumers": "Order flow",
    "bulk_upload_consumers": "Bulk upload",
    "rate_card_consumers": "Rate cards",
    "data_sync_consumers": "Data sync",
    "other_consumers": "Other consumers",
    "workers": "Workers",
    "cron": "Cron",
    "observability": "Observability",
}
FULL = {short: full for short, full, *_ in WORKLOADS}


def ago(**span: float) -> datetime:
    """That long before the frozen moment."""
    return NOW - timedelta(**span)


def catalogue() -> Catalogue:
    """The 18 workloads in their sections."""
    workloads = {
        short: Workload(
            name=short,
            deployment=full,
            purpose=f"the {short} workload",
            replicas=replicas,
            minimum=min(1, replicas),
            maximum=max(2, replicas),
            section=section,
            queue=short if queue else None,
            state=WorkloadState.ACTIVE if replicas else WorkloadState.ASLEEP,
        )
        for short, full, section, replicas, queue in WORKLOADS
    }
    groups = {
        name: Group(
            name, title, order=place, members=tuple(w.name for w in workloads.values() if w.section == name)
        )
        for place, (name, title) in enumerate(SECTIONS.items())
    }
    flow = Flow(
        "request",
        "Request",
        (
            Stage("system", "gateway", "Gateway"),
            Stage("workload", "app", "Main POS API"),
            Stage("system", "queue", "Message queue"),
            Stage("group", "order_consumers", "Order consumers"),
            Stage("group", "workers", "Workers"),
        ),
    )
    environment = Environment(
        "production", "Production", True, "spc--pos", "bound", None, policy=Policy(), namespace_title="POS"
    )
    return Catalogue(
        environment,
        workloads,
        groups,
        flows={"request": flow},
        folder=Path("inventory"),
        by_deployment={w.deployment: w for w in workloads.values()},
    )


def container(name: str, image: str, *, ready: bool = True, restarts: int = 0) -> Container:
    """A running container with requests and limits."""
    return Container(
        name,
        image,
        ready=ready,
        restarts=restarts,
        state="running",
        resources=Resources(0.25, 0.5, 128 << 20, 256 << 20),
    )


def pod(
    deployment: str,
    suffix: str,
    *,
    status: str = "Running",
    ready: bool = True,
    restarts: int = 0,
    last: datetime | None = None,
) -> Pod:
    """A pod of a deployment's replica set."""
    name = f"{deployment}-{hash_of(deployment)}-{suffix}"
    return Pod(
        name=name,
        uid=f"uid-{name}",
        resource_version="1",
        created=ago(days=11),
        ready="1/1" if ready else "0/1",
        status=status,
        restarts=restarts,
        last_restart=last,
        phase="Running" if status == "Running" else "Pending",
        node="gke-pool-1-a2f4",
        ip="10.4.1.17",
        owner=Owner("ReplicaSet", f"{deployment}-{hash_of(deployment)}", f"rs-{deployment}"),
        labels={"app": deployment},
        containers=(container("main", f"registry/pos/{deployment}:1.42", ready=ready, restarts=restarts),),
        conditions=(Condition("Ready", "True" if ready else "False"),),
        resources=Resources(0.25, 0.5, 128 << 20, 256 << 20),
    )


def hash_of(deployment: str) -> str:
    """Something that looks like a pod template hash, the same each time."""
    return format(sum(ord(c) * (i + 7) for i, c in enumerate(deployment)) % 0xFFFFFF, "x").rjust(6, "4")


def deployment(full: str, replicas: int, *, ready: int | None = None) -> Deployment:
    """A deployment whose rollout is done."""
    up = replicas if ready is None else ready
    days = {"spc--pos--be--wrk--read-hl7-sftp--prod": 315, "spc--pos--be--wrk--sync-patient--prod": 106}
    return Deployment(
        name=full,
        uid=f"d-{full}",
        resource_version="1",
        generation=7,
        observed_generation=7,
        created=ago(days=days.get(full, 682)),
        desired=replicas,
        replicas=replicas,
        ready=up,
        updated=replicas,
        available=up,
        revision=41,
        template_hash="aaaa",
        labels={"app": full},
        selector={"app": full},
        containers=(container("main", f"registry/pos/{full}:1.42"),),
    )


def replica_set(full: str, replicas: int, revision: int = 41, *, template: str = "aaaa") -> ReplicaSet:
    """A revision of a deployment."""
    current = revision == 41
    return ReplicaSet(
        name=f"{full}-{hash_of(full)}" + ("" if current else f"-{revision}"),
        uid=f"rs-{full}" if current else f"rs-{full}-{revision}",
        resource_version="1",
        created=ago(days=11 if current else 30),
        desired=replicas if current else 0,
        replicas=replicas if current else 0,
        ready=replicas if current else 0,
        revision=revision,
        owner=Owner("Deployment", full, f"d-{full}"),
        template_hash=template,
        containers=(Container("main", f"registry/pos/{full}:{'1.42' if current else '1.41'}"),),
    )


def hpa() -> Hpa:
    """The main API's HPA at its minimum."""
    return Hpa(
        name=FULL["app"],
        uid="hpa-1",
        resource_version="1",
        created=ago(days=600),
        target_kind="Deployment",
        target_name=FULL["app"],
        minimum=2,
        maximum=15,
        current=2,
        desired=2,
        targets="cpu: 37%/85%, memory: 103Mi/160Mi",
        metrics=(
            HpaMetric("Resource", "cpu", "85%", "37%", "Utilization", 85.0, 37.0),
            HpaMetric("Resource", "memory", "160Mi", "103Mi", "AverageValue", 160 << 20, 103 << 20),
        ),
        conditions=(
            Condition("AbleToScale", "True", "ReadyForNewScale", "recommended size matches", ago(days=2)),
            Condition("ScalingActive", "True", "ValidMetricFound", "", ago(days=2)),
            Condition("ScalingLimited", "True", "TooFewReplicas", "", ago(hours=3)),
        ),
        last_scaled=ago(hours=3),
        scale_down_window=300,
    )


def known(value: float, unit: str = "") -> Reading:
    """A reading of a moment ago."""
    return Reading(value, unit, ago(seconds=5), "prometheus")


def consumers() -> dict[str, ConsumerView]:
    """One stuck, one behind, one of each kind of not knowing, the rest keeping up."""
    found = {}
    for place, (short, _, _, _, queue) in enumerate(WORKLOADS):
        if queue:
            found[short] = ConsumerView(
                short,
                lag=known(place),
                unacknowledged=known(1),
                rate_in=known(3.1),
                rate_out=known(3.1),
                errors=known(0),
                redelivered=known(0),
                dead_letters=known(0),
                oldest=known(2),
                connected=known(1),
                lag_history=(1, 2, 1, 2, 1, 2, 1, 2),
                verdict=Verdict.KEEPING_UP,
                because="3.1/s in, 3.1/s out, nothing waits longer than 2s",
            )
    found["consumer-order"] = replace(
        found["consumer-order"],
        lag=known(2318),
        unacknowledged=known(6),
        rate_in=known(9.1),
        rate_out=known(0),
        lag_history=(4, 40, 200, 700, 1200, 1700, 2100, 2318),
        oldest=known(252),
        idle_since=ago(minutes=4, seconds=12),
        verdict=Verdict.STUCK,
        because="2,318 wait, none acknowledged for 4m12s although 1 consumer is connected",
    )
    found["consumer-orders-bulk-upload"] = replace(
        found["consumer-orders-bulk-upload"],
        lag=known(140),
        rate_in=known(21.0),
        rate_out=known(20.7),
        verdict=Verdict.FALLING_BEHIND,
        because="21.0/s in, 20.7/s out: 18 more each minute",
    )
    none = Reading(None, absence=Absence.NO_CONSUMER, reason="the broker has no consumer")
    lost = Reading(None, absence=Absence.UNREACHABLE, reason="prometheus did not answer for 12s")
    missing = Reading(None, absence=Absence.NO_SERIES, reason="no series")
    found["consumer-default"] = ConsumerView(
        "consumer-default", verdict=Verdict.CANNOT_TELL, because="no source is configured in the inventory"
    )
    found["consumer-customer"] = replace(
        found["consumer-customer"], connected=none, lag=known(12), rate_out=none, verdict=Verdict.NO_CONSUMER,
        because="12 wait and nobody consumes",
    )  # fmt: skip
    found["consumer-lis-patient"] = replace(
        found["consumer-lis-patient"], lag=lost, rate_in=missing, rate_out=missing,
        verdict=Verdict.CANNOT_TELL,
        because="prometheus did not answer for 12s",
    )  # fmt: skip
    return found


def snapshot() -> Snapshot:
    """The namespace as the reference describes it, with one consumer stuck."""
    deployments = {full: deployment(full, replicas) for _, full, _, replicas, _ in WORKLOADS}
    pods: dict[str, Pod] = {}
    for _, full, _, replicas, _ in WORKLOADS:
        for number in range(replicas):
            one = pod(full, f"x{number}k9f", restarts=3 if full == FULL["cron"] else 0,
                      last=ago(minutes=12) if full == FULL["cron"] else None)  # fmt: skip
            pods[one.name] = one
    sets = {rs.name: rs for _, full, _, replicas, _ in WORKLOADS for rs in [replica_set(full, replicas)]}
    old = replica_set(FULL["consumer-order"], 1, 40, template="bbbb")
    sets[old.name] = old
    services = {
        name: Service(name, f"s-{name}", "1", ago(days=682), kind, ip, ports=ports, selector={"app": name})
        for name, kind, ip, ports in (
            (FULL["app"], "NodePort", "10.8.21.22", (ServicePort("http", 80, "8080", node_port=32095),)),
            (FULL["nginx"], "NodePort", "10.8.23.0", (ServicePort("http", 80, "80", node_port=30059),)),
            (
                FULL["otel-collector"],
                "ClusterIP",
                "10.8.18.192",
                (ServicePort("otlp", 4317, "4317"), ServicePort("http", 4318, "4318")),
            ),
        )
    }
    events = {
        "e1": Event("e1", "e1", "1", "Warning", "BackOff", "Back-off restarting failed container", "Pod",
                    next(p for p in pods if "cron" in p), count=3, last_seen=ago(minutes=3)),
        "e2": Event("e2", "e2", "1", "Normal", "SuccessfulRescale",
                    "New size: 2; reason: All metrics below target",
                    "HorizontalPodAutoscaler", FULL["app"], last_seen=ago(hours=3)),
    }  # fmt: skip
    nodes = {
        "gke-pool-1-a2f4": Node("gke-pool-1-a2f4", "n1", "1", ago(days=90), "Ready", version="v1.32.4",
                                cpu_allocatable=7.9, memory_allocatable=28 << 30,
                                conditions=(Condition("Ready", "True"),)),
    }  # fmt: skip
    usage = {
        name: Usage(name, 0.02 + 0.013 * place, (40 + 3 * place) << 20, ago(seconds=20), 15.0)
        for place, name in enumerate(pods)
        if "nginx" not in name
    }
    return Snapshot(
        revision=1,
        taken_at=NOW,
        connection=Connection("gke-prod-1", "https://192.0.2.1", "spc--pos", identity=Identity("oncall")),
        feeds={kind: Feed(kind, FeedState.LIVE, ago(minutes=9), ago(seconds=0.3)) for kind in Kind},
        pods=pods,
        deployments=deployments,
        replica_sets=sets,
        hpas={hpa().name: hpa()},
        services=services,
        events=events,
        nodes=nodes,
        pod_usage=usage,
        node_usage={"gke-pool-1-a2f4": Usage("gke-pool-1-a2f4", 2.1, 9 << 30)},
    )


def problems() -> tuple[Problem, ...]:
    """One critical, one warning."""
    order = FULL["consumer-order"]
    return (
        Problem("consumer-stuck", Severity.CRITICAL, "deployment", order, "consumer-order",
                "not processing: 1/1 ready, no message for 4m, 2,318 waiting", ago(minutes=4, seconds=12),
                runbook="consumer-not-processing", params={"consumer": "consumer-order"},
                evidence=(("lag", "2,318"), ("acknowledged", "0 in 4m12s"))),
        Problem("restarts-rising", Severity.WARNING, "deployment", FULL["cron"], "cron",
                "3 restarts, the last 12m ago", ago(minutes=40), since_at_least=True),
    )  # fmt: skip


def view() -> View:
    """The whole view."""
    return View(
        snapshot=snapshot(),
        surroundings=Surroundings("production", True, "ask", bound=True),
        consumers=consumers(),
        problems=problems(),
        risks=(
            Problem("single-replica", Severity.RISK, "deployment", FULL["cron"], "cron", "one replica"),
        ),
        actions=(
            ActionSummary(12, ago(minutes=34), "oncall", "restart", "consumer-customer",
                          "succeeded", "passed", 41.0, "rec-12"),
            ActionSummary(11, ago(hours=9), "night", "restart", "consumer-order",
                          "refused", record_id="rec-11"),
        ),
        usage_history=dict.fromkeys(snapshot().pods, (0.1, 0.2, 0.4, 0.3)),
        hpa_history={
            FULL["app"]: tuple((NOW.timestamp() - 60 * i, 2 + (i % 3), 2 + (i % 4)) for i in range(90, 0, -1))
        },
    )  # fmt: skip


_SHORTS = tuple(short for short, *_ in WORKLOADS)
_CONSUMERS = tuple(short for short in _SHORTS if short.startswith("consumer-"))
_WORKLOAD = ParamSummary("workload", "workload", "The deployment.", _SHORTS)
RUNBOOKS = (
    RunbookSummary("consumer-not-processing", "Consumer not processing", "A consumer is up but does nothing",
                   "pos", "procedure", ("consumer",), changes=True,
                   asks=(ParamSummary("consumer", "workload", "The consumer.", _CONSUMERS),)),
    RunbookSummary("look-around", "Look around", "Reads a little of everything", "pos", "procedure", ()),
    RunbookSummary("restart-consumer", "Restart a consumer", "Restart it", "pos", "operation", ("consumer",),
                   changes=True, asks=(ParamSummary("consumer", "workload", "Which.", _CONSUMERS),)),
    RunbookSummary("scale-workload", "Scale a workload", "Set the number of replicas", "pos", "operation",
                   ("workload", "replicas"), changes=True,
                   asks=(_WORKLOAD, ParamSummary("replicas", "integer", "How many.", default="2"))),
    RunbookSummary("delete-pod", "Delete one hung pod", "Delete it", "pos", "operation", ("workload", "pod"),
                   changes=True, asks=(_WORKLOAD, ParamSummary("pod", "text", "Its exact name."))),
    RunbookSummary("roll-back", "Roll back", "To an earlier revision", "pos", "operation",
                   ("workload", "revision"), changes=True,
                   asks=(_WORKLOAD, ParamSummary("revision", "revision", "Which revision.", required=False,
                                                 of="workload"))),
)  # fmt: skip
_TITLES = (
    ("pods", "diagnose", "Its pods"),
    ("logs", "diagnose", "Last 100 log lines"),
    ("use", "diagnose", "Resource use"),
    ("stuck", "decide", "Stuck or slow?"),
    ("restart", "act", "Restart the consumer"),
    ("done", "done", "Done"),
)


def steps(current: str, answers: Mapping[str, str] | None = None) -> tuple[StepView, ...]:
    """The path with everything before ``current`` passed."""
    place = next(i for i, step in enumerate(_TITLES) if step[0] == current)
    return tuple(
        StepView(id, type, title, StepState.PASSED if i < place else StepState.WAITING,
                 1.0 + i if i < place else None, (answers or {}).get(id, ""))
        for i, (id, type, title) in enumerate(_TITLES)
    )  # fmt: skip


EVIDENCE = (
    Evidence("pods", "Pods of consumer-order", columns=("NAME", "READY", "STATUS"),
             rows=(("consumer-order-4f2-x0k9f", "1/1", "Running"),),
             kubectl="kubectl -n spc--pos get pods -l app=consumer-order"),
    Evidence("logs", "Last 100 log lines", "02:09:55 INFO waiting\n02:09:56 ERROR channel closed by broker\n",
             notice=("1 line of 100 is an error: channel closed",)),
)  # fmt: skip

CONFIRMATION = Confirmation(
    step="restart",
    title="Restart the consumer",
    why="The pod is Running and ready, yet nothing was acknowledged for 4m. A new pod opens a new channel.",
    will=("change deployment/consumer-order: pod template annotation restartedAt",),
    hits=("1 pod of 1: about 20 s without a consumer", "6 unacknowledged messages come again"),
    undo="none (same image again); if it stays down: roll back to revision 40",
    rules=("mitigation", "reason required", "lock held ✔"),
    diff="- restartedAt: 2026-03-01\n+ restartedAt: 2026-03-14",
    kubectl="kubectl -n spc--pos rollout restart deployment/spc--pos--be--consumer-order--prod",
    type_this="consumer-order",
    full_name=FULL["consumer-order"],
    reason_required=True,
)


def table(kind: str, columns: Sequence[str], *rows: tuple[str, ...]) -> ServerTable:
    """What the server prints of a kind; the first cell is the name."""
    return ServerTable(
        kind, tuple(TableColumn(c) for c in columns), tuple(TableRow(r[0], r, {"app": r[0]}) for r in rows)
    )


TABLES = (
    table("pods", ("Name", "Ready", "Status", "Restarts", "Age"), ("one-1", "1/1", "Running", "0", "2d")),
    table("jobs.batch", ("Name", "Status", "Completions", "Age"),
          ("tidy-1", "Complete", "1/1", "3h"), ("tidy-2", "Failed", "0/1", "90m")),
    ServerTable("cronjobs", problem="cronjobs.batch in spc--pos: cannot list"),
)  # fmt: skip


def forward_view(**given: Any) -> ForwardView:
    """An open port-forward of the API."""
    choice = ForwardChoice("service", FULL["app"], 80, 8080)
    made = ForwardView("f1", choice, 8080, "pod-1", 8080, ForwardState.LISTENING, NOW, probe_path="/healthz")
    return replace(made, **given)


class FakeForwards:
    """Port-forwards without sockets."""

    def __init__(self) -> None:
        self.open: dict[str, ForwardView] = {}
        self.refuse: PosdeckError | None = None
        self.answer = ProbePoint(NOW, 200, 0.012, "OK", body="up")

    def list(self) -> tuple[ForwardView, ...]:
        return tuple(self.open.values())

    async def start(self, choice: ForwardChoice) -> ForwardView:
        if self.refuse is not None:
            raise self.refuse
        made = ForwardView(
            f"f{len(self.open) + 1}", choice, choice.local, "pod-1", choice.remote, ForwardState.LISTENING,
            NOW, probe_path="/",
        )  # fmt: skip
        self.open[made.id] = made
        return made

    async def stop(self, forward_id: str) -> ForwardView:
        return self.open.pop(forward_id)

    async def probe(self, forward_id: str, path: str = "") -> ProbePoint:
        known = self.open[forward_id]
        self.open[forward_id] = replace(
            known, probes=(*known.probes, self.answer), probe_path=path or known.probe_path
        )
        return self.answer

    def probe_always(self, forward_id: str, path: str = "", *, on: bool = True) -> None:
        self.open[forward_id] = replace(self.open[forward_id], probing=on)


class FakeLifting:
    """Redaction, lifted for ten minutes of the front's clock; the view says so, as the real front's does."""

    def __init__(self, front: FakeFront) -> None:
        self._front = front
        self.until: datetime | None = None
        self.reasons: list[str] = []

    @property
    def active(self) -> bool:
        return self.until is not None

    async def lift(self, reason: str) -> datetime:
        if len(reason) < 8:
            raise RefusedError("reason", "redaction", "it is lifted only for a reason", "Say why.")
        self.reasons.append(reason)
        self.until = self._front.clock.now() + timedelta(minutes=10)
        self.show()
        return self.until

    async def end(self, how: str = "by key") -> None:
        self.reasons.append(f"ended {how}")
        self.until = None
        self.show()

    def show(self) -> None:
        """The next view."""
        shown = self._front.view
        around = replace(shown.surroundings, unredacted_until=self.until)
        self._front.post(replace(shown, surroundings=around))


class FakeCharts:
    """Charts of an hour: a curve with a hole in it, one that rises, one without a source."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, float]] = []

    def subjects(self) -> tuple[Subject, ...]:
        return (
            Subject("Bulk upload", ("consumer-orders-bulk-upload", "consumer-orders-bulk-upload-vip1")),
            Subject("Main API", ("app",), api=True),
        )

    async def page(self, subject: Subject, seconds: float) -> PlotPage:
        self.asked.append((subject.title, seconds))
        end = NOW.timestamp()
        start, step = end - seconds, seconds / 60
        rising = tuple((start + i * step, i * 40.0) for i in range(61))
        holed = tuple(p for p in rising if not 20 <= (p[0] - start) / step < 40)
        lag = (Curve(subject.names[0], rising, step), Curve(subject.names[-1], holed, step))
        none = Curve("requests", reason="no source is configured in the inventory")
        plots = (
            Plot("Lag", "messages waiting", lag),
            Plot("Arriving", "messages a second", (none,)),
            Plot("Done", "messages a second", (Curve("done", rising, step),)),
            Plot("Replicas against load", "consuming", lag, (Curve("all", rising, step),), "a second"),
        )
        return PlotPage(subject.title, start, end, plots)


class FakeTracing:
    """A collector that falls behind."""

    async def read(self, seconds: float) -> TracingView:
        end = NOW.timestamp()
        numbers = TraceNumbers(
            accepted=known(320.0), refused=known(0.0), sent=known(200.0), failed=known(0.0),
            dropped=Reading(None, absence=Absence.NO_SERIES, reason="it does not serve that"),
            queued=known(610.0), capacity=known(1000.0), growth=known(1.2),
        )  # fmt: skip
        plots = (Plot("Spans", "a second", (Curve("accepted", ((end - 60, 300.0), (end, 320.0)), 60.0),)),)
        return TracingView(
            "otel-collector", TraceState.FALLING_BEHIND, "the queue grows by 1.20 batches a second", numbers,
            "otel-collector's own metrics", pods=("otel-collector-1",), plots=plots, start=end - seconds, end=end,
        )  # fmt: skip


class FakeProposals:
    """A proposal for one consumer, and none for the other."""

    def candidates(self) -> tuple[str, ...]:
        return ("consumer-orders-bulk-upload", "consumer-orders-bulk-upload-vip1")

    async def propose(self, name: str, seconds: float) -> ProposalView:
        end = NOW.timestamp()
        if name.endswith("vip1"):
            return ProposalView(name, reason="only 3 samples: too few to propose from", end=end)
        points = tuple((end - seconds + i * seconds / 20, 3.0 + i % 3) for i in range(21))
        would = Replay(points, tuple((at, v * 100) for at, v in points), 74.0, seconds, 8, 51.0)
        fixed = Replay(points, tuple((at, v * 9000) for at, v in points), 72.0, seconds, 0, 1380.0)
        return ProposalView(
            name, "pos.orders.bulk-upload", policy=ScalingPolicy(270, 3, 6, 600), why=("one replica did 9.0 a second",),
            fixed=3, would=would, as_fixed=fixed, plots=(Plot("Replicas", "", (Curve("proposed", points, seconds / 20),)),),
            start=end - seconds, end=end, params={"consumer": name, "messages": "270"},
        )  # fmt: skip


class FakeFront:
    """The protocol ``Front`` without anything behind it; what was asked of it is kept in ``asked``."""

    def __init__(self, shown: View | None = None, *, confirm_error: Exception | None = None) -> None:
        self.catalogue = catalogue()
        self.clock = ManualClock(NOW)
        self.asked: list[tuple[Any, ...]] = []
        self.confirm_error = confirm_error
        self.open_error: Exception | None = None
        self.library: Sequence[RunbookSummary] = RUNBOOKS
        self.log_lines: list[LogLine] = [
            LogLine("p", "main", ago(seconds=60 - i), f"line {i} of the log", "error" if i % 10 == 3 else "")
            for i in range(60)
        ]
        self.more_logs: asyncio.Queue[LogLine] = asyncio.Queue()
        self.forwards = FakeForwards()
        self.charts = FakeCharts()
        self.tracing = FakeTracing()
        self.proposals = FakeProposals()
        self.tables: dict[str, ServerTable] = {table.kind: table for table in TABLES}
        self.saved: list[tuple[str, list[LogLine]]] = []
        self.remarks: list[tuple[str, str, str, datetime | None]] = []
        self.remark_refused: PosdeckError | None = None
        self._view = shown or view()
        self._listeners: list[Callable[[View], None]] = []
        self._session_listeners: list[Callable[[SessionView], None]] = []
        self._sessions: dict[str, SessionView] = {}

        self.lifting = FakeLifting(self)

    @property
    def view(self) -> View:
        return self._view

    def post(self, new: View) -> None:
        """A new view, as the real front would post it."""
        self._view = new
        for listener in self._listeners:
            listener(new)

    def post_session(self, session: SessionView) -> None:
        """A new state of a session."""
        self._sessions[session.id] = session
        for listener in self._session_listeners:
            listener(session)

    def subscribe(self, listener: Callable[[View], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def subscribe_sessions(self, listener: Callable[[SessionView], None]) -> Callable[[], None]:
        self._session_listeners.append(listener)
        return lambda: self._session_listeners.remove(listener)

    async def start(self) -> None:
        self.asked.append(("start",))

    async def stop(self, cause: str = "") -> None:
        self.asked.append(("stop", cause))

    def runbooks(self) -> Sequence[RunbookSummary]:
        return self.library

    def runbook_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        if short_name.startswith("consumer-"):
            return "consumer-not-processing", {"consumer": short_name}
        return None

    def restart_for(self, short_name: str) -> tuple[str, Mapping[str, str]] | None:
        if short_name.startswith("consumer-"):
            return "restart-consumer", {"consumer": short_name}
        return None

    def runbook_markdown(self, runbook_id: str) -> str:
        return f"# {runbook_id}\n\nLook, decide, act."

    async def open_session(
        self, runbook_id: str, params: Mapping[str, str], *, straight: bool = False
    ) -> SessionView:
        self.asked.append(("open_session", runbook_id, dict(params), *(["straight"] if straight else [])))
        if self.open_error is not None:
            raise self.open_error
        target = params.get("consumer") or params.get("workload", "namespace")
        step = "restart" if runbook_id == "restart-consumer" else "stuck"
        session = SessionView(
            f"7f3a00{len(self._sessions) + 11}", runbook_id, "Consumer not processing", target, "waiting",
            steps(step), current=step, started=NOW, evidence=EVIDENCE,
            question=None if step == "restart" else Question("stuck", "Is it stuck, or only slow?", (
                ChoiceView("stuck", "Stuck: nothing was acknowledged", True, "0 acknowledged in 4m12s"),
                ChoiceView("slow", "Slow: it acknowledges, but too few"),
                ChoiceView("unsure", "Unsure: ask for help"),
            )),
            confirmation=replace(CONFIRMATION, type_this=target) if step == "restart" else None,
        )  # fmt: skip
        self._sessions[session.id] = session
        return session

    async def resume_session(self, session_id: str) -> SessionView:
        self.asked.append(("resume_session", session_id))
        if self.open_error is not None:
            raise self.open_error
        if session_id not in self._sessions:
            opened = await self.open_session("consumer-not-processing", {"consumer": "consumer-order"})
            self._sessions[session_id] = replace(opened, id=session_id)
        return self._sessions[session_id]

    async def hand_over(self, session_id: str, to: str, note: str = "") -> str:
        self.asked.append(("hand_over", session_id, to, note))
        session = self.session(session_id)
        if session.status != "waiting":
            raise PosdeckError(f"session {session_id}", "something of it runs", "Wait for its end.")
        del self._sessions[session_id]
        return f"# Handover: {session.title} – {session.target}\n"

    def session(self, session_id: str) -> SessionView:
        if session_id not in self._sessions:
            raise NotFoundError(f"session {session_id}", "there is none of this id")
        return self._sessions[session_id]

    async def answer(self, session_id: str, choice: str) -> None:
        self.asked.append(("answer", choice))
        self.post_session(
            replace(
                self._sessions[session_id],
                question=None,
                confirmation=CONFIRMATION,
                current="restart",
                steps=steps("restart", {"stuck": choice}),
            )
        )

    async def confirm(
        self, session_id: str, *, typed: str, reason: str, ticket: str, break_glass: str = ""
    ) -> None:
        self.asked.append(("confirm", typed, reason, ticket, break_glass))
        if self.confirm_error is not None:
            raise self.confirm_error
        asked = self._sessions[session_id].confirmation
        if asked is not None and asked.type_this not in {"", typed}:
            raise RefusedError(
                "confirmation", asked.type_this, f"{typed!r} was typed", f"Type {asked.type_this}."
            )
        self.post_session(
            replace(
                self._sessions[session_id],
                confirmation=None,
                status="running",
                tasks=(
                    TaskView("preview: server-side dry run", StepState.PASSED, 0.061),
                    TaskView("restart", StepState.RUNNING),
                    TaskView("wait for the rollout", StepState.WAITING),
                ),
            )
        )

    async def take_back(self, session_id: str, step: str = "") -> SessionView:
        self.asked.append(("take_back", session_id, step))
        return self.session(session_id)

    async def cancel(self, session_id: str) -> None:
        self.asked.append(("cancel", session_id))
        self.post_session(
            replace(self._sessions[session_id], status="cancelled", question=None, confirmation=None)
        )

    async def logs(self, request: LogRequest) -> AsyncIterator[LogLine]:
        self.asked.append(("logs", request))
        for line in self.log_lines:
            text = line.text.replace("[email]", "jane@example.com") if self.lifting.active else line.text
            yield replace(line, pod=request.pods[0], text=text, kept=line.text)
        while request.follow:
            yield await self.more_logs.get()

    async def object(self, kind: str, name: str) -> Mapping[str, Any]:
        self.asked.append(("object", kind, name))
        return {
            "apiVersion": "v1",
            "kind": kind.rstrip("s").capitalize(),
            "metadata": {
                "name": name,
                "namespace": "spc--pos",
                "creationTimestamp": "2026-03-01T00:00:00Z",
                "managedFields": [{"manager": "kubectl"}, {"manager": "helm"}],
            },
            "spec": {"replicas": 1, "contact": "jane@example.com" if self.lifting.active else "[email]"},
            "status": {"conditions": [{"type": "Ready", "status": "True", "reason": "[bold]Fine[/bold]"}]},
        }

    async def table(self, kind: str) -> ServerTable:
        self.asked.append(("table", kind))
        if kind not in self.tables:
            raise UnknownNameError(f"kind {kind}", "this cluster serves none of this name")
        return self.tables[kind]

    async def all_tables(self) -> Sequence[ServerTable]:
        self.asked.append(("all_tables",))
        return tuple(self.tables.values())

    async def namespaces(self) -> Sequence[str]:
        return ("kube-system", "spc--pos")

    async def save_log(self, name: str, lines: Sequence[LogLine], file: str = "") -> Path:
        self.saved.append((file or name, list(lines)))
        return Path("state/logs/saved.log")

    async def remark(self, key: str, word: str, text: str = "", until: datetime | None = None) -> None:
        if self.remark_refused is not None:
            raise self.remark_refused
        self.remarks.append((key, word, text, until))

    async def audit_records(self, limit: int = 200) -> Sequence[ActionSummary]:
        return self._view.actions[:limit]

    async def audit_record(self, record_id: str) -> Mapping[str, Any]:
        self.asked.append(("audit_record", record_id))
        return {"id": record_id, "who": {"user": "oncall", "login_uid": 1000}, "outcome": "succeeded"}
