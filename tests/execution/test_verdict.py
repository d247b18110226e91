"""A run is a success only when everything says so; anything missing is told as missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from posdeck.execution.events import EventKind, RunEvent, RunStatus, parse_time, printable, translate
from posdeck.execution.verdict import Ending, judge

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STATS = {"ok": {"one": 1}, "processed": {"one": 1}}
GOOD: dict[str, Any] = {
    "reason": "finished",
    "runner_status": "successful",
    "rc": 0,
    "stats": STATS,
    "tasks": 1,
}


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({}, RunStatus.SUCCEEDED, ""),
        ({"rc": 2, "runner_status": "failed", "last_failure": "one: t: no"}, RunStatus.FAILED, "one: t: no"),
        ({"stats": None}, RunStatus.INCOMPLETE, "final statistics"),
        ({"runner_status": "", "rc": None}, RunStatus.INCOMPLETE, "final statistics"),
        ({"faults": ["events are missing before number 3"]}, RunStatus.INCOMPLETE, "missing"),
        ({"stats": {"ok": {}, "processed": {}}}, RunStatus.FAILED, "no host"),
        ({"left": 1}, RunStatus.INCOMPLETE, "left"),
        ({"reason": ""}, RunStatus.LOST, "supervisor"),
        ({"reason": "cancelled"}, RunStatus.SUCCEEDED, ""),
        ({"reason": "cancelled", "stats": None, "rc": 143}, RunStatus.CANCELLED, "stopped"),
        ({"reason": "cancelled", "stats": STATS, "runner_status": ""}, RunStatus.CANCELLED, "stopped"),
        ({"reason": "owner-died", "stats": None}, RunStatus.CANCELLED, "stopped"),
        ({"reason": "timeout", "stats": None}, RunStatus.FAILED, "not done after 9 s"),
        (
            {"stats": None, "rc": 4, "runner_status": "failed", "tasks": 0, "error": "bad YAML"},
            RunStatus.FAILED,
            "YAML",
        ),
        ({"stats": None, "rc": 4, "runner_status": "failed", "tasks": 1}, RunStatus.INCOMPLETE, "statistics"),
        ({"reason": "timeout", "stats": None, "left": 2}, RunStatus.FAILED, "2 processes"),
    ],
)
def test_how_a_run_is_judged(changes: dict[str, Any], status: RunStatus, words: str) -> None:
    result = judge(Ending(**{**GOOD, **changes}), 9.0)
    assert result.status is status
    assert words in result.message
    assert result.succeeded is (status is RunStatus.SUCCEEDED)


def test_a_gap_in_the_numbers_is_a_fault() -> None:
    ending = Ending()
    for number in (1, 2, 4, 5):
        ending.count(number)
    assert ending.faults == ["events are missing before number 4"]


def test_ansibles_own_error_is_the_cause_when_no_task_failed() -> None:
    ending = Ending(rc=1)
    for text in ("[WARNING]: old", "[ERROR]: no such host\nmore", "trailing"):
        ending.note(RunEvent(1, NOW, EventKind.OUTPUT, text=text))
    assert ending.cause == "no such host\nmore"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07x", "x"),
        ("a\x08b\x07c\x00", "abc"),
        ("line\r\nnext\ttab", "line\nnext\ttab"),
        ("\x9b31mx", "31mx"),
        ("ünï\U0001f600", "ünï\U0001f600"),
    ],
)
def test_text_is_made_harmless(text: str, clean: str) -> None:
    assert printable(text) == clean


def test_times_are_aware_and_in_utc() -> None:
    assert parse_time("2026-05-01T12:00:00+02:00", NOW) == datetime(2026, 5, 1, 10, tzinfo=UTC)
    assert parse_time("2026-05-01T12:00:00", NOW) == datetime(2026, 5, 1, 12, tzinfo=UTC)
    assert parse_time("nonsense", NOW) == NOW


def test_every_string_of_a_result_is_redacted() -> None:
    raw = {
        "event": "runner_on_ok",
        "at": "",
        "text": "secret",
        "data": {
            "host": "one",
            "task": "about secret",
            "res": {"a": ["secret", {"secret": "secret"}], "n": 1},
        },
    }
    event = translate(raw, 1, NOW, lambda text: text.replace("secret", "[…]"))
    assert event is not None
    assert "secret" not in repr((event.text, event.task, dict(event.result)))
    assert event.result["n"] == 1


@pytest.mark.parametrize("name", ["playbook_on_start", "runner_on_start"])
def test_events_that_tell_nothing_are_left_out(name: str) -> None:
    assert translate({"event": name, "text": "x"}, 1, NOW) is None
