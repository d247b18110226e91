"""Queue depths from the API server's external metrics (``external.metrics.k8s.io``), which KEDA or an adapter
serves: exactly the number that an autoscaler acts on."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from posdeck.errors import PosdeckError
from posdeck.kubetext.quantities import parse_quantity
from posdeck.telemetry.reading import Absence, Reading, missing
from posdeck.telemetry.source import Answer, Fetch, Points, QueueSource, SourceError, Track

AT_ONCE = 6


class ExternalMetrics:
    """Reads gauges of one namespace. A query is the metric's name, with a label selector after "?" where it
    needs one: ``rabbitmq_queue_depth?queue=$queue``. It has no past and no counters' samples of before."""

    def __init__(self, fetch: Fetch, namespace: str, name: str = "external metrics") -> None:
        self.name = name
        self._fetch = fetch
        self._prefix = f"/apis/external.metrics.k8s.io/v1beta1/namespaces/{namespace}"
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def read(self, queues: Sequence[QueueSource], now: float) -> Answer:
        jobs = [(q, m, t.replace("$queue", q.queue)) for q in queues for m, t in q.queries.items()]
        answers = await asyncio.gather(*(self._one(query, now) for _, _, query in jobs))
        return {(q.name, m): answer for (q, m, _), answer in zip(jobs, answers, strict=True)}

    async def past(
        self,
        queues: Sequence[QueueSource],
        now: float,
        seconds: float,
        *,
        measure: str = "waiting",
        step: float = 0.0,
    ) -> Mapping[str, Points]:
        return {}

    async def _one(self, query: str, now: float) -> Track | Reading:
        metric, _, selector = query.partition("?")
        try:
            async with self._limit:
                parameters = [("labelSelector", selector)] if selector else []
                body = await self._fetch(f"{self._prefix}/{metric}", parameters)
            points = _points(orjson.loads(body), now)
        except PosdeckError as error:
            return missing(Absence.UNREACHABLE, str(error), source=self.name, query=query)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
            problem = SourceError(self.name, f"the answer to {query} cannot be read ({error})")
            return missing(Absence.INVALID, str(problem), source=self.name, query=query)
        if not points:
            return missing(
                Absence.NO_SERIES, f"{self.name} has no value for {query}", source=self.name, query=query
            )
        return Track(points, query)


def _points(document: Any, now: float) -> Points:
    """The sum of the values, which is what an autoscaler compares, with the oldest of their times."""
    items = document["items"]
    if not items:
        return ()
    times = [datetime.fromisoformat(i["timestamp"].replace("Z", "+00:00")).timestamp() for i in items]
    return ((min(*times, now), float(sum(parse_quantity(i["value"]) for i in items))),)
