"""When changes are open: windows in their own time zone and over midnight; freezes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.catalogue.policy import DAYS, ChangeWindow, Freeze, Policy


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


WEEK = ChangeWindow(("tue", "thu"), time(10), time(16))
NIGHT = ChangeWindow(("fri",), time(22), time(2))


@pytest.mark.parametrize(
    ("window", "at", "is_open"),
    [
        (WEEK, "2026-03-03T10:00", True),  # a Tuesday
        (WEEK, "2026-03-03T15:59", True),
        (WEEK, "2026-03-03T16:00", False),
        (WEEK, "2026-03-03T09:59", False),
        (WEEK, "2026-03-04T12:00", False),
        (NIGHT, "2026-03-06T23:00", True),  # Friday
        (NIGHT, "2026-03-07T01:59", True),  # Saturday, still Friday's window
        (NIGHT, "2026-03-07T02:00", False),
        (NIGHT, "2026-03-06T01:00", False),  # Friday early: Thursday has no window
    ],
)
def test_a_window(window: ChangeWindow, at: str, is_open: bool) -> None:
    assert window.contains(utc(at)) is is_open


def test_a_window_follows_its_own_clock() -> None:
    """Berlin is an hour ahead of UTC in winter, two in summer."""
    window = ChangeWindow(DAYS, time(10), time(11), "Europe/Berlin")
    assert window.contains(utc("2026-01-15T09:30"))
    assert not window.contains(utc("2026-01-15T10:30"))
    assert window.contains(utc("2026-07-15T08:30"))
    assert str(window) == "mon/tue/wed/thu/fri/sat/sun 10:00–11:00 Europe/Berlin"


def test_no_windows_mean_any_time_and_a_freeze_closes() -> None:
    freeze = Freeze(utc("2026-12-20T00:00"), utc("2027-01-02T00:00"), "year's end")
    policy = Policy(freezes=(freeze,))
    assert policy.open_for_changes(utc("2026-12-19T23:59"))
    assert not policy.open_for_changes(utc("2026-12-20T00:00"))
    assert policy.freeze_at(utc("2026-12-31T12:00")) is freeze
    assert policy.open_for_changes(utc("2027-01-02T00:00"))


def test_a_freeze_wins_over_a_window() -> None:
    freeze = Freeze(utc("2026-03-03T00:00"), utc("2026-03-04T00:00"), "audit")
    policy = Policy(change_windows=(WEEK,), freezes=(freeze,))
    assert not policy.open_for_changes(utc("2026-03-03T12:00"))
    assert policy.open_for_changes(utc("2026-03-05T12:00"))


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.times(), st.times())  # noqa: DTZ001 - made aware below
def test_a_window_on_every_day_is_open_as_long_as_it_says(at: datetime, start: time, end: time) -> None:
    """In UTC, whatever the day, the window and its complement are never both open, nor both closed."""
    if start == end:
        return
    moment = at.replace(tzinfo=UTC)
    assert ChangeWindow(DAYS, start, end).contains(moment) is not ChangeWindow(DAYS, end, start).contains(
        moment
    )


def test_the_default_is_the_strictest() -> None:
    policy = Policy()
    assert (policy.confirm, policy.reason_required, policy.ticket_required) == ("typed", True, True)
    assert policy.blast_radius.objects_at_once == 1
    assert policy.mitigation_grace_minutes == timedelta(hours=1).seconds // 60
