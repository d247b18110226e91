"""A runbook that was left out because of a mistake is never just "not there"."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from posdeck.clock import SystemClock
from posdeck.errors import ContentError, UnknownNameError
from posdeck.operations.library import RunbookLibrary
from posdeck.operations.opening import Request, open_content

ROOT = Path(__file__).parents[2]


@pytest.fixture
def library(tmp_path: Path) -> RunbookLibrary:
    """The shipped library, with one mistake in one runbook."""
    opening = open_content(Request(environment="simulated"))
    shutil.copytree(ROOT / "runbooks", tmp_path / "runbooks")
    wrong = tmp_path / "runbooks" / "restart-cron.yml"
    wrong.write_text(wrong.read_text().replace("type: act", "type: deed", 1))
    return RunbookLibrary(
        replace(opening.folders, runbooks=tmp_path / "runbooks"), opening.catalogue, SystemClock()
    )


def test_why_and_where_it_was_left_out_is_said(library: RunbookLibrary) -> None:
    assert "restart-cron" not in {summary.id for summary in library.summaries()}
    with pytest.raises(ContentError, match=r"restart-cron is left out because of a mistake") as caught:
        library.runbook("restart-cron")
    assert caught.value.path.name == "restart-cron.yml"
    assert caught.value.line > 1
    assert "a step needs a type" in str(caught.value)
    assert "posdeck runbook lint" in caught.value.remedy


def test_one_that_never_was_is_unknown(library: RunbookLibrary) -> None:
    with pytest.raises(UnknownNameError, match="none of this id"):
        library.runbook("restart-corn")


def test_a_workload_in_no_particular_trouble_gets_the_procedure_written_for_it() -> None:
    opening = open_content(Request(environment="simulated"))
    library = RunbookLibrary(opening.folders, opening.catalogue, SystemClock())

    def begun(short: str) -> str:
        found = library.for_workload(short)
        assert found is not None
        return found[0]

    assert begun("app") == "main-api-issues"
    assert begun("consumer-order") == "consumer-not-processing"
    assert begun("consumer-rate-card-bulk-upload") == "rate-card-issues"
    assert begun("otel-collector") == "tracing-issues"
    assert begun("wrk--sync-patient") == "scaled-to-zero-investigation"
    assert begun("cron") == "restart-cron"
