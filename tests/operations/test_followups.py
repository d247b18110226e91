"""A mitigation may be made first and explained within its grace; until then it is owed, and nothing forgets it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from posdeck.audit.record import RecordKind, Result
from posdeck.audit.sqlite import AuditStore
from posdeck.clock import ManualClock
from posdeck.errors import PosdeckError
from posdeck.operations import followups, gate
from posdeck.operations.facts import Facts
from posdeck.operations.followups import Obligation
from posdeck.operations.standing import Standing

Make = Callable[..., Any]
OWING = {"ticket_required": True, "inform": ("finance", "operations"), "mitigation_grace_minutes": 30}


@pytest.fixture
def where(standing: Make) -> Standing:
    made: Standing = standing(**OWING)
    return made


@pytest.fixture
def permit(write: Make, facts: Facts, where: Standing, store: AuditStore) -> gate.Permit:
    return gate.authorise(write(), facts, where, store)


def owed(store: AuditStore, where: Standing, clock: ManualClock) -> list[Obligation]:
    return followups.owed(store, {where.environment: where.policy}, clock.now())


def test_a_mitigation_without_ticket_owes_it_and_word_to_the_contacts(
    permit: gate.Permit, store: AuditStore, where: Standing, clock: ManualClock
) -> None:
    (one,) = owed(store, where, clock)
    assert (one.record_id, one.ticket, one.contacts) == (permit.intent.id, True, ("finance", "operations"))
    assert one.due - one.at == timedelta(minutes=30)
    assert f"posdeck audit follow-up {permit.intent.id[:8]} --ticket ID --informed finance" in one.text


async def test_it_becomes_overdue(
    permit: gate.Permit, store: AuditStore, where: Standing, clock: ManualClock
) -> None:
    assert owed(store, where, clock)[0].as_json(clock.now())["overdue"] is False
    await clock.advance(31 * 60)
    assert owed(store, where, clock)[0].as_json(clock.now())["overdue"] is True


def test_what_is_supplied_is_recorded_and_no_longer_owed(
    permit: gate.Permit, store: AuditStore, where: Standing, clock: ManualClock
) -> None:
    record = store.records(RecordKind.INTENT)[0]
    followups.follow_up(store, record, "INC-1", ["finance"], where.actor, where.place)
    (one,) = owed(store, where, clock)
    assert (one.ticket, one.contacts) == (False, ("operations",))
    followups.follow_up(store, record, "", ["operations"], where.actor, where.place)
    assert owed(store, where, clock) == []
    notes = store.records(RecordKind.NOTE, subject=permit.intent.id)
    assert [note.content["details"]["ticket"] for note in notes] == ["INC-1", ""]


def test_what_changed_nothing_owes_nothing(
    permit: gate.Permit, store: AuditStore, where: Standing, clock: ManualClock
) -> None:
    gate.settle(permit, store, Result.NOTHING_CHANGED)
    assert owed(store, where, clock) == []
    assert followups.asked_for([permit], where.policy, Result.NOTHING_CHANGED, clock.now()) == ()


def test_a_change_under_break_glass_owes_what_was_set_aside(
    write: Make, facts: Facts, where: Standing, store: AuditStore, clock: ManualClock
) -> None:
    gate.authorise(write("rollout-pause", break_glass="outage"), facts, where, store)
    (one,) = owed(store, where, clock)
    assert one.ticket
    assert one.contacts == ("finance", "operations")


def test_it_is_asked_for_when_the_act_ends(permit: gate.Permit, where: Standing, clock: ManualClock) -> None:
    (line,) = followups.asked_for([permit], where.policy, Result.SUCCEEDED, clock.now())
    assert "owes a ticket and word to finance and word to operations by 12:30 UTC" in line


def test_only_acts_can_be_followed_up_and_only_with_something(
    permit: gate.Permit, store: AuditStore, where: Standing
) -> None:
    intent = store.records(RecordKind.INTENT)[0]
    with pytest.raises(PosdeckError, match="nothing is supplied"):
        followups.follow_up(store, intent, " ", [], where.actor, where.place)
    note = followups.follow_up(store, intent, "INC-1", [], where.actor, where.place)
    with pytest.raises(PosdeckError, match="is no act"):
        followups.follow_up(store, note, "INC-2", [], where.actor, where.place)
