"""Measure everything and write ``docs/performance.md``: ``python -m tests.benchmarks.run [--pods 2 1000 10000]``.

It starts a control plane of its own. Compare only within one run: the figures follow the machine's load. The report
is written after each part, so that a run that is broken off has told what it had.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import cluster, confirming, held, playbooks, report, screen, traffic
from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
NOTES = """The figures are those of one machine under the load named above; on a busy one every row grows, and
only rows of the same run can be compared. The emulator's own drawing is part of each key and change. A row that says
"not measured" was not reached in its time; the cause stands below the tables.

"First live rows" are rows of pods that were read from the API server after the start, drawn before the rest of the
program is loaded; from "watched" on they follow every change, and keys work (keys pressed earlier are not lost)."""


def programs(plane: ControlPlane, home: Path, view: str = "pods") -> list[screen.Program]:
    """posdeck opened on ``view``, and k9s, where it is installed, on the pods; both with a private home."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE", "DATA")}
    environment = {**os.environ, **folders, "KUBECONFIG": str(plane.kubeconfig)}
    posdeck = [sys.executable, "-m", "posdeck", "--environment", "simulated", "-n", cluster.NAMESPACE]
    found = [screen.Program("posdeck", [*posdeck, "--view", view], environment, watching="● LIVE")]
    if k9s := shutil.which("k9s"):
        command = [k9s, "-n", cluster.NAMESPACE, "-c", "pods"]
        found.append(screen.Program("k9s", command, environment))
    return found


def measure(plane: ControlPlane, home: Path, chosen: argparse.Namespace) -> Iterator[report.Report]:
    """All there is to measure, as it comes; the same growing report each time."""
    found = report.Report()
    for pods in chosen.pods:
        took = cluster.grow(plane, pods, within=chosen.patience)
        print(f"{pods:,} pods run after {took:.0f} s", flush=True)
        time.sleep(chosen.rest)  # what the control plane still does about the last of them
        calm_down(chosen.calm)
        effort = screen.Effort(starts=chosen.starts, burst=1_000 if pods >= report.BURST_FROM else 0)
        for program in programs(plane, home):
            with noted(found, f"{program.name} at {pods:,} pods"):
                found.screens.append(screen.measure(plane, program, pods, effort))
                print(found.screens[-1].as_json(), flush=True)
        with noted(found, f"the event loop at {pods:,} pods"):
            found.holds.append(held.holds(plane, programs(plane, home)[0], pods, home))
        yield found
        if chosen.only_screen:
            continue
        if pods == min(chosen.pods):
            yield from once(plane, home, found)
        for posdecks in (1, 50) if pods == min(chosen.pods) else (1,):
            with noted(found, f"traffic of {posdecks} at {pods:,} pods"):
                found.traffic.append(traffic.measure(plane, home, posdecks=posdecks, pods=pods))
        yield found


def once(plane: ControlPlane, home: Path, found: report.Report) -> Iterator[report.Report]:
    """What does not depend on how many pods there are."""
    with noted(found, "acts"):
        found.acts = playbooks.measure(plane, home)
    yield found
    with noted(found, "the confirming key"):
        found.confirmed = confirming.measure(programs(plane, home, "workloads")[0])
    yield found
    with noted(found, "a long log"):
        found.log = held.long_log(plane, programs(plane, home)[0])
    yield found


@contextlib.contextmanager
def noted(found: report.Report, part: str) -> Iterator[None]:
    """Whatever breaks one part is reported with its cause, and the others are measured all the same."""
    began = time.perf_counter()
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        found.missed.append(f"{part}: {type(error).__name__}: {error}")
    print(f"{part}: {time.perf_counter() - began:.0f} s", flush=True)


def calm_down(below: float | None, *, within: float = 900.0) -> None:
    """Wait until the machine does little else, when that is asked for; then measure anyhow."""
    end = time.monotonic() + within
    while below is not None and os.getloadavg()[0] > below and time.monotonic() < end:
        time.sleep(2.0)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, nargs="+", default=[2, 1_000, 10_000])
    parser.add_argument("--binary", type=Path, help="the built control plane, else the one in the cache")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--rest", type=float, default=10.0, help="seconds between growing and measuring")
    parser.add_argument("--calm", type=float, help="wait for a load average below this before each size")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds for all pods to run")
    parser.add_argument("--only-screen", action="store_true", help="leave out playbooks, logs and traffic")
    parser.add_argument("--to", type=Path, default=ROOT / "docs", help="where the report is written")
    chosen = parser.parse_args()
    with cluster.control_plane(chosen.binary) as plane, tempfile.TemporaryDirectory() as home:
        for found in measure(plane, Path(home), chosen):
            report.write(chosen.to, found, NOTES)
    print(report.tables(found))


if __name__ == "__main__":
    main()
