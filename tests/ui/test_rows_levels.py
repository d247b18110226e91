"""Service levels as lines: a number is never shown without its bound, and a missing one says why."""

from __future__ import annotations

from datetime import UTC, datetime

from posdeck.telemetry.levels import LevelState, LevelView
from posdeck.telemetry.reading import NO_SOURCE, Reading
from posdeck.ui.rows.levels import level_lines, number_text, objective_text, value_text

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def text(level: LevelView) -> str:
    return "\n".join("".join(span[0] for span in line) for line in level_lines(level))


def test_a_met_level_shows_value_objective_and_both_burns() -> None:
    level = LevelView(
        "api", "API response time", "s", LevelState.MET, "0.12 s, at most 0.5 s wanted",
        value=Reading(0.12, "s", NOW), objective=0.5,
        burn_short=Reading(0.4, "", NOW), burn_long=Reading(15.0, "", NOW), history=((1.0, 0.1), (2.0, 0.2)),
    )  # fmt: skip
    shown = text(level)
    assert "120 ms" in shown
    assert "objective ≤ 500 ms" in shown
    assert "5 min 0.4×" in shown
    assert "1 h 15.0×" in shown


def test_a_level_without_a_source_shows_no_number_and_what_to_add() -> None:
    level = LevelView(
        "rates", "Rate card accuracy", "ratio", LevelState.NO_SOURCE, "no query is configured",
        add=("query of service level rates",),
    )  # fmt: skip
    shown = text(level)
    assert "no source" in shown
    assert "add: query of service level rates" in shown
    assert "0.00 %" not in shown


def test_markup_in_titles_is_not_interpreted() -> None:
    level = LevelView("x", "[red]bad[/red]\x1b[31m", "", LevelState.CANNOT_TELL, "", value=NO_SOURCE)
    assert "[red]bad[/red]" in text(level)
    assert "\x1b" not in text(level)


def test_units() -> None:
    assert number_text(0.212, "s") == "212 ms"
    assert number_text(30, "s") == "30.0 s"
    assert number_text(0.9977, "ratio") == "99.77 %"
    assert number_text(2000, "messages") == "2,000 messages"
    assert value_text(NO_SOURCE, "s") == "no source"
    at_least = LevelView("a", "a", "ratio", LevelState.MET, "", objective=0.98, at_least=True)
    assert objective_text(at_least) == "≥ 98.00 %"
