"""What all rules cost over one snapshot of many pods: the first look, one changed pod, nothing changed.

Run with ``python -m tests.benchmarks.bench_findings [PODS]``. Processor time of one core, so that other work on the
machine counts little; the least and the median of several runs."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

from tests.findings.conftest import ROOT, Namespace, pod

from posdeck.catalogue.reading import read_catalogue
from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Kind, Snapshot
from posdeck.findings.engine import Engine

RUNS = 7


def crowd(pods: int, *, sick: bool) -> tuple[Namespace, Snapshot]:
    """The reference namespace with its pods multiplied; sick ones crash, cannot be pulled, or are not ready."""
    namespace = Namespace(read_catalogue(ROOT / "inventory" / "simulated"))
    names = [name for name, raw in namespace.raw[Kind.DEPLOYMENTS].items() if raw["spec"]["replicas"]]
    namespace.raw[Kind.PODS].clear()
    for index in range(pods):
        raw = pod(names[index % len(names)], index)
        if sick:
            make_sick(namespace, raw, index)
        namespace.put_pod(raw)
    return namespace, namespace.snapshot()


def make_sick(namespace: Namespace, raw: dict[str, Any], index: int) -> None:
    """One of three diseases."""
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": namespace.ago(30)}
    if index % 3 == 0:
        namespace.container_waits(raw, "CrashLoopBackOff", "back-off 5m0s", last=ended)
    elif index % 3 == 1:
        namespace.container_waits(raw, "ImagePullBackOff", "manifest unknown")
    else:
        namespace.unready(raw)


def measured(work: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    gc.collect()
    gc.disable()
    began = time.process_time()
    work()
    spent = (time.process_time() - began) * 1000
    gc.enable()
    return spent


def looks(pods: int, *, sick: bool) -> dict[str, list[float]]:
    """Milliseconds of several runs, by what was new in the snapshot."""
    namespace, snapshot = crowd(pods, sick=sick)
    name, raw = next(iter(namespace.raw[Kind.PODS].items()))
    changed = replace(snapshot, pods={**snapshot.pods, name: project(Kind.PODS, raw)})
    found: dict[str, list[float]] = {"first look": [], "one pod changed": [], "nothing changed": []}
    for _ in range(RUNS):
        engine = Engine(namespace.catalogue, namespace.clock)
        for what, at in zip(found, (snapshot, changed, changed), strict=True):
            found[what].append(measured(partial(engine.assess, at, namespace.consumers, namespace.now)))
    return found


def table(pods: int) -> list[str]:
    """Lines of figures for healthy and sick pods."""
    return [
        f"{pods:>7,} {kind:<8} {what:<16} {min(times):7.1f} {median(times):7.1f}"
        for kind in ("healthy", "sick")
        for what, times in looks(pods, sick=kind == "sick").items()
    ]


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{'pods':>7} {'':<8} {'ms':<16} {'least':>7} {'median':>7}")
    print("\n".join(table(wanted)))
