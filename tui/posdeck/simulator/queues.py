"""The message queues: what arrives, what the consumers hold, what they get through."""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field

from posdeck.simulator.seed import QueueSeed


def poisson(mean: float, rng: random.Random) -> int:
    """A Poisson draw; a rounded normal one where the mean is large."""
    if mean <= 0:
        return 0
    if mean > 40:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


@dataclass(slots=True)
class Consumer:
    """One pod's channel. ``factor`` 0 holds messages for ever."""

    uid: str
    factor: float = 1.0
    held: int = 0
    credit: float = 0.0  # the part of a message that the last step left


@dataclass(slots=True)
class Queue:
    """One queue. The totals only rise, but for a restart of the broker, which we do not play."""

    seed: QueueSeed
    ready: int = 0
    published: int = 0
    acknowledged: int = 0
    delivered: int = 0
    redelivered: int = 0
    dead: int = 0
    failed: int = 0  # messages whose handling ended in an error
    arrivals: deque[tuple[float, int]] = field(
        default_factory=deque
    )  # when those that wait came, and how many
    consumers: dict[str, Consumer] = field(default_factory=dict)

    @property
    def unacked(self) -> int:
        """Messages in consumers' hands."""
        return sum(consumer.held for consumer in self.consumers.values())

    def connect(self, working: dict[str, float]) -> None:
        """The pods that consume now, with their speed factor. What the others held goes back and comes again."""
        for uid in [uid for uid in self.consumers if uid not in working]:
            held = self.consumers.pop(uid).held
            self.ready += held
            self.redelivered += held
        for uid, factor in working.items():
            self.consumers.setdefault(uid, Consumer(uid)).factor = factor

    def step(
        self,
        seconds: float,
        arrivals: float,
        rng: random.Random,
        *,
        failing: float = 0.0,
        returned: float = 0.0,
        moment: float = 0.0,
    ) -> dict[str, int]:
        """One step of time; ``arrivals`` is the mean rate now, ``failing`` the share of messages that end in an
        error, ``returned`` the share of work that goes into messages that come back, ``moment`` its end in unix
        seconds. How many each consumer got through, by uid."""
        arrived = poisson(arrivals * seconds, rng)
        self.ready += arrived
        self.published += arrived
        if arrived:
            self.arrivals.append((moment, arrived))
        done: dict[str, int] = {}
        for consumer in self._in_turn(rng):
            room = consumer.credit + self.seed.service_rate * consumer.factor * (1 - returned) * seconds
            able = int(room)
            finished = min(able, consumer.held + self.ready)
            from_queue = max(0, finished - consumer.held)
            consumer.held -= finished - from_queue
            self.ready -= from_queue
            self.delivered += from_queue
            self.acknowledged += finished
            # an idle consumer saves no strength for later
            consumer.credit = room - able if finished == able else 0.0
            done[consumer.uid] = finished
        self._hand_out()
        self._forget()
        failed = poisson(sum(done.values()) * (self.seed.error_share + failing), rng)
        self.dead += failed
        again = poisson(len(self.consumers) * self.seed.service_rate * returned * seconds, rng)
        self.redelivered += again
        self.delivered += again
        self.failed += failed + poisson(again * failing, rng)
        return done

    def head(self) -> float | None:
        """When the message that waits longest came, in unix seconds; None when none waits."""
        return self.arrivals[0][0] if self.ready and self.arrivals else None

    def _forget(self) -> None:
        """What came first is taken first; what goes back to the queue counts as old as the oldest that waits."""
        over = sum(count for _, count in self.arrivals) - self.ready
        while over > 0 and self.arrivals:
            at, count = self.arrivals.popleft()
            if count > over:
                self.arrivals.appendleft((at, count - over))
            over -= count

    def _in_turn(self, rng: random.Random) -> list[Consumer]:
        every = list(self.consumers.values())
        rng.shuffle(every)
        return every

    def _hand_out(self) -> None:
        """Give waiting messages to consumers up to their prefetch."""
        for consumer in self.consumers.values():
            taken = min(self.ready, self.seed.prefetch - consumer.held)
            if taken > 0:
                consumer.held += taken
                self.ready -= taken
                self.delivered += taken
