"""A session is left to somebody else: on record, with a brief for them, and nobody goes on with it by mistake."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.acceptance.places import Desk

pytestmark = pytest.mark.ansible
CONSUMER = "consumer-order"


@pytest.fixture
def waiting(desk: Desk) -> str:
    """The id of a session that waits to be confirmed, since nobody has."""
    done = desk.restart(CONSUMER)
    assert json.loads(done.stdout)["rule"] == "confirmation", done.stdout + done.stderr
    (session,) = json.loads(desk.run("runbook", "sessions", "-o", "json").stdout)
    return str(session["id"])


def listed(desk: Desk, session: str) -> dict[str, Any]:
    done = desk.run("runbook", "sessions", "-o", "json")
    (found,) = [each for each in json.loads(done.stdout) if each["id"] == session]
    return dict(found)


def said(desk: Desk, session: str) -> list[str]:
    """What the record has of the session itself, oldest first."""
    found = [r["body"] for r in desk.records() if r["body"].get("topic") == "session"]
    return [body["text"] for body in reversed(found) if body["subject"] == session]


def test_it_is_handed_over_with_a_brief_and_taken_up_again(desk: Desk, waiting: str) -> None:
    before = desk.place.generations()
    assert listed(desk, waiting)["handed_to"] == ""
    done = desk.run(
        "runbook", "handover", waiting[:8], "--to", "anna", "--note", "finance knows; nothing was restarted"
    )
    assert done.returncode == 0, done.stderr
    brief = done.stdout
    assert brief.startswith("# Handover: ")
    assert CONSUMER in brief.splitlines()[0]
    assert "to anna" in brief
    assert "> finance knows; nothing was restarted" in brief
    assert f"posdeck runbook resume {waiting}" in brief
    assert f"--param consumer={CONSUMER} --answer cause=stuck" in brief
    assert "## Found: " in brief, "what was collected goes with it"
    one = listed(desk, waiting)
    assert (one["status"], one["handed_to"]) == ("handed-over", "anna")
    (text,) = said(desk, waiting)
    assert "handed over to anna: finance knows" in text

    taken = desk.run("runbook", "resume", waiting, "-o", "json")
    assert json.loads(taken.stdout)["rule"] == "confirmation", (
        "it goes on to where it was, and nobody confirms"
    )
    assert listed(desk, waiting)["handed_to"] == ""
    assert "taken over by" in said(desk, waiting)[-1]
    assert desk.place.generations() == before
    assert desk.run("audit", "verify").returncode == 0


@pytest.mark.parametrize(
    ("session", "to", "words"),
    [("", "  ", ("names nobody",)), ("00000000", "anna", ("is not stored here", "posdeck runbook sessions"))],
)
def test_what_cannot_be_handed_over_is_refused_and_stays(
    desk: Desk, waiting: str, session: str, to: str, words: tuple[str, ...]
) -> None:
    done = desk.run("runbook", "handover", session or waiting, "--to", to)
    assert done.returncode != 0
    assert all(word in done.stderr for word in words), done.stderr
    assert listed(desk, waiting)["handed_to"] == ""
    assert said(desk, waiting) == []
    assert "confirm" in desk.run("runbook", "resume", waiting).stderr, "nobody holds it"


def test_one_that_is_over_is_refused(desk: Desk) -> None:
    done = desk.run("runbook", "run", "consumer-not-processing", "--param", f"consumer={CONSUMER}", "--check",
                    "--answer", "cause=unsure", "-o", "json")  # fmt: skip
    session = json.loads(done.stdout)["session"]
    refused = desk.run("runbook", "handover", session, "--to", "anna")
    assert refused.returncode != 0
    assert session in refused.stderr
    assert not desk.store.exists(), "nothing was recorded"
