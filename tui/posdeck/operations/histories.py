"""The last minutes kept in memory for sparklines and plots: what pods use, and what an HPA did."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime

from posdeck.cluster.snapshot import Hpa, Snapshot, Usage

USAGE_KEPT = 90  # readings, one every ten to fifteen seconds: 15 minutes and more
HPA_KEPT = 720


class Histories:
    """Fed with every snapshot; takes in only what is new."""

    def __init__(self) -> None:
        self._usage: dict[str, deque[float]] = {}
        self._seen: Mapping[str, Usage] = {}
        self._hpas: dict[str, deque[tuple[float, int, int]]] = {}
        self._hpas_seen: Mapping[str, Hpa] = {}
        self.usage: Mapping[str, tuple[float, ...]] = {}
        self.hpas: Mapping[str, tuple[tuple[float, int, int], ...]] = {}

    def take(self, snapshot: Snapshot, now: datetime) -> None:
        """Take one snapshot in; ``usage`` and ``hpas`` are new mappings when something was added."""
        if snapshot.pod_usage is not self._seen:
            self._take_usage(snapshot.pod_usage)
        if snapshot.hpas is not self._hpas_seen:
            self._take_hpas(snapshot.hpas, now)

    def _take_usage(self, usage: Mapping[str, Usage]) -> None:
        for name, reading in usage.items():
            if self._seen.get(name) is not reading:
                self._usage.setdefault(name, deque(maxlen=USAGE_KEPT)).append(reading.cpu)
        for gone in self._usage.keys() - usage.keys():
            del self._usage[gone]
        self._seen = usage
        self.usage = {name: tuple(values) for name, values in self._usage.items()}

    def _take_hpas(self, hpas: Mapping[str, Hpa], now: datetime) -> None:
        for name, hpa in hpas.items():
            if hpa.current is not None and hpa.desired is not None:
                kept = self._hpas.setdefault(name, deque(maxlen=HPA_KEPT))
                kept.append((now.timestamp(), hpa.current, hpa.desired))
        self._hpas_seen = hpas
        self.hpas = {name: tuple(values) for name, values in self._hpas.items()}
