"""What is worth looking at as a picture: lag, rates, latency and replicas against load over a stretch of the past.
Asked for when somebody looks, never polled; a source that is slow or gone leaves a plot that says so."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError
from posdeck.operations.others import API_LEVEL
from posdeck.telemetry.curves import Curve
from posdeck.telemetry.reading import NO_SOURCE
from posdeck.telemetry.source import RATES, Points

if TYPE_CHECKING:
    from posdeck.catalogue.model import Catalogue
    from posdeck.clock import Clock
    from posdeck.operations.numbers import Numbers
    from posdeck.operations.view import View
    from posdeck.telemetry.prometheus import Prometheus, Series

ZOOMS: tuple[tuple[str, float], ...] = (
    ("15 min", 900.0),
    ("1 h", 3600.0),
    ("6 h", 21_600.0),
    ("24 h", 86_400.0),
)
POINTS = 120  # that one curve has at most
RATE_POINTS = 60  # a rate over a shorter time shows chance and nothing else
QUANTILES = (0.5, 0.95, 0.99)
_QUANTILE = re.compile(r"\s*histogram_quantile\(\s*[\d.]+\s*,")


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture. ``curves`` share one scale in ``unit``; ``right`` is drawn against a scale of its own."""

    title: str
    unit: str
    curves: tuple[Curve, ...]
    right: tuple[Curve, ...] = ()
    right_unit: str = ""

    @property
    def reason(self) -> str:
        """Why there is nothing to draw; empty when there is something."""
        every = (*self.curves, *self.right)
        if any(c.points for c in every):
            return ""
        return next((c.reason for c in every if c.reason), "nothing was measured in this time")


@dataclass(frozen=True, slots=True)
class PlotPage:
    """The pictures of one subject over one stretch of time (unix seconds)."""

    subject: str
    start: float
    end: float
    plots: tuple[Plot, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to look at: consumers that are compared on one scale, or a workload behind an HPA."""

    title: str
    names: tuple[str, ...]
    api: bool = False


class Charts:
    """Answers what the plots ask for."""

    def __init__(
        self,
        catalogue: Catalogue,
        clock: Clock,
        numbers: Callable[[], Numbers | None],
        view: Callable[[], View],
    ) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._numbers = numbers
        self._view = view

    def subjects(self) -> tuple[Subject, ...]:
        """Every section that reads queues, then what answers requests."""
        found = []
        for section in self._catalogue.sections():
            names = tuple(w.name for w in section.workloads if w.queue)
            if names:
                found.append(Subject(section.group.title, names))
        level = self._catalogue.service_levels.get(API_LEVEL)
        found += [
            Subject(w.purpose.split(" for ")[0], (w.name,), api=True)
            for w in self._catalogue.workloads.values()
            if w.hpa and not w.queue and level is not None
        ]
        return tuple(found)

    async def page(self, subject: Subject, seconds: float) -> PlotPage:
        """The plots of a subject over the last ``seconds``. Never raises for a source that fails."""
        end = self._clock.now().timestamp()
        plots = await (self._api(subject, end, seconds) if subject.api else self._queues(subject, seconds))
        return PlotPage(subject.title, end - seconds, end, plots)

    async def _queues(self, subject: Subject, seconds: float) -> tuple[Plot, ...]:
        numbers = self._numbers()
        measures = ("waiting", "published_total", "acknowledged_total", "consumers")
        steps = [seconds / (RATE_POINTS if m in RATES else POINTS) for m in measures]
        if numbers is None:
            found: list[Mapping[str, Curve]] = [
                {n: Curve(n, reason="not connected yet") for n in subject.names} for _ in measures
            ]
        else:
            found = list(
                await asyncio.gather(
                    *(
                        numbers.past(subject.names, m, seconds, s)
                        for m, s in zip(measures, steps, strict=True)
                    )
                )
            )
        waiting, arriving, done, connected = ([each[n] for n in subject.names] for each in found)
        load = total(arriving, "arriving, all")
        return (
            Plot("Lag", "messages waiting", tuple(waiting)),
            Plot("Arriving", "messages a second", tuple(arriving)),
            Plot("Done", "messages a second", tuple(done)),
            Plot("Replicas against load", "consuming", tuple(connected), (load,), "arriving a second"),
        )

    async def _api(self, subject: Subject, end: float, seconds: float) -> tuple[Plot, ...]:
        numbers, name = self._numbers(), subject.names[0]
        workload = self._catalogue.workloads[name]
        level = self._catalogue.service_levels[API_LEVEL]
        source, step = numbers.source if numbers else None, seconds / POINTS

        async def curve(label: str, query: str | None, lacking: str) -> Curve:
            if query is None:
                return Curve(label, reason=f"{NO_SOURCE.reason}: {lacking}")
            return await past_of(source, query, label, end, seconds, step)

        requests = curve("requests", workload.query("requests_rate"), "queries.requests_rate of the workload")
        replicas = curve("ready", workload.query("replicas"), "queries.replicas of the workload")
        bad = level.bad_ratio.replace("$window", f"{max(300, round(2 * step))}s") if level.bad_ratio else None
        errors = curve("errors", bad, f"bad_ratio of service level {level.id}")
        quantiles = [
            curve(label, query, f"query of service level {level.id}")
            for label, query in _quantiles(level.query)
        ]
        load, ready, failed, *latency = await asyncio.gather(requests, replicas, errors, *quantiles)
        wanted = self._hpa(workload.hpa or "", end - seconds)
        return (
            Plot("Latency", "seconds", tuple(latency)),
            Plot("Requests", "a second", (load,)),
            Plot("Errors", "share of requests", (failed,)),
            Plot("Replicas against load", "replicas", (ready, *wanted), (load,), "requests a second"),
        )

    def _hpa(self, name: str, start: float) -> tuple[Curve, ...]:
        """What the HPA wanted since posdeck began to look: between two of its changes that stays as it is."""
        kept = [p for p in self._view().hpa_history.get(name, ()) if p[0] >= start]
        points = tuple((at, float(desired)) for at, _, desired in kept)
        return (Curve("wanted by the HPA", points),) if points else ()


async def past_of(
    source: Prometheus | None, query: str, label: str, end: float, seconds: float, step: float
) -> Curve:
    """A range query as a curve; one that brings nothing says why."""
    if source is None:
        return Curve(label, reason=NO_SOURCE.reason)
    step = max(15.0, step)
    try:
        found = await source.query_range(query, end - seconds, end, step)
    except PosdeckError as error:
        return Curve(label, reason=str(error))
    if len(found) != 1:
        said = "has no series for" if not found else f"has {len(found)} series, where one is wanted, for"
        return Curve(label, reason=f"{source.name} {said} {query}")
    return Curve(label, _points(found[0]), step)


def total(curves: Sequence[Curve], label: str) -> Curve:
    """The sum of curves at the moments at which all of them are known: a part that is missing is not 0."""
    known = [c for c in curves if c.points]
    if not known or len(known) < len(curves):
        reason = next((c.reason for c in curves if c.reason), "nothing was measured")
        return Curve(label, reason=f"no sum: {reason}")
    step = max(c.step for c in known)
    points = []
    for at, _ in max(known, key=lambda c: len(c.points)).points:
        values = [c.at(at) for c in known]
        if None not in values:
            points.append((at, sum(v for v in values if v is not None)))
    return Curve(label, tuple(points), step)


def _quantiles(query: str | None) -> list[tuple[str, str | None]]:
    """The quantiles that the histogram of a service level can give; the query as it stands where it is none."""
    if query is None or not _QUANTILE.match(query):
        return [("API", query)]
    return [(f"p{q * 100:.0f}", _QUANTILE.sub(f"histogram_quantile({q},", query, count=1)) for q in QUANTILES]


def _points(series: Series) -> Points:
    return series.points
