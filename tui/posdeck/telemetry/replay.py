"""Playing the past again under another autoscaling policy: how many replicas a queue-based one would have run, the backlog
that would have been, and what both would have cost. The arrivals are those that were measured; a replica does what one
was seen to do. Where nothing was measured, nothing is played."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

from posdeck.telemetry.curves import Curve, quantile
from posdeck.telemetry.source import Points

STEP = 15.0  # seconds between two decisions of an HPA
START_UP = 30.0  # seconds until a new replica consumes
TOLERANCE = 0.1  # of the HPA: smaller differences change nothing
LEAST_POINTS = 10
CALM = 1.0  # changes an hour: each end of a replica ends work in flight


@dataclass(frozen=True, slots=True)
class Policy:
    """A ScaledObject's numbers: messages for one replica (waiting and in hand), bounds, and the seconds for which
    the highest wish of the past holds before replicas go."""

    threshold: int
    minimum: int
    maximum: int
    cooldown: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What would have been. ``backlog`` are all messages, waiting or in hand; ``hours`` are replica-hours over
    ``played`` seconds; ``changes`` counts how often the number of replicas changed."""

    replicas: Points
    backlog: Points
    hours: float
    played: float
    changes: int
    longest_wait: float  # seconds: the largest backlog by the rate at which it was worked off then

    @property
    def peak(self) -> float:
        """The largest backlog."""
        return max((value for _, value in self.backlog), default=0.0)


def replay(arriving: Curve, each: float, policy: Policy, backlog: float = 0.0) -> Replay:
    """Play ``arriving`` (messages a second) against the policy; ``each`` is what one replica does in a second."""
    replicas: list[tuple[float, float]] = []
    left: list[tuple[float, float]] = []
    running = wanted = policy.minimum
    coming: deque[tuple[float, int]] = deque()  # when a started replica is ready, and how many there are then
    wishes: deque[tuple[float, int]] = deque()
    played = hours = wait = 0.0
    changes = 0
    for at in _moments(arriving):
        rate = arriving.at(at)
        if rate is None:
            continue
        while coming and coming[0][0] <= at:
            running = max(running, coming.popleft()[1])
        running = min(running, wanted)
        done = min(backlog + rate * STEP, running * each * STEP)
        backlog = max(0.0, backlog + rate * STEP - done)
        before, wanted = wanted, _decide(policy, backlog, wanted, wishes, at)
        if wanted > before:
            coming.append((at + START_UP, wanted))
        changes += wanted != before
        played += STEP
        hours += max(wanted, running) * STEP / 3600
        wait = max(wait, backlog / (running * each) if running and each else 0.0)
        replicas.append((at, float(wanted)))
        left.append((at, backlog))
    return Replay(tuple(replicas), tuple(left), hours, played, changes, wait)


def _moments(curve: Curve) -> list[float]:
    if not curve.points:
        return []
    first, last = curve.points[0][0], curve.points[-1][0]
    return [first + STEP * i for i in range(int((last - first) / STEP) + 1)]


def _decide(policy: Policy, backlog: float, current: int, wishes: deque[tuple[float, int]], at: float) -> int:
    """The HPA's decision: an average target, a tolerance, at most twice or four more at a time, and the highest wish of
    the cooldown before it goes down."""
    ratio = backlog / (policy.threshold * current)
    wish = current if abs(ratio - 1) <= TOLERANCE else math.ceil(backlog / policy.threshold)
    wish = min(policy.maximum, max(policy.minimum, wish))
    wishes.append((at, wish))
    while wishes and at - wishes[0][0] > policy.cooldown:
        wishes.popleft()
    if wish >= current:
        return min(wish, max(current + 4, current * 2))
    return min(current, max(w for _, w in wishes))


def rate_of_one(done: Curve, consuming: Curve, waiting: Curve) -> tuple[float | None, bool]:
    """What one replica does in a second, and whether it was seen at its limit: the median while messages waited,
    else the most that was seen, which it can do at least."""
    busy, any_time = [], []
    for at, rate in done.points:
        count, backlog = consuming.at(at), waiting.at(at)
        if not count or not math.isfinite(rate):
            continue
        any_time.append(rate / count)
        if backlog is not None and backlog > count:
            busy.append(rate / count)
    if len(busy) >= 3:
        return quantile(busy, 0.5), True
    return quantile(any_time, 0.98), False


def proposed(
    arriving: Curve, each: float, *, prefetch: float, wait: float, lowest: int, highest: int
) -> Policy:
    """A policy for these arrivals: messages for each replica so that none waits much longer than ``wait`` seconds, as
    many replicas at the peak with a fifth to spare, and the least at rest and the shortest cooldown under which the
    number does not change more than once an hour: what the quiet hours need, else what half of the time needs."""
    rates = [v for _, v in arriving.points]
    peak = quantile(rates, 0.99) or 0.0
    # KEDA counts what consumers hold too: a value below their prefetch would ask for more for ever
    threshold = max(1, round(each * wait), math.ceil(2 * prefetch))
    policy = Policy(threshold, 1, highest, 300)
    for share in (0.05, 0.5):
        least = quantile(rates, share) or 0.0
        minimum = min(highest, max(lowest, 1, math.ceil(least / each)))
        maximum = max(minimum, min(highest, max(minimum + 1, math.ceil(peak * 1.2 / each))))
        for cooldown in (300, 600, 900, 1800):
            policy = Policy(threshold, minimum, maximum, cooldown)
            seen = replay(arriving, each, policy)
            if seen.played and seen.changes / (seen.played / 3600) <= CALM:
                return policy
    return policy
