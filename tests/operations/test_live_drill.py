"""A drill that somebody plays: the fault comes by chance, ends with its cure, and is told of at the end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import ManualClock
from posdeck.operations.drills import drill_named
from posdeck.operations.embedded import seed_of
from posdeck.operations.live_drill import LiveDrill, end
from posdeck.operations.treatment import treat
from posdeck.simulator.server import Simulator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "inventory" / "simulated")


@pytest.fixture
def live(catalogue: Catalogue) -> LiveDrill:
    cluster = Simulator(seed_of(catalogue), clock=ManualClock())
    cluster.fill(logs=False)
    return LiveDrill(cluster, catalogue, drill_named("consumer-channel-closed"), 3)


async def _pass(live: LiveDrill, seconds: int) -> None:
    clock = live.cluster.clock
    assert isinstance(clock, ManualClock)
    for _ in range(seconds):
        await clock.advance(1.0)
        live.cluster.engine.settle()


async def test_the_cure_ends_it_and_the_debrief_says_so(live: LiveDrill) -> None:
    playing = asyncio.create_task(live.run())
    await _pass(live, 61)
    assert live.began is not None
    treat(live.cluster, live.drill.cure, live.catalogue.workload("consumer-order").deployment)
    await _pass(live, 60)
    await end(playing)
    assert live.mended is not None
    told = "\n".join(live.debrief())
    assert "mended         after" in told
    assert "consumer-not-processing" in told


async def test_leaving_early_is_told_as_it_is(live: LiveDrill) -> None:
    playing = asyncio.create_task(live.run())
    await _pass(live, 1)
    await end(playing)
    assert "the fault had not come yet" in live.debrief()[-1]


async def test_what_was_not_mended_names_its_cure(live: LiveDrill) -> None:
    playing = asyncio.create_task(live.run())
    await _pass(live, 70)
    await end(playing)
    assert "no; what cures it: restart" in "\n".join(live.debrief())
