"""What a run of the whole suite says of the fault matrix: the table of the cases that it ran, in its log, and a failure
when a case is run neither there nor on request."""

from __future__ import annotations

import pytest
from tests.faults.__main__ import Collected, table
from tests.faults.matrix import CASES, Case

AT_LEAST = 40  # cases that run with the suite


class MatrixOfTheSuite(Collected):
    """A plugin of the process that reports: prints the table when the tests of enough cases ran."""

    def ran(self) -> list[Case]:
        """The cases whose every test ran."""
        return [case for case in CASES if self.of(case)[0] != "missing"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        cases = self.ran()
        if len(cases) < AT_LEAST:
            return  # a part of the suite was asked for; of the whole a test says so
        terminalreporter.section("fault matrix")
        terminalreporter.write_line(table(cases, self)[0])
        terminalreporter.write_line(f"{len(CASES) - len(cases)} more on request: make faults")


def in_the_suite(selected: set[str]) -> list[Case]:
    """The cases whose every test is among the node ids."""

    def runs(wanted: str) -> bool:
        return any(node == wanted or node.startswith((f"{wanted}[", f"{wanted}::")) for node in selected)

    return [case for case in CASES if all(runs(test) for test in case.tests)]
