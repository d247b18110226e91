"""The management API of the embedded broker, as RabbitMQ's own answers it: queues with their samples (every five seconds
of the last minutes, as many as are asked for) and consumers with their prefetch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from posdeck.clock import Clock
from posdeck.simulator.load import Load
from posdeck.simulator.queues import Queue
from posdeck.simulator.resources import NODES
from posdeck.simulator.store import Change, Key

Json = dict[str, Any]
SAMPLE_SECONDS = 5.0
KEPT = 721  # samples: an hour
_LENGTHS = ("messages_ready", "messages_unacknowledged", "messages")
_RATES = ("publish", "ack", "deliver", "redeliver")


class Management:
    """Keeps samples of every queue; a controller that is due every five seconds."""

    PREFIX = "/rabbitmq"
    name = "broker"

    def __init__(self, load: Load, clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._samples: dict[str, deque[tuple[float, Mapping[str, int]]]] = {}

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        return [("", "sample")] if kind == NODES.key and change.type == "ADDED" else []

    def reconcile(self, key: Key) -> float | None:
        self.record(self._clock.now())
        return SAMPLE_SECONDS

    def record(self, moment: datetime) -> None:
        """Take one sample of every queue."""
        for queue in self._load.queues.values():
            for name, now in ((queue.seed.name, _now(queue)), (f"{queue.seed.name}.dead", _dead(queue))):
                self._samples.setdefault(name, deque(maxlen=KEPT)).append((moment.timestamp(), now))

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Answer one request under the prefix."""
        path = request.raw_path.partition("?")[0].removeprefix(self.PREFIX)
        status, body = self.answer([unquote(part) for part in path.strip("/").split("/")], request.query)
        return web.json_response(body, status=status)

    def answer(self, path: Sequence[str], query: Mapping[str, str]) -> tuple[int, Any]:
        """(HTTP status, body) of a request by the parts of its path."""
        match path:
            case ["api", "overview"]:
                return 200, {"rabbitmq_version": "4.0.0-embedded", "cluster_name": "embedded"}
            case ["api", "queues", vhost] if self._has(vhost):
                return 200, [row for q in self._of(vhost) for row in self._rows(q, query)]
            case ["api", "consumers", vhost] if self._has(vhost):
                return 200, [row for q in self._of(vhost) for row in _consumers(q)]
        return 404, {"error": "Object Not Found", "reason": "Not Found"}

    def _has(self, vhost: str) -> bool:
        return any(q.seed.vhost == vhost for q in self._load.queues.values())

    def _of(self, vhost: str) -> list[Queue]:
        return [q for q in self._load.queues.values() if q.seed.vhost == vhost]

    def _rows(self, queue: Queue, query: Mapping[str, str]) -> list[Json]:
        live = self._row(queue.seed.name, queue, _now(queue), query)
        live["consumers"] = len(queue.consumers)
        head = queue.head()
        if head is not None:
            live["head_message_timestamp"] = int(head)
        dead = self._row(f"{queue.seed.name}.dead", queue, _dead(queue), query)
        return [live, {**dead, "consumers": 0}]

    def _row(self, name: str, queue: Queue, now: Mapping[str, int], query: Mapping[str, str]) -> Json:
        lengths = self._spaced(name, query.get("lengths_age"), query.get("lengths_incr"))
        rates = self._spaced(name, query.get("msg_rates_age"), query.get("msg_rates_incr"))
        row: Json = {
            "name": name,
            "vhost": queue.seed.vhost,
            "durable": True,
            "type": "classic",
            "state": "running",
        }
        row |= {field: now[field] for field in _LENGTHS}
        row |= {f"{field}_details": _details(field, lengths) for field in _LENGTHS}
        statistics: Json = {}
        for field in _RATES:
            if now[field]:  # what never happened is not listed
                statistics |= {field: now[field], f"{field}_details": _details(field, rates)}
        return {**row, "message_stats": statistics} if statistics else row

    def _spaced(self, name: str, age: str | None, step: str | None) -> list[tuple[float, Mapping[str, int]]]:
        """The samples not older than ``age`` seconds and ``step`` apart, the newest among them."""
        if not (age or "").isdigit() or not (step or "").isdigit() or not int(step or 0):
            return []
        kept = self._samples.get(name, ())
        end, found = self._clock.now().timestamp(), list[tuple[float, Mapping[str, int]]]()
        for at, values in reversed(kept):
            if end - at > int(age or 0):
                break
            if not found or found[-1][0] - at >= int(step or 0) - 0.5:
                found.append((at, values))
        return found[::-1]


def _now(queue: Queue) -> dict[str, int]:
    return {
        "messages_ready": queue.ready,
        "messages_unacknowledged": queue.unacked,
        "messages": queue.ready + queue.unacked,
        "publish": queue.published,
        "ack": queue.acknowledged,
        "deliver": queue.delivered,
        "redeliver": queue.redelivered,
    }


def _dead(queue: Queue) -> dict[str, int]:
    none = dict.fromkeys(_RATES, 0)
    return {
        **none,
        "messages_ready": queue.dead,
        "messages_unacknowledged": 0,
        "messages": queue.dead,
        "publish": queue.dead,
    }


def _details(field: str, samples: Sequence[tuple[float, Mapping[str, int]]]) -> Json:
    points = [{"sample": values[field], "timestamp": int(at * 1000)} for at, values in samples]
    if len(samples) < 2:
        return {"rate": 0.0, "samples": points[::-1]}
    (start, first), (end, last) = samples[-2], samples[-1]
    return {"rate": (last[field] - first[field]) / (end - start), "samples": points[::-1]}


def _consumers(queue: Queue) -> list[Json]:
    return [
        {
            "queue": {"name": queue.seed.name, "vhost": queue.seed.vhost},
            "consumer_tag": f"ctag-1.{uid[:8]}",
            "prefetch_count": queue.seed.prefetch,
            "ack_required": True,
            "active": True,
        }
        for uid in queue.consumers
    ]
