"""``posdeck drill``: the names tell nothing, and a drill that was played is told in full."""

from __future__ import annotations

import json

from click.testing import CliRunner

from posdeck.cli.main import cli
from posdeck.operations.drill_list import DRILLS


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["drill", *arguments], obj=None)
    return done.exit_code, done.stdout


def test_the_list_tells_what_is_seen_and_not_what_is_wrong() -> None:
    code, text = run("list", "-o", "json")
    assert code == 0
    listed = json.loads(text)
    assert [each["name"] for each in listed] == [drill.name for drill in DRILLS]
    assert {key for each in listed for key in each} == {"name", "title"}


def test_a_played_drill_is_told_in_full() -> None:
    """The times, what was suggested, what was tried and done, and what the procedure would have been."""
    code, text = run("run", "config-missing", "--seed", "3", "--wrong-first", "-o", "json")
    assert code == 0
    told = json.loads(text)
    assert (told["drill"], told["seed"]) == ("config-missing", 3)
    assert 0 < told["seconds_to_detect"] <= 60
    assert told["seconds_to_detect"] <= told["seconds_to_right_runbook"] + 60
    assert told["first"]["finding"] == "pod-config-missing"
    assert (told["first"]["runbook"], told["first_runbook_right"]) == ("roll-back", True)
    assert (told["wrong_cure"], told["wrong_cure_helped"]) == ("restart", False)
    assert (told["cure"], told["cured"]) == ("roll back", True)
    assert told["seconds_to_healthy"] > 0
    assert told["false_before"] == []
    assert told["what_happened"]
    assert told["procedure"]
    assert run("run", "config-missing", "--seed", "3", "--wrong-first", "-o", "json")[1] == text, (
        "a seed fixes it all"
    )


def test_an_unknown_drill_is_refused_by_name() -> None:
    done = CliRunner().invoke(cli, ["drill", "run", "earthquake"])
    assert done.exit_code != 0
    assert "earthquake" in str(done.exception)
