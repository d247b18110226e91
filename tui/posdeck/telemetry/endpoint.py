"""The queues of a namespace from one Prometheus text endpoint, without a Prometheus: the numbers now, and what was read
of them since the start, so that counters get their rates from the second look on. It has no past of its own."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence

from posdeck.telemetry.exposition import Metric, parse, total
from posdeck.telemetry.reading import Absence, Reading, missing
from posdeck.telemetry.source import Answer, Fetch, Points, QueueSource, Track

KEPT = 300.0  # seconds of own samples
_SELECTOR = re.compile(r"\s*([a-zA-Z_:][\w:]*)\s*(?:\{([^{}]*)\})?\s*")
_LABEL = re.compile(r'\s*([a-zA-Z_]\w*)\s*=\s*"([^"\\]*)"\s*(?:,|$)')


class EndpointQueues:
    """Reads one endpoint. A query is a metric's name with labels that it has to carry exactly
    (``messages_ready{queue="$queue"}``); several series are summed."""

    def __init__(self, fetch: Fetch, name: str, path: str = "/metrics") -> None:
        self.name = name
        self._fetch = fetch
        self._path = path
        self._seen: dict[tuple[str, str], deque[tuple[float, float]]] = {}

    async def read(self, queues: Sequence[QueueSource], now: float) -> Answer:
        metrics = parse(await self._fetch(self._path, []), self.name)
        return {
            (q.name, m): self._track((q.name, m), template.replace("$queue", q.queue), metrics, now)
            for q in queues
            for m, template in q.queries.items()
        }

    async def past(
        self,
        queues: Sequence[QueueSource],
        now: float,
        seconds: float,
        *,
        measure: str = "waiting",
        step: float = 0.0,
    ) -> Mapping[str, Points]:
        return {q.name: tuple(self._seen.get((q.name, measure), ())) for q in queues}

    def _track(self, key: tuple[str, str], query: str, metrics: list[Metric], now: float) -> Track | Reading:
        wanted = selector(query)
        if wanted is None:
            reason = f"{query} is no metric with labels; an endpoint knows no other queries"
            return missing(Absence.INVALID, reason, source=self.name, query=query)
        name, labels = wanted
        there = [
            m for m in metrics if m.name in (name, f"{name}_total") and labels.items() <= m.labels.items()
        ]
        if not there:
            self._seen.pop(key, None)
            reason = f"there is no {query} in {self.name}"
            return missing(Absence.NO_SERIES, reason, source=self.name, query=query)
        value = total(there, name)
        if value is None:
            return missing(Absence.INVALID, "the value is no number", source=self.name, query=query)
        kept = self._seen.setdefault(key, deque())
        kept.append((now, value))
        while kept and now - kept[0][0] > KEPT:
            kept.popleft()
        return Track(tuple(kept), query)


def selector(query: str) -> tuple[str, Mapping[str, str]] | None:
    """The name and the labels of a plain selector with ``=`` only; None for anything else."""
    match = _SELECTOR.fullmatch(query)
    if match is None:
        return None
    labels: dict[str, str] = {}
    text, at = match[2] or "", 0
    while at < len(text.rstrip()):
        label = _LABEL.match(text, at)
        if label is None:
            return None
        labels[label[1]] = label[2]
        at = label.end()
    return match[1], labels
