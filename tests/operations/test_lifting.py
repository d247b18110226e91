"""Redaction lifted: recorded first, for ten minutes, for the screen alone; and what a view says is redacted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.operations.opened_console import console_sees, embedded_console, eventually, private_folders

from posdeck.cluster.snapshot import Condition, Connection, Event, Hpa, Snapshot
from posdeck.errors import AuditError, RefusedError
from posdeck.operations import journal
from posdeck.operations.console import Console
from posdeck.operations.forward_view import Answer, ProbePoint
from posdeck.operations.front import LogLine
from posdeck.operations.kinds import _row
from posdeck.operations.logs import saved_line
from posdeck.operations.objects import shown
from posdeck.operations.screening import Screening
from posdeck.operations.view import Problem, Severity
from posdeck.redaction.redactor import Redactor

REASON = "compare one order with INC-4127 for jane@example.com"
SECRET = "card 4111 1111 1111 1111"


@pytest.fixture
async def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Console]:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        yield console


def notes(console: Console) -> list[dict[str, object]]:
    if not console.opening.audit_file.exists():
        return []
    with journal.reading_store(console.opening.audit_file) as store:
        found = [record.content for record in store.records()]
    return [content for content in found if content.get("topic") == "redaction-lifted"]


async def test_the_reason_is_on_record_before_anything_is_shown(console: Console) -> None:
    until = await console.lifting.lift(REASON)
    [note] = notes(console)
    assert note["reason"] == REASON.replace("jane@example.com", "[email]"), "the record itself is redacted"
    assert note["details"] == {"seconds": 600.0, "until": until.isoformat()}
    assert (until - console.clock.now()).total_seconds() > 590
    await console_sees(console, lambda v: v.surroundings.unredacted_until == until)
    await console.lifting.end()
    assert not console.lifting.active
    await console_sees(console, lambda v: v.surroundings.unredacted_until is None)
    assert [n["text"] for n in notes(console)][1] == "redaction in force again, by key"
    await console.lifting.end()
    assert len(notes(console)) == 2, "what is in force is not ended again"


async def test_without_a_reason_or_a_record_nothing_is_lifted(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError):
        await console.lifting.lift("  why  ")

    def full() -> None:
        raise AuditError("record", "the disk is full")

    assert console.workshop is not None
    monkeypatch.setattr(console.workshop, "_store", None)
    monkeypatch.setattr(console.workshop, "open_store", full)
    with pytest.raises(AuditError):
        await console.lifting.lift(REASON)
    assert not console.lifting.active
    assert notes(console) == []


async def test_it_ends_by_itself(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("posdeck.operations.lifting.SECONDS", 0.05)
    await console.lifting.lift(REASON)
    await eventually(lambda: len(notes(console)) == 2, "the note of the end")
    assert not console.lifting.active
    assert notes(console)[1]["text"] == "redaction in force again, when its time was over"


async def test_it_ends_with_posdeck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        await console.lifting.lift(REASON)
    assert [note["text"] for note in notes(console)][1] == "redaction in force again, when posdeck was closed"


async def test_tables_and_probes_are_shown_as_they_came_while_it_is_lifted(console: Console) -> None:
    """A column is to its cell what a key is to its value."""
    row = {"cells": ["pos-1", "0912345678"], "object": {"metadata": {"name": "pos-1"}}}
    assert _row(row, ("Name", "Phone"), console.redactor).cells == ("pos-1", "[phone]")
    assert _row(row, ("Name", "Phone"), None).cells == ("pos-1", "0912345678")
    answer = Answer.of(
        ProbePoint(console.clock.now(), 200, 0.1, body=f"{SECRET}\nmore"), console.redactor.text
    )
    assert (answer.shown.body, answer.raw.body) == ("card [card]", SECRET)
    cut = Answer.of(
        ProbePoint(console.clock.now(), 200, body="x" * 190 + f" {SECRET}"), console.redactor.text
    )
    assert "4111" not in cut.shown.body, "redacted first, then cut"


async def test_objects_are_shown_as_they_came_and_secrets_never(console: Console) -> None:
    secret = {"kind": "Secret", "metadata": {"annotations": {"note": SECRET}}, "data": {"key": "c2VjcmV0"}}
    redacted = shown(secret, console.redactor, by_name_only=True)
    lifted = shown(secret, None, by_name_only=True)
    assert "4111" not in str(redacted)
    assert lifted["metadata"]["annotations"]["note"] == SECRET
    assert redacted["data"] == lifted["data"] == {"key": "(not shown)"}
    pod = next(iter(console.view.snapshot.pods))
    await console.lifting.lift(REASON)
    assert (await console.object("pod", pod))["metadata"]["name"] == pod


def test_a_line_is_saved_as_it_was_redacted() -> None:
    line = LogLine("p", "c", None, SECRET, kept="card [card]")
    assert saved_line(line) == "- p/c card [card]"


def test_what_a_view_says_in_words_is_redacted_and_the_rest_is_the_same_object() -> None:
    screening = Screening(Redactor())
    harmless = Event("a", "1", "1", "Normal", "Pulled", "Image pos:1.42 was there", "Pod", "p")
    telling = replace(harmless, name="b", message=f"probe failed: {SECRET}")
    first = screening.snapshot(Snapshot(events={"a": harmless, "b": telling}))
    assert first.events["a"] is harmless
    assert "4111" not in first.events["b"].message
    again = screening.snapshot(Snapshot(events={"a": harmless, "b": telling}))
    assert again.events["b"] is first.events["b"], "rows are redrawn for what changed only"
    untouched = Snapshot(events={"a": harmless})
    assert Screening(Redactor()).snapshot(untouched) is untouched

    quoting = (Condition("ScalingActive", "False", "Failed", SECRET),)
    hpa = Hpa("h", "u", "1", None, "Deployment", "app", 1, 2, 1, 1, "cpu: 1%/2%", conditions=quoting)
    asked = Snapshot(hpas={"h": hpa}, connection=Connection(problem=f"refused: {SECRET}"))
    said = Screening(Redactor()).snapshot(asked)
    assert "4111" not in said.hpas["h"].conditions[0].message
    assert "4111" not in said.connection.problem

    problem = Problem("x", Severity.WARNING, "Pod", "p", "p", SECRET, evidence=(("said", SECRET),))
    [shown] = screening.problems((problem,))
    assert "4111" not in shown.text + shown.evidence[0][1]
    fine = replace(problem, text="all pods wait", evidence=())
    assert screening.problems((fine,))[0] is fine


async def test_many_new_events_are_redacted_a_few_at_a_time_before_the_view_is_made() -> None:
    redacted: list[str] = []

    class Counting(Redactor):
        def text(self, text: str) -> str:
            redacted.append(text)
            return super().text(text)

    events = {
        f"e{i}": Event(f"e{i}", "1", "1", "Normal", "Said", f"probe {i} said: {SECRET}", "Pod", "p")
        for i in range(1000)
    }
    snapshot, screening, turns = Snapshot(events=events), Screening(Counting()), []
    before = screening.snapshot(Snapshot(events={"e0": events["e0"]}))

    async def beside() -> None:
        while True:
            turns.append(len(redacted))
            await asyncio.sleep(0)

    other = asyncio.create_task(beside())
    await screening.look_ahead(snapshot)
    other.cancel()
    assert len(turns) >= 5, "others had their turns"
    done = len(redacted)
    shown = screening.snapshot(snapshot)
    assert len(redacted) == done == 1000, "each once, and nothing is left for the view"
    assert shown.events["e0"] is before.events["e0"]
    assert not any("4111" in event.message for event in shown.events.values())
