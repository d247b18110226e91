"""The paths of every runbook that ships, led headless on the embedded cluster."""

from __future__ import annotations

import pytest
from tests.paths.conftest import OpenStage
from tests.paths.scenes import SCENES
from tests.paths.taking import CHAPTERS, lead_all, lead_chapter

pytestmark = pytest.mark.ansible


@pytest.mark.parametrize("chapter", CHAPTERS)
async def test_every_act_and_every_way_back(chapter: str, embedded: OpenStage) -> None:
    await lead_chapter(CHAPTERS[chapter], embedded)


@pytest.mark.long
@pytest.mark.parametrize("runbook_id", sorted(SCENES))
async def test_every_path(runbook_id: str, embedded: OpenStage) -> None:
    await lead_all(runbook_id, embedded)
