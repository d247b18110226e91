"""The numbers of one consumer, as the rules want them: handed in by ``operations``, whatever their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from posdeck.telemetry.reading import NO_SOURCE, Reading


@dataclass(frozen=True, slots=True)
class ConsumerFacts:
    """What is measured of a consumer's queue. Rates are messages per second, ``error_rate`` errors per minute.
    ``idle_since`` is set while messages wait and none is acknowledged. The batch publisher may have facts too:
    then ``rate_out`` is what it publishes."""

    name: str  # the workload's short name
    waiting: Reading = NO_SOURCE
    unacknowledged: Reading = NO_SOURCE
    connected: Reading = NO_SOURCE
    rate_in: Reading = NO_SOURCE
    rate_out: Reading = NO_SOURCE
    redelivered_rate: Reading = NO_SOURCE
    idle_since: datetime | None = None
    error_rate: Reading = NO_SOURCE


@dataclass(frozen=True, slots=True)
class Budget:
    """A PodDisruptionBudget: its label selector as the API has it, and how many disruptions it allows now."""

    name: str
    selector: Mapping[str, Any]
    allowed: int
    healthy: int = 0
    wanted: int = 0


@dataclass(frozen=True, slots=True)
class OtherFacts:
    """What the rules can use beside snapshot and consumers; a part that is not measured stays as it is here, and
    the rules that need it say that they cannot tell. Ratios are 0 to 1, latency is in seconds (95 of 100
    requests are faster), span rates per second. ``budgets`` is None while nobody has asked for them."""

    api_error_ratio: Reading = NO_SOURCE
    api_latency: Reading = NO_SOURCE
    api_latency_objective: float | None = None
    api_answers: Reading = NO_SOURCE  # 1 the probe was answered, 0 it was not
    collector_refused: Reading = NO_SOURCE
    collector_export_failed: Reading = NO_SOURCE
    budgets: tuple[Budget, ...] | None = None
    # what ends ("client certificate", "token"), and when; empty where nothing does, None where it is not known
    expiries: Mapping[str, datetime] | None = field(default=None, hash=False)


NOTHING_ELSE = OtherFacts()
