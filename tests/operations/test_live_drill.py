"""A drill that somebody plays: the fault comes by chance, ends with its cure, and is told of at the end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import ManualClock
from posdeck.cluster.snapshot import Snapshot
from posdeck.operations.drill_diary import Diary, FaultTimes, debrief, in_columns
from posdeck.operations.drills import drill_named
from posdeck.operations.embedded import seed_of
from posdeck.operations.live_drill import LiveDrill, end
from posdeck.operations.treatment import treat
from posdeck.operations.view import ActionSummary, Problem, SessionSummary, Severity, Surroundings, View
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


def told_of(live: LiveDrill, diary: Diary | None = None) -> str:
    """The debrief, with the times as another process reads them."""
    times = FaultTimes.read(f"serving\n{live.times.line()}\n")
    assert times == live.times
    return plainly(debrief(live.drill, live.seed, times, diary))


def plainly(lines: list[str]) -> str:
    """The lines without what lays them out in columns."""
    return "\n".join(" ".join(line.split()) for line in lines)


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
    told = told_of(live)
    assert "fault mended after" in told
    assert "consumer-not-processing" in told


async def test_leaving_early_is_told_as_it_is(live: LiveDrill) -> None:
    playing = asyncio.create_task(live.run())
    await _pass(live, 1)
    await end(playing)
    assert "the fault had not come yet" in told_of(live)


async def test_what_was_not_mended_names_its_cure(live: LiveDrill) -> None:
    playing = asyncio.create_task(live.run())
    await _pass(live, 70)
    await end(playing)
    assert "no; what cures it: restart" in told_of(live)


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _view(seconds: float, **fields: Any) -> View:
    surroundings = Surroundings("simulated", production=False, writes="ask")
    return View(Snapshot(taken_at=at(seconds)), surroundings, **fields)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def _session(name: str, runbook: str, seconds: float) -> SessionSummary:
    return SessionSummary(name, runbook, runbook, "consumer-order", "open", "look", at(seconds))


def _act(sequence: int, seconds: float, act: str, result: str) -> ActionSummary:
    return ActionSummary(sequence, at(seconds), "alice", act, "consumer-order", result)


def test_the_debrief_of_a_played_drill_says_what_was_seen_and_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")  # it is wrapped to the terminal
    drill = drill_named("consumer-channel-closed")
    diary = Diary(drill)
    old_session, old_act = _session("0", "scale-workload", -900), _act(1, -900, "scale", "succeeded")
    sign = Problem(
        "queue-without-consumer", Severity.CRITICAL, "Deployment", "x", "consumer-order", "nobody reads"
    )
    diary.take(_view(-30, sessions=(old_session,), actions=(old_act,)))
    diary.take(_view(40, problems=(sign,), sessions=(old_session,), actions=(old_act,)))
    wrong, right = _session("1", "scale-workload", 60), _session("2", "consumer-not-processing", 95)
    diary.take(
        _view(80, problems=(sign,), sessions=(wrong,), actions=(old_act, _act(2, 75, "scale", "running")))
    )
    diary.take(_view(125, problems=(sign,)))
    acts = (
        _act(2, 75, "scale", "succeeded"),
        _act(3, 119, "exempt-write", "note"),
        _act(4, 120, "rollout-restart", "succeeded"),
    )
    diary.take(_view(150, sessions=(wrong, right), actions=acts))
    told = plainly(debrief(drill, 3, FaultTimes(NOON, at(130)), diary)).splitlines()
    assert told[0] == "Debrief: Orders pile up (seed 3)"
    assert told[2:9] == [
        "told by posdeck after 40 s, as queue-without-consumer",
        "right runbook opened after 95 s: consumer-not-processing",
        "what was done after 60 s: opened scale-workload for consumer-order",
        "after 75 s: scale consumer-order: succeeded",
        "after 120 s: rollout-restart consumer-order: succeeded",
        "signs gone after 125 s",
        "fault mended after 130 s",
    ]


def test_who_did_nothing_is_told_so() -> None:
    drill = drill_named("database-outage")
    told = plainly(debrief(drill, 1, FaultTimes(NOON), Diary(drill)))
    assert "told by posdeck not before the end" in told
    assert "right runbook never opened" in told
    assert "what was done nothing" in told
    assert "signs gone there were none" in told
    assert "for others to mend" in told


def test_a_long_text_goes_on_below_itself() -> None:
    lines = in_columns(
        [("procedure", "Look at pods and rollout, then " + "roll back " * 6), ("mended", "no")], 60
    )
    assert max(map(len, lines)) <= 60
    assert [line[:12] for line in lines[:2]] == ["  procedure ", " " * 12]
    assert lines[-1] == "  mended     no"
