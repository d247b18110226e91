"""Measure everything and write ``docs/performance.md``: ``python -m tests.benchmarks.run [--pods 2 1000 10000]``.

It starts a control plane of its own. Compare only within one run: the figures follow the machine's load.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import cluster, playbooks, report, screen
from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
NOTES = """The figures are those of one machine under the load named above; on a busy one every row grows, and
only rows of the same run can be compared. The pseudo-terminal's own reading and drawing takes 5 to 11 ms of
each key and change. A row that says "not measured" was not reached in its time."""


def programs(plane: ControlPlane, home: Path) -> list[screen.Program]:
    """posdeck, and k9s where it is installed; both with a private home."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("STATE", "CONFIG", "CACHE", "DATA")}
    environment = {**os.environ, **folders, "KUBECONFIG": str(plane.kubeconfig)}
    posdeck = [sys.executable, "-m", "posdeck", "--environment", "simulated", "-n", cluster.NAMESPACE]
    found = [screen.Program("posdeck", posdeck, environment, to_pods=b"2")]
    if k9s := shutil.which("k9s"):
        command = [k9s, "-n", cluster.NAMESPACE, "-c", "pods"]
        found.append(screen.Program("k9s", command, environment))
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pods", type=int, nargs="+", default=[2, 1_000, 10_000])
    parser.add_argument("--binary", type=Path, help="the built control plane, else the one in the cache")
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--no-acts", action="store_true", help="leave the playbooks out")
    parser.add_argument("--to", type=Path, default=ROOT / "docs", help="where the report is written")
    chosen = parser.parse_args()
    measured: list[screen.Figures] = []
    acts = None
    with cluster.control_plane(chosen.binary) as plane, tempfile.TemporaryDirectory() as home:
        for pods in chosen.pods:
            took = cluster.grow(plane, pods)
            print(f"{pods:,} pods run after {took:.0f} s", flush=True)
            effort = screen.Effort(starts=chosen.starts, burst=1_000 if pods >= 1_000 else 0)
            for program in programs(plane, Path(home)):
                measured.append(screen.measure(plane, program, pods, effort))
                print(measured[-1].as_json(), flush=True)
            if acts is None and not chosen.no_acts:
                acts = playbooks.measure(plane, Path(home))
                print(report.acts_table(acts), flush=True)
    print(report.screen_table(measured))
    report.write(chosen.to, measured, acts, NOTES)


if __name__ == "__main__":
    main()
