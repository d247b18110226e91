"""Numbers over time, as plots and replays need them: rates out of counters, holes kept as holes, a value at a moment."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from posdeck.telemetry.source import Points

SHORTEST = 0.001  # seconds between two samples; closer ones are one
HOLE_STEPS = 2.5  # two points further apart than so many steps have nothing between them


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot. ``points`` are (unix seconds, value) in order of time, about ``step`` seconds apart;
    ``reason`` says why there are none."""

    label: str
    points: Points = ()
    step: float = 0.0
    reason: str = ""

    @property
    def pieces(self) -> list[Points]:
        """The stretches without a hole."""
        found: list[list[tuple[float, float]]] = []
        limit = HOLE_STEPS * self.step if self.step > 0 else math.inf
        for point in self.points:
            if not math.isfinite(point[1]):
                found.append([])
            elif found and found[-1] and point[0] - found[-1][-1][0] <= limit:
                found[-1].append(point)
            else:
                found.append([point])
        return [tuple(piece) for piece in found if piece]

    def at(self, moment: float) -> float | None:
        """The last value at or before a moment; None in a hole and outside."""
        place = bisect_right(self.points, (moment, math.inf))
        if not place:
            return None
        at, value = self.points[place - 1]
        limit = HOLE_STEPS * self.step if self.step > 0 else math.inf
        return value if moment - at <= limit and math.isfinite(value) else None


def rates_of(points: Points, step: float) -> Points:
    """A counter's growth per second between its samples, each at the later one; a fall is a reset, after which it
    began at nothing. Samples further apart than a hole give no rate."""
    limit = HOLE_STEPS * step if step > 0 else math.inf
    found = []
    for (before, was), (at, value) in itertools.pairwise(points):
        if SHORTEST <= at - before <= limit and math.isfinite(was) and math.isfinite(value):
            found.append((at, (value - was if value >= was else max(0.0, value)) / (at - before)))
    return tuple(found)


def clipped(points: Points, start: float, end: float) -> Points:
    """The points from ``start`` to ``end``."""
    return tuple(p for p in points if start <= p[0] <= end)


def highest(curves: Iterable[Curve]) -> float:
    """The largest value of all; 0 without one."""
    return max((v for c in curves for _, v in c.points if math.isfinite(v)), default=0.0)


def quantile(values: Sequence[float], share: float) -> float | None:
    """The value that ``share`` (0 to 1) of them do not exceed; None without values."""
    ordered = sorted(v for v in values if math.isfinite(v))
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]
