"""Drills: what they promise without being played, and one that is."""

from __future__ import annotations

from pathlib import Path

import pytest

from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import SystemClock
from posdeck.content import find_content
from posdeck.errors import UnknownNameError
from posdeck.operations.drill_list import DRILLS
from posdeck.operations.drills import drill_named, run_drill
from posdeck.operations.library import RunbookLibrary
from posdeck.runbooks.findings_ids import FINDING_IDS

ROOT = Path(__file__).resolve().parents[2]


def test_drills_name_only_findings_and_runbooks_that_exist() -> None:
    folders = find_content((ROOT,))
    catalogue = read_catalogue(folders.environment("simulated"))
    known = {s.id for s in RunbookLibrary(folders, catalogue, SystemClock()).summaries()}
    for drill in DRILLS:
        assert drill.signs <= FINDING_IDS, drill.name
        assert drill.runbooks - {""} <= known, drill.name
        assert not drill.target or drill.target in catalogue.workloads, drill.name


def test_an_unknown_drill_is_refused() -> None:
    with pytest.raises(UnknownNameError):
        drill_named("earthquake")


async def test_a_drill_is_detected_answered_and_cured() -> None:
    folders = find_content((ROOT,))
    catalogue = read_catalogue(folders.environment("simulated"))
    library = RunbookLibrary(folders, catalogue, SystemClock())
    heard: list[str] = []
    outcome = await run_drill(
        catalogue, library, drill_named("consumer-channel-closed"), 1, wrong_first=True, tell=heard.append
    )
    assert outcome.detected is not None
    assert outcome.detected <= 90
    assert outcome.first_is_right
    assert outcome.false_before == ()
    assert outcome.wrong_helped is False
    assert outcome.cured
    assert outcome.healthy is not None
    assert len(heard) >= 4
