"""What is said of a finding is on the record, survives a restart, and ends when it no longer fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from posdeck.audit.record import Actor, Place
from posdeck.audit.sqlite import AuditStore
from posdeck.clock import ManualClock
from posdeck.errors import PosdeckError
from posdeck.operations.remarks import Remarks, Scope, Word, note_of, read_remarks, span_of, until_of
from posdeck.operations.standing import Standing
from posdeck.operations.view import Problem, Severity

SCOPE = Scope("simulated", "spc--pos", "c1")
PLACE = Place("laptop", cluster_uid="c1", namespace="spc--pos", environment="simulated")


class Desk:
    """A record, a clock, and one finding."""

    def __init__(self, store: AuditStore, clock: ManualClock, standing: Callable[..., Standing]) -> None:
        self.store, self.clock = store, clock
        self.standing = replace(standing(), actor=Actor("alice"), place=PLACE)
        self.problem = Problem(
            "pod-hung", Severity.WARNING, "Deployment", "long--order", "order", "hangs",
            since=clock.now() - timedelta(minutes=3), workloads=("long--order",),
        )  # fmt: skip

    def say(self, word: Word, text: str = "", until: datetime | None = None) -> None:
        self.store.append_note(note_of(self.problem, word, self.standing, text=text, until=until))

    def restarted(self) -> Remarks:
        """What a posdeck that starts now knows."""
        remarks = Remarks()
        remarks.take(read_remarks(self.store.path, self.clock.now()))
        return remarks

    def seen(self, remarks: Remarks | None = None, scope: Scope = SCOPE, **changed: object) -> Problem:
        problem = replace(self.problem, **changed)  # type: ignore[arg-type]
        return (remarks or self.restarted()).apply([problem], scope, self.clock.now())[0]


@pytest.fixture
def desk(store: AuditStore, clock: ManualClock, standing: Callable[..., Standing]) -> Desk:
    return Desk(store, clock, standing)


def test_an_acknowledgement_survives_a_restart_and_names_who_gave_it(desk: Desk) -> None:
    assert not desk.seen().quiet
    desk.say(Word.ACK, "looking at it")
    found = desk.seen()
    assert found.remark is not None
    assert (found.quiet, found.snoozed, found.remark.acknowledged_by) == (True, False, "alice")
    (record,) = desk.store.records("note")
    assert record.content["topic"] == "acknowledged"
    assert record.content["details"]["finding"] == "pod-hung/Deployment/long--order"


def test_a_snooze_ends_at_its_time(desk: Desk) -> None:
    desk.say(Word.SNOOZE, until=desk.clock.now() + timedelta(hours=1))
    assert desk.seen().snoozed
    desk.clock.skip(3600)
    assert not desk.seen().snoozed


@pytest.mark.parametrize(
    "worse", [{"severity": Severity.CRITICAL}, {"workloads": ("long--order", "long--pos-order")}]
)
def test_what_gets_worse_comes_back_and_stays_back(desk: Desk, worse: dict[str, object]) -> None:
    desk.say(Word.SNOOZE, until=desk.clock.now() + timedelta(hours=1))
    desk.say(Word.ACK)
    remarks = desk.restarted()
    assert desk.seen(remarks).snoozed
    assert not desk.seen(remarks, **worse).quiet
    assert not desk.seen(remarks).quiet, "better again is no reason to hide it again"


def test_a_later_snooze_counts_and_zero_ends_it(desk: Desk) -> None:
    desk.say(Word.SNOOZE, until=desk.clock.now() + timedelta(hours=1))
    desk.clock.skip(1)
    desk.say(Word.SNOOZE, until=until_of(timedelta(0), desk.clock.now()))
    assert not desk.seen().snoozed


def test_another_incident_is_not_acknowledged(desk: Desk) -> None:
    """Begun anew after the acknowledgement, or back after it was away."""
    desk.say(Word.ACK)
    assert not desk.seen(since=desk.clock.now() + timedelta(minutes=1)).quiet
    remarks = desk.restarted()
    remarks.apply([], SCOPE, desk.clock.now())
    desk.clock.skip(301)
    assert not desk.seen(remarks).quiet


def test_an_uncertain_beginning_holds_for_a_shift(desk: Desk) -> None:
    desk.say(Word.ACK)
    again = {"since": desk.clock.now() + timedelta(hours=1), "since_at_least": True}
    assert desk.seen(**again).quiet
    desk.clock.skip(12 * 3600 + 1)
    assert not desk.seen(**again).quiet


@pytest.mark.parametrize(
    "elsewhere",
    [
        Scope("production", "spc--pos", "c1"),
        Scope("simulated", "other", "c1"),
        Scope("simulated", "spc--pos", "c2"),
    ],
)
def test_a_remark_counts_only_where_it_was_made(desk: Desk, elsewhere: Scope) -> None:
    desk.say(Word.ACK)
    assert desk.seen(scope=elsewhere).remark is None


def test_notes_are_kept_in_order_and_quiet_nothing(desk: Desk) -> None:
    desk.say(Word.NOTE, "vendor called")
    desk.say(Word.NOTE, "patch at six")
    found = desk.seen()
    assert found.remark is not None
    assert [text for _, _, text in found.remark.notes] == ["vendor called", "patch at six"]
    assert not found.quiet


def test_the_snoozed_come_last_and_none_is_lost(desk: Desk) -> None:
    other = replace(desk.problem, id="pod-pending")
    desk.say(Word.SNOOZE, until=desk.clock.now() + timedelta(hours=1))
    found = desk.restarted().apply([desk.problem, other], SCOPE, desk.clock.now())
    assert [p.id for p in found] == ["pod-pending", "pod-hung"]


def test_a_record_is_taken_in_once(desk: Desk) -> None:
    desk.say(Word.NOTE, "once")
    remarks = desk.restarted()
    remarks.take(read_remarks(desk.store.path, desk.clock.now()))
    found = desk.seen(remarks)
    assert found.remark is not None
    assert len(found.remark.notes) == 1


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("30m", 30), ("2h", 120), ("1d", 1440), ("0", 0), ("5", None), ("x", None), ("", None)],
)
def test_lengths_of_time(text: str, minutes: int | None) -> None:
    assert span_of(text) == (None if minutes is None else timedelta(minutes=minutes))


def test_nothing_is_put_off_for_longer_than_a_week(clock: ManualClock) -> None:
    with pytest.raises(PosdeckError, match="7 days"):
        until_of(timedelta(days=8), clock.now())


def test_without_a_record_nothing_was_said(tmp_path: Path, clock: ManualClock) -> None:
    assert read_remarks(tmp_path / "none.sqlite", clock.now()) == []
