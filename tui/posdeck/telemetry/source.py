"""What every source of queue numbers has in common: the question (queues and measures) and the shape of the
answer (tracks of samples). How a request travels is the business of whoever hands in ``Fetch``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from posdeck.errors import PosdeckError
from posdeck.telemetry.reading import Reading

GAUGES = ("waiting", "unacknowledged", "consumers", "oldest", "dead_letters", "prefetch")
COUNTERS = ("acknowledged_total", "published_total", "redelivered_total", "errors_total")
RATES = {  # what a query may give as a ready rate per second, by the counter that it stands for
    "acknowledged_total": "acknowledged_rate",
    "published_total": "published_rate",
    "redelivered_total": "redelivered_rate",
    "errors_total": "errors_rate",
}
MEASURES = (*GAUGES, *COUNTERS, *RATES.values())
LONGEST_ANSWER = 8 << 20  # bytes; a larger one is not parsed

# path ("/api/v1/query") and parameters in, the whole body out; raises PosdeckError when there is no answer
Fetch = Callable[[str, Sequence[tuple[str, str]]], Awaitable[bytes]]
Points = tuple[tuple[float, float], ...]  # (unix seconds, value), in order of time


class SourceError(PosdeckError):
    """A source did not answer, or its answer cannot be used."""


@dataclass(frozen=True, slots=True)
class QueueSource:
    """What to ask about one consumer: its queue, and query templates by measure."""

    name: str
    queue: str
    queries: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Track:
    """The recent samples of one measure of one queue, by our own clock. ``interval`` is the time between two
    samples where it is known (0 is not). ``exact``: the times are those at which the values were taken; else
    each value was taken at some moment of the interval before it. ``fault`` says why the last one is unusable."""

    points: Points
    query: str
    interval: float = 0.0
    exact: bool = True
    fault: str = ""


Answer = Mapping[
    tuple[str, str], Track | Reading
]  # by (consumer, measure); a Reading is a reason for nothing


class QueueReader(Protocol):
    """A source of queue numbers. ``name`` is how readings call it."""

    name: str

    async def read(self, queues: Sequence[QueueSource], now: float) -> Answer:
        """The last minutes of every measure asked for; ``now`` is unix seconds of our clock.

        Raises PosdeckError when the source cannot be asked at all.
        """
        ...

    async def past(
        self,
        queues: Sequence[QueueSource],
        now: float,
        seconds: float,
        *,
        measure: str = "waiting",
        step: float = 0.0,
    ) -> Mapping[str, Points]:
        """The samples of one measure in the last ``seconds``, by consumer and by our own clock; ``step`` is the
        time wanted between two of them, 0 the source's own. Who is not in it has none. Raises PosdeckError."""
        ...
