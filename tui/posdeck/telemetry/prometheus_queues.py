"""The queues of a namespace from one Prometheus: a query per measure for all of them.

An instant query gives the time of its evaluation, whatever the age of the sample behind it. So raw samples are
asked for, with the times at which they were scraped; where a query is an expression, or a server has no raw
samples to give, a range query with one point per scrape stands in, and the track says that it is not exact.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from statistics import median_low

from posdeck.clock import Clock
from posdeck.errors import PosdeckError
from posdeck.telemetry.prometheus import (
    Prometheus,
    Series,
    UnsupportedError,
    is_plain,
    placeholder_of,
)
from posdeck.telemetry.reading import Absence, Reading, missing
from posdeck.telemetry.source import MEASURES, Answer, Points, QueueSource, Track

WINDOW = 300.0  # seconds of samples that are asked for
MOST_POINTS = 2_000  # of one series in a look at the past; a server refuses more than 11,000
AT_ONCE = 6  # queries under way at one time
STALE_INTERVALS = 3.5  # a series whose last sample is older than this many scrapes has stopped
Asked = dict[str, Track | Reading]


class PrometheusQueues:
    """Reads queues from one Prometheus that scrapes every ``scrape_seconds`` (learnt where it can be)."""

    def __init__(self, client: Prometheus, clock: Clock, *, scrape_seconds: float = 60.0) -> None:
        self.name = client.name
        self.skew = 0.0  # seconds by which the server's clock is ahead of ours
        self._client = client
        self._clock = clock
        self._scrape = scrape_seconds
        self._raw = True  # until the server says that it has none
        self._limit = asyncio.Semaphore(AT_ONCE)

    async def read(self, queues: Sequence[QueueSource], now: float) -> Answer:
        await self._compare_clocks()
        jobs = [
            (measure, template, group)
            for measure in MEASURES
            for template, group in _by_template(queues, measure).items()
        ]
        answers = await asyncio.gather(*(self._ask(template, group) for _, template, group in jobs))
        found: dict[tuple[str, str], Track | Reading] = {}
        for (measure, _, _), answer in zip(jobs, answers, strict=True):
            found.update({(name, measure): track for name, track in answer.items()})
        return found

    async def past(
        self,
        queues: Sequence[QueueSource],
        now: float,
        seconds: float,
        *,
        measure: str = "waiting",
        step: float = 0.0,
    ) -> Mapping[str, Points]:
        await self._compare_clocks()
        end, found = now + self.skew, dict[str, Points]()
        step = max(self._scrape, step, seconds / MOST_POINTS)
        for template, group in _by_template(queues, measure).items():
            for expression, members in _expressions(template, group):
                all_series = await self._client.query_range(expression, end - seconds, end, step)
                for name, series in _assigned(template, members, all_series).items():
                    if len(series) == 1:
                        found[name] = self._ours(series[0].points)
        return found

    async def _compare_clocks(self) -> None:
        before = self._clock.now().timestamp()
        server = await self._client.clock()
        self.skew = server - (before + self._clock.now().timestamp()) / 2

    async def _ask(self, template: str, group: Sequence[QueueSource]) -> Asked:
        answers: Asked = {}
        for expression, members in _expressions(template, group):
            try:
                async with self._limit:
                    exact, all_series = await self._samples(expression)
            except PosdeckError as error:
                reason = missing(Absence.UNREACHABLE, str(error), source=self.name, query=expression)
                answers.update({q.name: reason for q in members})
                continue
            found = _assigned(template, members, all_series)
            for queue in members:
                answers[queue.name] = self._track(expression, found.get(queue.name, []), exact)
        return answers

    async def _samples(self, expression: str) -> tuple[bool, list[Series]]:
        refused: UnsupportedError | None = None
        if self._raw and is_plain(expression):
            try:
                found = await self._client.samples(expression, WINDOW)
            except UnsupportedError as error:
                refused = error
            else:
                self._learn(found)
                return True, found
        end = self._clock.now().timestamp() + self.skew
        step = max(1.0, self._scrape)
        count = int(WINDOW / step)
        found = await self._client.query_range(expression, end - count * step, end, step)
        if refused is not None:  # the query is sound, only its raw samples are not to be had
            self._raw = False
        return False, found

    def _learn(self, found: Sequence[Series]) -> None:
        gaps = [b - a for s in found for (a, _), (b, _) in zip(s.points, s.points[1:], strict=False)]
        if gaps:
            self._scrape = median_low(gaps)

    def _track(self, expression: str, found: Sequence[Series], exact: bool) -> Track | Reading:
        """What the series of one queue say. An exporter that came back under another label leaves its former
        series behind; two that are alive at once cannot be told apart, and are no number."""
        if not found:
            reason = f"{self.name} has no series for {expression}"
            return missing(Absence.NO_SERIES, reason, source=self.name, query=expression)
        now = self._clock.now().timestamp() + self.skew
        limit = STALE_INTERVALS * self._scrape
        alive = [s for s in found if s.faulty or (s.points and now - s.points[-1][0] <= limit)]
        if len(alive) > 1:
            differ = sorted({k for s in alive for k, v in s.labels.items() if v != alive[0].labels.get(k)})
            names = ", ".join(differ) or "nothing that shows"
            reason = f"{len(alive)} series for one queue, which differ in {names}: sum or narrow the query"
            return missing(Absence.INVALID, reason, source=self.name, query=expression)
        if not alive:
            last = max((s.points[-1][0] for s in found if s.points), default=now)
            reason = f"no sample for {now - last:.0f} s, though one is due every {self._scrape:.0f} s"
            return missing(Absence.INVALID, reason, source=self.name, query=expression)
        fault = "the value is no number" if alive[0].faulty else ""
        return Track(self._ours(alive[0].points), expression, self._scrape, exact, fault)

    def _ours(self, points: Points) -> Points:
        return tuple((at - self.skew, value) for at, value in points)


def _by_template(queues: Sequence[QueueSource], measure: str) -> dict[str, list[QueueSource]]:
    grouped: dict[str, list[QueueSource]] = {}
    for queue in queues:
        if measure in queue.queries:
            grouped.setdefault(queue.queries[measure], []).append(queue)
    return grouped


def _expressions(template: str, group: Sequence[QueueSource]) -> list[tuple[str, list[QueueSource]]]:
    """One expression for all queues of a template where it allows that, else one for each."""
    place = placeholder_of(template)
    together = place.for_all(template, [q.queue for q in group]) if place else None
    if together is not None:
        return [(together, list(group))]
    return [(template.replace("$queue", q.queue), [q]) for q in group]


def _assigned(
    template: str, members: Sequence[QueueSource], found: Sequence[Series]
) -> dict[str, list[Series]]:
    """The series of each queue. A query for one queue alone may have dropped the label."""
    if len(members) == 1 and found:
        return {members[0].name: list(found)}
    place = placeholder_of(template)
    if place is None:
        return {}
    by_queue = {
        q.name: [s for s in found if s.labels.get(place.label) == place.value(q.queue)] for q in members
    }
    return {name: mine for name, mine in by_queue.items() if mine}
