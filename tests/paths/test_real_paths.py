"""The paths of every runbook that ships, led headless on the real control plane, and one through the interface."""

from __future__ import annotations

import pytest
from tests.paths.conftest import OpenHands, OpenStage
from tests.paths.scenes import SCENES
from tests.paths.taking import CHAPTERS, KEDAS, lead_all, lead_chapter
from tests.paths.test_by_keyboard import restart_by_its_key

pytestmark = [pytest.mark.ansible, pytest.mark.cluster]
QUEUES = "queue-autoscaling"


@pytest.mark.parametrize("chapter", sorted(CHAPTERS.keys() - {QUEUES}))
async def test_every_act_and_every_way_back(chapter: str, real: OpenStage) -> None:
    await lead_chapter(CHAPTERS[chapter], real)


async def test_every_act_and_every_way_back_where_keda_is(real: OpenStage, keda_on_real: None) -> None:
    await lead_chapter(CHAPTERS[QUEUES], real)


async def test_a_restart_by_keyboard(real_screen: OpenHands) -> None:
    async with real_screen() as hands:
        await restart_by_its_key(hands)


@pytest.mark.long
@pytest.mark.parametrize("runbook_id", sorted(SCENES.keys() - KEDAS))
async def test_every_path(runbook_id: str, real: OpenStage) -> None:
    await lead_all(runbook_id, real)


@pytest.mark.long
@pytest.mark.parametrize("runbook_id", sorted(KEDAS))
async def test_every_path_where_keda_is(runbook_id: str, real: OpenStage, keda_on_real: None) -> None:
    await lead_all(runbook_id, real)
