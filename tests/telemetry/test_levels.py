"""Service levels: value, objective, and how fast the error budget burns."""

from __future__ import annotations

import pytest
from tests.telemetry.conftest import ScriptedSource

from posdeck.clock import ManualClock
from posdeck.telemetry.levels import LevelQuery, Levels, LevelState, budget_lasts, burn, level_view
from posdeck.telemetry.prometheus import Prometheus
from posdeck.telemetry.reading import NO_SOURCE, Absence, Reading, missing
from posdeck.telemetry.source import SourceError

LATENCY = LevelQuery("api", "API response time", "s", "q", 0.5, bad_ratio="r[$window]", target=0.99)
SUCCESS = LevelQuery("bulk", "Bulk upload success", "ratio", "q", 0.98, at_least=True)


def test_an_objective_is_an_upper_or_a_lower_bound() -> None:
    assert level_view(LATENCY, Reading(0.5)).state is LevelState.MET
    assert level_view(LATENCY, Reading(0.51)).state is LevelState.MISSED
    missed = level_view(SUCCESS, Reading(0.9712))
    assert (missed.state, missed.because) == (LevelState.MISSED, "97.12 %, at least 98 % wanted")
    assert level_view(SUCCESS, Reading(0.98)).state is LevelState.MET


def test_burn_is_a_multiple_of_what_just_uses_the_budget_up() -> None:
    assert burn(Reading(0.01), 0.99).value == pytest.approx(1.0)
    assert burn(Reading(0.2), 0.99).value == pytest.approx(20.0)
    assert budget_lasts(20.0) == pytest.approx(1.5)
    assert budget_lasts(0.0) is None


@pytest.mark.parametrize("ratio", [-0.1, 1.2])
def test_a_share_that_cannot_be_is_no_burn(ratio: float) -> None:
    assert burn(Reading(ratio), 0.99).absence is Absence.INVALID


def test_only_both_windows_together_are_an_alarm() -> None:
    """The short one alone is a blip, the long one alone is over already."""
    assert level_view(LATENCY, Reading(0.1), Reading(20.0), Reading(2.0)).state is LevelState.MET
    assert level_view(LATENCY, Reading(0.1), Reading(2.0), Reading(20.0)).state is LevelState.MET
    both = level_view(LATENCY, Reading(0.1), Reading(30.0), Reading(20.0))
    assert both.state is LevelState.BURNING
    assert "20 times too fast: 30 days' worth in 36 h" in both.because


def test_no_source_no_objective_and_no_answer_are_three_things() -> None:
    nothing = LevelQuery("rate_card_accuracy", "Rate card accuracy", "ratio")
    view = level_view(nothing, NO_SOURCE)
    assert view.state is LevelState.NO_SOURCE
    assert len(view.add) == 3
    assert level_view(LevelQuery("x", "X", "s", "q"), Reading(1.0)).state is LevelState.NO_OBJECTIVE
    gone = level_view(LATENCY, missing(Absence.UNREACHABLE, "P: no answer"))
    assert (gone.state, gone.because) == (LevelState.CANNOT_TELL, "P: no answer")


async def test_a_source_that_fails_is_told_on_every_card(source: ScriptedSource, clock: ManualClock) -> None:
    levels = Levels(Prometheus(source, "P"), [LATENCY, LevelQuery("none", "No query")], clock)
    assert levels.views[0].value.absence is Absence.NOT_YET
    source.failure = SourceError("P", "no answer within 8 s")
    await levels.poll()
    assert [v.state for v in levels.views] == [LevelState.CANNOT_TELL, LevelState.NO_SOURCE]
    assert "no answer within 8 s" in levels.views[0].because
    assert levels.views[0].burn_long.absence is Absence.UNREACHABLE


async def test_many_series_are_not_one_number(source: ScriptedSource, clock: ManualClock) -> None:
    """Which of them was meant cannot be known."""
    one = '{"metric": {"pod": "a"}, "value": [1, "2"]}'
    source.body = (
        f'{{"status": "success", "data": {{"resultType": "vector", "result": [{one}, {one}]}}}}'
    ).encode()
    levels = Levels(Prometheus(source, "P"), [LevelQuery("x", "X", "s", "q")], clock)
    await levels.poll()
    assert "2 series where one number is wanted" in levels.views[0].because
