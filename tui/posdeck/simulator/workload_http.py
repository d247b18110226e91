"""What answers on the ports of the pods: enough HTTP for probes, a request to the API, and the collector's metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from posdeck.simulator.controllers.behaviour import workload_of
from posdeck.simulator.controllers.replicaset import is_ready
from posdeck.simulator.load import Load
from posdeck.simulator.seed import Role, Seed

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"

    def encode(self) -> bytes:
        """On the wire, with the connection closed afterwards."""
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\nContent-Type: {self.content_type}\r\n"
            f"Content-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + self.body


def _json(status: int, body: Json) -> Reply:
    return Reply(status, orjson.dumps(body))


class Workloads:
    """Plays the programs in the pods."""

    def __init__(self, seed: Seed, load: Load) -> None:
        self._seed = seed
        self._load = load
        self._programs: dict[Role, Callable[[Json, int, str], Reply | None]] = {
            Role.API: self._api,
            Role.COLLECTOR: self._collector,
            Role.PROXY: self._proxy,
        }

    def listens(self, pod: Json, port: int) -> bool:
        """Whether anything answers on that port of the pod."""
        declared = {p["containerPort"] for c in pod["spec"]["containers"] for p in c.get("ports") or ()}
        workload = workload_of(self._seed, pod)
        if workload is not None and workload.role is Role.COLLECTOR:
            declared |= {8888, 13133}
        return port in declared

    def answer(self, pod: Json, port: int, method: str, path: str) -> Reply:
        """The answer of a pod's program to one request."""
        workload = workload_of(self._seed, pod)
        program = self._programs.get(workload.role) if workload else None
        reply = program(pod, port, path.partition("?")[0]) if program else Reply(200, b"ok\n", "text/plain")
        if method not in ("GET", "HEAD"):
            return _json(405, {"error": "method not allowed"})
        return reply or _json(404, {"error": "not found", "path": path})

    def _api(self, pod: Json, _port: int, path: str) -> Reply | None:
        ready = is_ready(pod)
        if path in ("/healthz", "/health", "/ready", "/live", "/"):
            status = 200 if ready or path == "/live" else 503
            checks = {"database": "up", "queue": "up", "payments": "up"}
            return _json(status, {"status": "up" if status == 200 else "starting", "checks": checks})
        return _json(401, {"error": "authentication required"}) if path.startswith("/api/") else None

    def _proxy(self, _pod: Json, _port: int, path: str) -> Reply | None:
        page = b"<!doctype html><title>Point of sale</title><div id=app></div>\n"
        return Reply(200, page, "text/html") if path in ("/", "/index.html") else None

    def _collector(self, _pod: Json, port: int, path: str) -> Reply | None:
        now = self._load.collector
        if port == 13133:
            return _json(200, {"status": "Server available"})
        if port != 8888 or path != "/metrics":
            return None
        rows = (
            ("otelcol_receiver_accepted_spans", "counter", 'receiver="otlp",transport="grpc"', now.accepted),
            ("otelcol_receiver_refused_spans", "counter", 'receiver="otlp",transport="grpc"', now.refused),
            ("otelcol_exporter_sent_spans", "counter", 'exporter="otlp"', now.sent),
            ("otelcol_exporter_send_failed_spans", "counter", 'exporter="otlp"', now.failed),
            ("otelcol_exporter_queue_size", "gauge", 'exporter="otlp"', now.queued),
            ("otelcol_exporter_queue_capacity", "gauge", 'exporter="otlp"', 1000),
        )
        text = "".join(
            f"# TYPE {name} {kind}\n{name}{{{labels}}} {value}\n" for name, kind, labels, value in rows
        )
        return Reply(200, text.encode(), "text/plain; version=0.0.4")


class Connection:
    """One forwarded TCP connection to a pod: bytes in, bytes out; one request, then it is over."""

    LIMIT = 64 << 10

    def __init__(self, workloads: Workloads, pod: Json, port: int) -> None:
        self._workloads = workloads
        self._pod = pod
        self._port = port
        self._received = b""
        self.done = False

    def feed(self, data: bytes) -> bytes:
        """What the program sends back to ``data``."""
        if self.done:
            return b""
        self._received += data
        head, end, _ = self._received.partition(b"\r\n\r\n")
        if not end:
            self.done = len(self._received) > self.LIMIT
            return b""
        self.done = True
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3:
            return Reply(400, b"bad request\n", "text/plain").encode()
        return self._workloads.answer(self._pod, self._port, words[0], words[1]).encode()
