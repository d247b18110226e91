"""Requests to the workloads themselves, through a port-forward of posdeck's own: does the API answer, and what
does the collector count."""

from __future__ import annotations

import re
from dataclasses import dataclass

from posdeck.catalogue.model import Workload
from posdeck.cluster.http_probe import http_probe
from posdeck.cluster.portforward import PortForward
from posdeck.cluster.snapshot import Pod
from posdeck.errors import ClusterError
from posdeck.operations.workshop import Workshop

METRICS_PORT = 8888
_LINE = re.compile(r"^(otelcol_[a-z_]+?)(?:_total)?(?:\{[^}]*\})? ([0-9.eE+-]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answered:
    """A probe's answer; ``status`` None with the ``problem``, ``unavailable`` when it could not be asked at all."""

    status: int | None = None
    milliseconds: float = 0.0
    problem: str = ""
    unavailable: bool = False
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Counters:
    """The collector's spans since it started, summed over receivers and exporters; queue fill in batches."""

    accepted: float = 0.0
    refused: float = 0.0
    sent: float = 0.0
    failed: float = 0.0
    queue_size: float | None = None
    queue_capacity: float | None = None
    problem: str = ""


async def probe_workload(
    workshop: Workshop, workload: Workload, timeout: float, *, path: str = "/", port: int | None = None
) -> Answered:
    """GET ``path`` from one ready pod of the workload; the port is the container's first unless given."""
    pod = _ready_pod(workshop, workload)
    if pod is None:
        return Answered(problem=f"no ready pod of {workload.name} to ask")
    chosen = port or next((p for c in pod.containers for p in c.ports), None)
    if chosen is None:
        return Answered(problem=f"no container port of {pod.name} is known", unavailable=True)
    forward = PortForward(workshop.transport, workshop.target.namespace, pod.name, chosen)
    try:
        result = await http_probe(forward, path, workshop.clock, limit=min(timeout, 10.0), body_limit=1 << 20)
    except ClusterError as error:
        unavailable = type(error).__name__ in {"ForbiddenError", "AuthExpiredError"}
        return Answered(problem=str(error), unavailable=unavailable)
    finally:
        await forward.close()
    return Answered(result.status, result.seconds * 1000, body=result.body)


async def collector_counters(workshop: Workshop, workload: Workload, timeout: float) -> Counters:
    """The collector's own metrics from its port 8888."""
    port = workload.ports.get("metrics", METRICS_PORT)
    answer = await probe_workload(workshop, workload, timeout, path="/metrics", port=port)
    if answer.status != 200:
        return Counters(problem=answer.problem or f"its metrics answered {answer.status}")
    totals: dict[str, float] = {}
    for name, value in _LINE.findall(answer.body.decode("utf-8", "replace")):
        totals[name] = totals.get(name, 0.0) + float(value)
    if not totals:
        return Counters(problem="its metrics name no otelcol series")
    return Counters(
        accepted=totals.get("otelcol_receiver_accepted_spans", 0.0),
        refused=totals.get("otelcol_receiver_refused_spans", 0.0),
        sent=totals.get("otelcol_exporter_sent_spans", 0.0),
        failed=totals.get("otelcol_exporter_send_failed_spans", 0.0),
        queue_size=totals.get("otelcol_exporter_queue_size"),
        queue_capacity=totals.get("otelcol_exporter_queue_capacity"),
    )


def _ready_pod(workshop: Workshop, workload: Workload) -> Pod | None:
    snapshot = workshop.feed.snapshot
    deployment = snapshot.deployments.get(workload.deployment)
    pods = snapshot.pods_of(deployment) if deployment else []
    return next((p for p in sorted(pods, key=lambda p: p.name) if p.is_ready), None)
