"""An embedded Prometheus: an hour of samples from the load model, behind the HTTP API for queries."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from posdeck.clock import Clock
from posdeck.simulator.evaluation import Labels, Sample, Vector, evaluate
from posdeck.simulator.load import BUCKETS, Load
from posdeck.simulator.promql import Matcher, Node, QueryError, Selector, parse, seconds_of
from posdeck.simulator.resources import NODES
from posdeck.simulator.store import Change, Key

Json = dict[str, Any]

SCRAPE_SECONDS = 15.0
KEPT_SAMPLES = 1700  # an hour at fifteen seconds, and up to a day before it at a minute
MAX_POINTS = 11_000
KEPT_SELECTORS = 500  # whose series are remembered


class Samples:
    """The recorded series."""

    def __init__(self) -> None:
        self._series: dict[Labels, deque[Sample]] = {}  # by sorted labels, the name among them
        self._found: dict[tuple[Matcher, ...], list[tuple[Labels, deque[Sample]]]] = {}

    def add(self, at: float, name: str, value: float, **labels: str) -> None:
        """One sample."""
        key = tuple(sorted({"__name__": name, **labels}.items()))
        ring = self._series.get(key)
        if ring is None:
            ring = self._series[key] = deque(maxlen=KEPT_SAMPLES)
            self._found.clear()
        ring.append((at, value))

    def select(self, node: Selector) -> Iterable[tuple[Labels, Sequence[Sample]]]:
        """See ``evaluation.Source``. What a selector matches is kept until there is a new series."""
        found = self._found.get(node.matchers)
        if found is None:
            found = []
            for key, samples in self._series.items():
                labels = dict(key)
                if all(matcher.test(labels) for matcher in node.matchers):
                    found.append((key, samples))
            if len(self._found) >= KEPT_SELECTORS:
                self._found.clear()
            self._found[node.matchers] = found
        return found


class Scraper:
    """Records the load every fifteen seconds; a controller."""

    name = "scraper"

    def __init__(self, load: Load, clock: Clock, namespace: str) -> None:
        self._load = load
        self._clock = clock
        self._namespace = namespace
        self.samples = Samples()

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        return [("", "scrape")] if kind == NODES.key and change.type == "ADDED" else []

    def reconcile(self, key: Key) -> float | None:
        self.record(self._clock.now())
        return SCRAPE_SECONDS

    def record(self, moment: datetime) -> None:
        """Take one sample of everything."""
        at = moment.timestamp()
        self._queues(at)
        self._api(at)
        add, collector = self.samples.add, self._load.collector
        job = {"job": "otel-collector", "namespace": self._namespace}
        add(
            at,
            "otelcol_receiver_accepted_spans",
            collector.accepted,
            receiver="otlp",
            transport="grpc",
            **job,
        )
        add(at, "otelcol_receiver_refused_spans", collector.refused, receiver="otlp", transport="grpc", **job)
        add(at, "otelcol_exporter_sent_spans", collector.sent, exporter="otlp", **job)
        add(at, "otelcol_exporter_send_failed_spans", collector.failed, exporter="otlp", **job)
        add(at, "otelcol_exporter_queue_size", collector.queued, exporter="otlp", **job)
        add(at, "otelcol_exporter_queue_capacity", 1000, exporter="otlp", **job)
        for name, count in self._load.published.items():
            labels = {"deployment": name, "job": "pos-workers", "namespace": self._namespace}
            add(at, "pos_jobs_published_total", count, **labels)
        for name, ready in self._load.ready().items():
            labels = {"deployment": name, "job": "kube-state-metrics", "namespace": self._namespace}
            add(at, "kube_deployment_status_replicas_ready", ready, **labels)
        for name in ("rabbitmq", "pos-api", "otel-collector", "kube-state-metrics"):
            add(at, "up", 1, job=name, namespace=self._namespace)

    def _queues(self, at: float) -> None:
        add = self.samples.add
        for deployment, queue in self._load.queues.items():
            job = {"job": "pos-consumers", "namespace": self._namespace}
            add(at, "pos_messages_failed_total", queue.failed, deployment=deployment, **job)
            if queue.consumers:
                add(at, "pos_consumer_prefetch", queue.seed.prefetch, deployment=deployment, **job)
            labels = {"queue": queue.seed.name, "vhost": queue.seed.vhost, "job": "rabbitmq"}
            head = queue.head()
            add(at, "rabbitmq_queue_head_message_timestamp", math.nan if head is None else head, **labels)
            add(at, "rabbitmq_queue_messages_ready", queue.ready, **labels)
            add(at, "rabbitmq_queue_messages_unacked", queue.unacked, **labels)
            add(at, "rabbitmq_queue_messages", queue.ready + queue.unacked, **labels)
            add(at, "rabbitmq_queue_consumers", len(queue.consumers), **labels)
            add(at, "rabbitmq_queue_messages_published_total", queue.published, **labels)
            add(at, "rabbitmq_queue_messages_delivered_total", queue.delivered, **labels)
            add(at, "rabbitmq_queue_messages_acked_total", queue.acknowledged, **labels)
            add(at, "rabbitmq_queue_messages_redelivered_total", queue.redelivered, **labels)
            dead = {**labels, "queue": f"{queue.seed.name}.dead"}
            add(at, "rabbitmq_queue_messages_ready", queue.dead, **dead)
            add(at, "rabbitmq_queue_messages_unacked", 0, **dead)
            add(at, "rabbitmq_queue_messages", queue.dead, **dead)
            add(at, "rabbitmq_queue_consumers", 0, **dead)
            add(at, "rabbitmq_queue_messages_published_total", queue.dead, **dead)

    def _api(self, at: float) -> None:
        add, api = self.samples.add, self._load.api
        labels = {"job": "pos-api", "namespace": self._namespace}
        for bound, count in zip([*map(str, BUCKETS), "+Inf"], api.buckets, strict=True):
            add(at, "http_server_request_duration_seconds_bucket", count, le=bound, **labels)
        add(at, "http_server_request_duration_seconds_sum", api.seconds, **labels)
        add(at, "http_server_request_duration_seconds_count", api.buckets[-1], **labels)
        for code, count in api.requests.items():
            add(at, "http_server_requests_total", count, code=str(code), **labels)


class PrometheusApi:
    """``/api/v1/query`` and ``/api/v1/query_range`` below a prefix of their own."""

    PREFIX = "/prometheus"

    def __init__(self, samples: Samples, clock: Clock) -> None:
        self._samples = samples
        self._clock = clock

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer one request under the prefix."""
        path = request.path.removeprefix(self.PREFIX).rstrip("/")
        values = dict(request.query)
        if request.method == "POST":
            values |= {k: str(v) for k, v in (await request.post()).items()}
        status, body = self.answer(path, values)
        if isinstance(body, str):
            return web.Response(text=body, status=status)
        return web.json_response(body, status=status)

    def answer(self, path: str, values: Mapping[str, str]) -> tuple[int, Json | str]:
        """(HTTP status, body) of a query."""
        if path in ("/-/healthy", "/-/ready"):
            return 200, f"Prometheus Server is {path[3:].capitalize()}.\n"
        try:
            match path:
                case "/api/v1/query":
                    return 200, _success(self._instant(values))
                case "/api/v1/query_range":
                    return 200, _success(self._range(values))
                case "/api/v1/status/buildinfo":
                    return 200, _success({"version": "3.0.0-embedded", "revision": "", "branch": ""})
        except QueryError as error:
            return 400, {"status": "error", "errorType": "bad_data", "error": str(error)}
        return 404, "404 page not found\n"

    def _query(self, values: Mapping[str, str]) -> Node:
        text = values.get("query", "")
        if not text.strip():
            raise QueryError(
                'invalid parameter "query": unknown position: parse error: no expression found in input'
            )
        try:
            return parse(text)
        except QueryError as error:
            raise QueryError(f'invalid parameter "query": {error}') from None

    def _time(self, values: Mapping[str, str], name: str) -> float:
        text = values.get(name, "")
        if not text:
            if name == "time":
                return self._clock.now().timestamp()
            raise QueryError(f'invalid parameter "{name}": cannot parse "" to a valid timestamp')
        try:
            return float(text)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise QueryError(
                f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp'
            ) from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def _instant(self, values: Mapping[str, str]) -> Json:
        at = self._time(values, "time")
        node = self._query(values)
        if isinstance(node, Selector) and node.seconds:
            return {"resultType": "matrix", "result": self._raw(node, at)}
        result = evaluate(node, self._samples, at)
        if not isinstance(result, dict):
            return {"resultType": "scalar", "result": [at, _text(result)]}
        rows = [{"metric": dict(labels), "value": [at, _text(value)]} for labels, value in result.items()]
        return {"resultType": "vector", "result": rows}

    def _raw(self, node: Selector, at: float) -> list[Json]:
        """A range selector by itself gives the samples as they were scraped."""
        rows = []
        for labels, samples in self._samples.select(node):
            points: list[list[Any]] = []
            for when, value in reversed(samples):
                if when <= at - node.seconds:
                    break
                if when <= at:
                    points.append([when, _text(value)])
            if points:
                rows.append({"metric": dict(labels), "values": points[::-1]})
        return rows

    def _range(self, values: Mapping[str, str]) -> Json:
        node, start, end = self._query(values), self._time(values, "start"), self._time(values, "end")
        step = seconds_of(values.get("step", ""))
        if end < start:
            raise QueryError('invalid parameter "end": end timestamp must not be before start time')
        if step <= 0:
            raise QueryError(
                'invalid parameter "step": zero or negative query resolution step widths are not accepted.'
            )
        if (end - start) / step > MAX_POINTS:
            raise QueryError(f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries.")
        series: dict[Labels, list[list[Any]]] = {}
        for index in range(int((end - start) / step) + 1):
            at = start + index * step
            value = evaluate(node, self._samples, at)
            found: Vector = value if isinstance(value, dict) else {(): value}
            for labels, number in found.items():
                series.setdefault(labels, []).append([at, _text(number)])
        rows = [{"metric": dict(labels), "values": points} for labels, points in series.items()]
        return {"resultType": "matrix", "result": rows}


def _success(data: Json) -> Json:
    return {"status": "success", "data": data}


def _text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
