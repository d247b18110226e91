"""The matrix is whole: enough cases, none twice, and every test that it names exists. Its table tells the truth."""

from __future__ import annotations

import ast
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.faults.__main__ import Collected, table
from tests.faults.ci_table import AT_LEAST, in_the_suite
from tests.faults.matrix import CASES, Case

ROOT = Path(__file__).parents[2]
ROWS = Case("area", "a fault", "shown", "refused", "survived", ("t.py::a[x]", "t.py::C"))


def names(path: Path) -> set[str]:
    """Tests of a file as they stand in node ids, and its classes."""
    found = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found.add(node.name)
            functions = [n for n in node.body if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
            found |= {f"{node.name}::{f.name}" for f in functions}
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.add(node.name)
    return found


def test_there_are_enough_cases_and_none_twice() -> None:
    assert len(CASES) >= 40
    assert len({(c.area, c.fault) for c in CASES}) == len(CASES)
    assert all(c.tests and c.shown and c.refused and c.survives for c in CASES)


@pytest.mark.parametrize("path", sorted({t.partition("::")[0] for c in CASES for t in c.tests}))
def test_every_test_that_is_named_exists(path: str) -> None:
    known = names(ROOT / path)
    wanted = {t.partition("::")[2].partition("[")[0] for c in CASES for t in c.tests if t.startswith(path)}
    assert wanted <= known


def report(node: str, outcome: str, seconds: float | None = None) -> Any:
    properties = [] if seconds is None else [("recovered_after", seconds)]
    return SimpleNamespace(nodeid=node, when="call", outcome=outcome, user_properties=properties)


@pytest.mark.parametrize(
    ("reports", "result"),
    [
        ([("t.py::a[x]", "passed", 1.25), ("t.py::C::one", "passed", None)], "passed"),
        ([("t.py::a[x]", "passed", 5.5), ("t.py::C::one", "passed", None)], "SLOW"),
        ([("t.py::a[x]", "passed", None), ("t.py::C::one", "failed", None)], "FAILED"),
        ([("t.py::a[x]", "passed", None), ("t.py::C::one", "skipped", None)], "skipped"),
        ([("t.py::a[x]", "passed", None)], "missing"),
        ([("t.py::a[xy]", "passed", None), ("t.py::C::one", "passed", None)], "missing"),
    ],
)
def test_only_a_case_all_of_whose_tests_passed_has_passed(
    reports: list[tuple[str, str, float | None]], result: str
) -> None:
    collected = Collected()
    for each in reports:
        collected.pytest_runtest_logreport(report(*each))
    text, passed = table([ROWS], collected)
    assert result in text
    assert passed is (result == "passed")


def test_every_case_is_run_with_the_suite_or_on_request(request: pytest.FixtureRequest) -> None:
    """Marks decide what the suite runs; the matrix says which cases that leaves to ``make faults``."""
    selected = {item.nodeid for item in request.session.items}
    if not {t.partition("::")[0] for c in CASES for t in c.tests} <= {n.partition("::")[0] for n in selected} | {
        "tests/faults/test_terminal.py", "tests/faults/test_run_faults.py",  # on request as a whole
    }:  # fmt: skip
        pytest.skip("only a part of the suite is run")
    running = in_the_suite(selected)
    assert len(running) >= AT_LEAST
    assert {(c.area, c.fault) for c in CASES if c not in running} == {
        (c.area, c.fault) for c in CASES if c.on_request
    }
