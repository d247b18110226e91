"""Service levels: what was measured, held against its objective, and how fast the error budget burns."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from posdeck.clock import Clock
from posdeck.errors import PosdeckError
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.reading import NO_SOURCE, NOT_YET, Absence, Reading, missing
from posdeck.telemetry.source import Points

_log = logging.getLogger(__name__)
SHORT, LONG = 300, 3600  # seconds; burn rates are read over both, as multiwindow alerts are
FAST_BURN = 14.4  # a budget of 30 days is gone in two days at this rate (Google SRE workbook, chapter 5)
PAST, STEP = 3600.0, 60.0


class LevelState(StrEnum):
    """How a service level stands."""

    MET = "met"
    MISSED = "missed"
    BURNING = "burning fast"  # met so far, but both windows eat the budget fast
    NO_OBJECTIVE = "no objective"  # measured, and nothing says what would be good
    NO_SOURCE = "no source"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True, slots=True)
class LevelQuery:
    """What is asked for one service level. ``bad_ratio`` holds ``$window`` (see the catalogue's ServiceLevel)."""

    id: str
    title: str
    unit: str = ""
    query: str | None = None
    objective: float | None = None
    at_least: bool = False
    bad_ratio: str | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class LevelView:
    """One service level as a card draws it. Burns are multiples of the rate that just uses the budget up (1);
    ``add`` says what the inventory lacks."""

    id: str
    title: str
    unit: str
    state: LevelState
    because: str
    value: Reading = NO_SOURCE
    objective: float | None = None
    at_least: bool = False
    burn_short: Reading = NO_SOURCE
    burn_long: Reading = NO_SOURCE
    history: Points = ()
    add: tuple[str, ...] = ()


@dataclass(slots=True)
class Levels:
    """Asks one Prometheus for all service levels; ``source`` None is an environment that names none."""

    source: Prometheus | None
    queries: Sequence[LevelQuery]
    clock: Clock
    views: tuple[LevelView, ...] = field(init=False)

    def __post_init__(self) -> None:
        waiting = NOT_YET if self.source else NO_SOURCE
        self.views = tuple(level_view(q, waiting if q.query else NO_SOURCE) for q in self.queries)

    async def poll(self) -> None:
        """Ask once. Never raises for a source that fails: the views say so."""
        if self.source is not None:
            self.views = tuple(await asyncio.gather(*(self._sound(self.source, q) for q in self.queries)))

    async def _sound(self, source: Prometheus, query: LevelQuery) -> LevelView:
        try:
            return await self._one(source, query)
        except Exception as error:  # a fault of ours must not leave an old number standing as if it were new
            _log.exception("service level %s cannot be read", query.id)
            reason = f"it cannot be read because of a fault in posdeck ({error!r}); please report it"
            return level_view(query, missing(Absence.UNREACHABLE, reason, source=source.name))

    async def _one(self, source: Prometheus, query: LevelQuery) -> LevelView:
        if query.query is None:
            return level_view(query, NO_SOURCE)
        value, short, long, history = await asyncio.gather(
            self._value(source, query.query, query.unit),
            self._burn(source, query, SHORT),
            self._burn(source, query, LONG),
            self._history(source, query.query),
        )
        return level_view(query, value, short, long, history)

    async def _burn(self, source: Prometheus, query: LevelQuery, seconds: int) -> Reading:
        if query.bad_ratio is None or query.target is None:
            return NO_SOURCE
        expression = query.bad_ratio.replace("$window", f"{seconds}s")
        return burn(await self._value(source, expression, "ratio"), query.target)

    async def _value(self, source: Prometheus, expression: str, unit: str) -> Reading:
        def lacking(absence: Absence, reason: str) -> Reading:
            return missing(absence, reason, source=source.name, query=expression, unit=unit)

        try:
            samples = await source.query(expression)
        except PosdeckError as error:
            return lacking(Absence.UNREACHABLE, str(error))
        if not samples:
            return lacking(Absence.NO_SERIES, f"{source.name} has no series for {expression}")
        if len(samples) > 1:
            return lacking(
                Absence.INVALID, f"{len(samples)} series where one number is wanted: aggregate them"
            )
        if samples[0].value is None:
            return lacking(
                Absence.INVALID, "the value is no number (nothing happened, or a division by zero)"
            )
        return Reading(samples[0].value, unit, samples[0].at, source.name, expression)

    async def _history(self, source: Prometheus, expression: str) -> Points:
        end = self.clock.now().timestamp()
        try:
            series = await source.query_range(expression, end - PAST, end, STEP)
        except PosdeckError:
            return ()  # the value, asked for at the same time, tells why
        return series[0].points if len(series) == 1 else ()


def level_view(
    query: LevelQuery,
    value: Reading,
    burn_short: Reading = NO_SOURCE,
    burn_long: Reading = NO_SOURCE,
    history: Points = (),
) -> LevelView:
    """How a level stands, from what was measured."""
    state, because = _judge(query, value, burn_short, burn_long)
    return LevelView(
        query.id, query.title, query.unit, state, because, value, query.objective, query.at_least,
        burn_short, burn_long, history, _lacks(query),
    )  # fmt: skip


def burn(bad_ratio: Reading, target: float) -> Reading:
    """How many times faster than allowed the budget (1 − ``target``) is used up, from a share of bad events."""
    if bad_ratio.value is None:
        return bad_ratio
    if not 0 <= bad_ratio.value <= 1:
        reason = f"the share of bad events is {bad_ratio.value:g}, not between 0 and 1"
        return missing(Absence.INVALID, reason, source=bad_ratio.source, query=bad_ratio.query)
    rate = bad_ratio.value / (1 - target)
    return Reading(rate, "×", bad_ratio.at, bad_ratio.source, bad_ratio.query)


def budget_lasts(rate: float, days: float = 30.0) -> float | None:
    """Days until a whole budget of ``days`` is used up at a burn rate; None when nothing burns."""
    return days / rate if rate > 0 else None


def _judge(query: LevelQuery, value: Reading, short: Reading, long: Reading) -> tuple[LevelState, str]:
    if value.absence is Absence.NO_SOURCE:
        return LevelState.NO_SOURCE, "no query is configured in the inventory"
    if value.value is None:
        return LevelState.CANNOT_TELL, value.reason or "the value is not known"
    burning = _burning(short, long)
    if query.objective is None:
        return (LevelState.BURNING, burning) if burning else (LevelState.NO_OBJECTIVE, "no objective is set")
    met = value.value >= query.objective if query.at_least else value.value <= query.objective
    wanted = f"{'at least' if query.at_least else 'at most'} {_text(query.objective, query.unit)}"
    compared = f"{_text(value.value, query.unit)}, {wanted} wanted"
    if not met:
        return LevelState.MISSED, f"{compared}; {burning}" if burning else compared
    return (LevelState.BURNING, f"{compared}; {burning}") if burning else (LevelState.MET, compared)


def _burning(short: Reading, long: Reading) -> str:
    """Words for a budget that goes fast over both windows: one alone is a blip, or over already."""
    if short.value is None or long.value is None or min(short.value, long.value) < FAST_BURN:
        return ""
    lasts = budget_lasts(long.value) or 0.0
    return f"the error budget burns {long.value:.0f} times too fast: 30 days' worth in {lasts * 24:.0f} h"


def _lacks(query: LevelQuery) -> tuple[str, ...]:
    """What to add to the inventory so that the card is complete."""
    lacking = []
    if query.query is None:
        lacking.append(
            f"query of service level {query.id}: the PromQL that gives it in {query.unit or 'one number'}"
        )
    if query.objective is None:
        lacking.append(f"objective of service level {query.id}: the bound that the team wants")
    if query.bad_ratio is None or query.target is None:
        lacking.append(f"bad_ratio and target of service level {query.id}, for its error budget")
    return tuple(lacking)


def _text(value: float, unit: str) -> str:
    if unit == "ratio":
        return re.sub(r"\.?0+ %$", " %", f"{value * 100:.3f} %")
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()
