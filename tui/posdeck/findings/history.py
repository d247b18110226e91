"""What a single snapshot does not show: restarts over the last hour, how a lag moves, how often a number was
changed. Kept small, fed by the engine at every assessment."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from operator import is_
from statistics import median
from typing import Any, TypeVar

from posdeck.cluster.snapshot import Event, Pod, Snapshot
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.pod_changes import PodChanges

HOUR = timedelta(hours=1)
_SAMPLE = timedelta(seconds=10)

Found = TypeVar("Found")
Samples = deque[tuple[datetime, float]]


class History:
    """Samples by object. Times are those of the assessments."""

    def __init__(self) -> None:
        self.began: datetime | None = None
        self.restarted: dict[str, Pod] = {}  # pods that restarted while they were being watched, by name
        self.deployments_seen: set[str] = set()
        self._restarts: dict[str, Samples] = {}  # by pod uid, one sample per change
        self._desired: dict[str, Samples] = {}
        self._waiting: dict[str, Samples] = {}
        self._errors: dict[str, Samples] = {}
        self._peaks: dict[str, int] = {}
        self._event_counts: dict[str, int] = {}
        self._bursts: dict[tuple[str, str], Samples] = {}
        self._events: Mapping[str, Event] | None = None
        self._kept: dict[str, dict[str, tuple[tuple[object, ...], Any]]] = {}

    def remembered(
        self, rule: str, name: str, basis: tuple[object, ...], work_out: Callable[[], Found]
    ) -> Found:
        """What a rule works out of nothing but the objects of ``basis``, as long as these are the very same."""
        known = self._kept.setdefault(rule, {})
        before = known.get(name)
        if before is not None and all(map(is_, before[0], basis)):
            found: Found = before[1]
            return found
        found = work_out()
        known[name] = (basis, found)
        return found

    def pods_changed(self, changes: PodChanges, now: datetime) -> None:
        """Take in what became of the pods since the last assessment."""
        for before, pod in changes.now:
            if before is None:
                continue
            if before.uid != pod.uid:
                self._forget(before)
            elif before.restarts != pod.restarts:
                samples = self._restarts.setdefault(pod.uid, deque([(now, float(before.restarts))]))
                samples.append((now, float(pod.restarts)))
            if pod.uid in self._restarts:
                self.restarted[pod.name] = pod
        for pod in changes.gone:
            self._forget(pod)

    def _forget(self, pod: Pod) -> None:
        self.restarted.pop(pod.name, None)
        self._restarts.pop(pod.uid, None)

    def observe(self, snapshot: Snapshot, consumers: Mapping[str, ConsumerFacts], now: datetime) -> None:
        """Take in everything but the pods."""
        self.began = self.began or now
        for name, deployment in snapshot.deployments.items():
            self.deployments_seen.add(name)
            _add(self._desired, name, now, deployment.desired, HOUR, on_change=True)
        for name, hpa in snapshot.hpas.items():
            self._peaks[name] = max(self._peaks.get(name, 0), hpa.current or 0)
        for name, facts in consumers.items():
            if facts.waiting.value is not None:
                _add(self._waiting, name, now, facts.waiting.value, HOUR)
            if facts.error_rate.value is not None:
                _add(self._errors, name, now, facts.error_rate.value, HOUR)
        if snapshot.events is not self._events:
            self._observe_events(snapshot.events, now)
            self._events = snapshot.events

    def restarts_in_last_hour(self, pod: Pod, now: datetime) -> int:
        """How often the pod restarted while it was being watched, within the last hour."""
        samples = self._restarts.get(pod.uid)
        if not samples:
            return 0
        while len(samples) > 1 and now - samples[1][0] > HOUR:
            samples.popleft()
        return max(0, int(samples[-1][1] - samples[0][1]))

    def direction_changes(self, deployment: str, now: datetime, window: timedelta) -> int:
        """How often the wanted replicas of a deployment turned from up to down or back within ``window``."""
        values = [v for at, v in self._desired.get(deployment, ()) if now - at <= window]
        steps = [b - a for a, b in pairwise(values) if a != b]
        return sum(1 for a, b in pairwise(steps) if a * b < 0)

    def waiting_before(self, consumer: str, now: datetime, window: timedelta) -> list[float]:
        """The numbers of waiting messages over the last ``window``, oldest first; empty while it is not yet
        covered."""
        samples = self._waiting.get(consumer)
        if not samples or now - samples[0][0] < window:
            return []
        return [v for at, v in samples if now - at <= window]

    def usual_errors(self, consumer: str, now: datetime, recent: timedelta) -> float | None:
        """The median error rate of the last hour without its ``recent`` part; None with fewer than six samples."""
        values = [v for at, v in self._errors.get(consumer, ()) if now - at > recent]
        return median(values) if len(values) >= 6 else None

    def peak(self, hpa: str) -> int:
        """The most replicas that the HPA was seen with."""
        return self._peaks.get(hpa, 0)

    def warnings_in(self, about: tuple[str, str], now: datetime, window: timedelta) -> int:
        """How many warnings about an object came in within ``window``, while it was being watched."""
        return int(sum(v for at, v in self._bursts.get(about, ()) if now - at <= window))

    def warned_about(self) -> tuple[tuple[str, str], ...]:
        """Kind and name of everything that warnings came in about lately."""
        return tuple(self._bursts)

    def _observe_events(self, events: Mapping[str, Event], now: datetime) -> None:
        first = self._events is None
        counts: dict[str, int] = {}
        for event in events.values():
            if event.type != "Warning":
                continue
            counts[event.uid] = event.count
            more = event.count - self._event_counts.get(event.uid, 0)
            if more > 0 and not first:
                self._bursts.setdefault((event.about_kind, event.about_name), deque()).append((now, more))
        self._event_counts = counts
        for about in [a for a, s in self._bursts.items() if now - s[-1][0] > HOUR]:
            del self._bursts[about]


def _add(
    into: dict[str, Samples],
    name: str,
    now: datetime,
    value: float,
    kept: timedelta,
    *,
    on_change: bool = False,
) -> None:
    samples = into.setdefault(name, deque())
    if samples and (samples[-1][1] == value if on_change else now - samples[-1][0] < _SAMPLE):
        return
    samples.append((now, float(value)))
    while len(samples) > 1 and now - samples[1][0] > kept:
        samples.popleft()
