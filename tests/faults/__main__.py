"""``make faults``: runs the fault matrix and prints it as a table. ``--quick`` leaves the long cases out; words
choose cases by area and fault. 0 only when every chosen case ran, passed and was over in time."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest
from tests.faults.matrix import CASES, Case

WITHIN = 5.0  # seconds after the fault's end in which posdeck has to be itself again
WIDTHS = (11, 34, 26, 22, 26, 9, 7)
HEADS = ("area", "fault", "shown", "refused", "survived", "seconds", "result")


class Collected:
    """How each test went: the outcomes and the longest recovery by node id without parameters and with them."""

    def __init__(self) -> None:
        self.outcomes: dict[str, list[str]] = defaultdict(list)
        self.seconds: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[report.nodeid].append(report.outcome)
        for name, value in report.user_properties:
            if name == "recovered_after" and report.when == "call":
                self.seconds[report.nodeid] = max(float(str(value)), self.seconds.get(report.nodeid, 0.0))

    def of(self, case: Case) -> tuple[str, float | None]:
        """The result of a case, and how long recovery took where a test measured it."""
        found = [node for node in self.outcomes if any(_belongs(node, wanted) for wanted in case.tests)]
        missing = [w for w in case.tests if not any(_belongs(node, w) for node in found)]
        outcomes = {outcome for node in found for outcome in self.outcomes[node]}
        times = [self.seconds[node] for node in found if node in self.seconds]
        seconds = max(times) if times else None
        if missing or "failed" in outcomes:
            return ("missing" if missing else "FAILED"), seconds
        if "skipped" in outcomes:
            return "skipped", seconds
        return ("SLOW" if seconds is not None and seconds > WITHIN else "passed"), seconds


def _belongs(node: str, wanted: str) -> bool:
    return node == wanted or node.startswith((f"{wanted}[", f"{wanted}::"))


def table(cases: Iterable[Case], collected: Collected) -> tuple[str, bool]:
    """The table, and whether every case passed."""
    lines = [_row(HEADS), _row(["─" * width for width in WIDTHS])]
    results = []
    for case in cases:
        result, seconds = collected.of(case)
        results.append(result)
        time = "–" if seconds is None else f"{seconds:.1f}"
        lines.append(_row([case.area, case.fault, case.shown, case.refused, case.survives, time, result]))
    counted = ", ".join(f"{results.count(r)} {r}" for r in dict.fromkeys(results))
    lines.append(f"{len(results)} cases: {counted}")
    return "\n".join(lines), set(results) <= {"passed"}


def _row(cells: Sequence[str]) -> str:
    """Cells longer than their column go on beneath."""
    parts = [_wrapped(cell, width) for cell, width in zip(cells, WIDTHS, strict=True)]
    height = max(len(part) for part in parts)
    return "\n".join(
        " ".join(
            f"{(part[line] if line < len(part) else ''):<{width}}"
            for part, width in zip(parts, WIDTHS, strict=True)
        ).rstrip()
        for line in range(height)
    )


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def main(arguments: Sequence[str]) -> int:
    """Run the chosen cases; 0 when all of them passed."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="leave out the long cases")
    parser.add_argument(
        "--workers", default="2", help="processes; 0 runs everything in this one (default: 2)"
    )
    parser.add_argument("words", nargs="*", help="only cases with all these words in area or fault")
    chosen = parser.parse_args(arguments)
    cases = [
        case
        for case in CASES
        if not (chosen.quick and case.long)
        and all(word in f"{case.area} {case.fault}" for word in chosen.words)
    ]
    if not cases:
        sys.stderr.write("no such case\n")
        return 2
    collected = Collected()
    tests = list(dict.fromkeys(test for case in cases for test in case.tests))
    spread = ["-n", chosen.workers, "--dist", "worksteal"]
    ran = pytest.main(
        ["-q", "-m", "", "-p", "no:cacheprovider", "-p", "no:fault-matrix", *spread, *tests],
        plugins=[collected],
    )
    text, passed = table(cases, collected)
    sys.stdout.write(f"\n{text}\n")
    return 0 if passed and ran == pytest.ExitCode.OK else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
