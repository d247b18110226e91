"""What a record's values promise: one canonical text, and back again without loss."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.audit.record import (
    Actor,
    Intent,
    Note,
    Outcome,
    Place,
    Process,
    Refusal,
    Result,
    Target,
    Topic,
    Verification,
    canonical,
    format_time,
    parse_time,
    plain,
    restore,
)
from posdeck.errors import AuditError

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('añ"\\\n中'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abö", max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_canonical_text_is_stable_and_means_the_same(value: object) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


def test_the_order_of_keys_does_not_matter() -> None:
    assert canonical({"b": 1, "a": {"d": 2, "c": 3}}) == '{"a":{"c":3,"d":2},"b":1}'
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1})


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1: 2}, {"a": object()}, "\ud800", {"a": {1, 2}}]
)
def test_what_json_cannot_say_exactly_is_refused(value: object) -> None:
    with pytest.raises(AuditError):
        canonical(value)


def test_every_kind_of_value_survives_the_way_through_json(make_intent: Callable[..., Intent]) -> None:
    intent = make_intent(overrides=("staging-first",), informed=("finance",), break_glass=True)
    actor, place = Actor("an", 1, None), Place("h")
    for value in (
        intent,
        Outcome(
            "i",
            Result.FAILED,
            Verification.PASSED,
            8,
            "x",
            "y",
            "m",
            12,
            True,
            Process(1, "2", "3"),
            actor,
            ("d",),
        ),
        Refusal("read-only", "c", "r", "scale", actor, place, Target("Deployment", "x"), {"replicas": 2}),
        Note(Topic.SNOOZED, "text", actor, place, "finding-1", "why", {"minutes": 30}),
    ):
        assert restore(type(value), json.loads(canonical(plain(value)))) == value


def test_a_later_schemas_extra_fields_are_left_out_and_missing_ones_take_defaults() -> None:
    assert restore(Outcome, {"intent_id": "i", "result": "failed", "new_field": 1}) == Outcome(
        "i", Result.FAILED
    )


@pytest.mark.parametrize("body", [{"intent_id": "i"}, {"intent_id": "i", "result": "fine"}])
def test_what_cannot_be_read_is_an_audit_error(body: dict[str, object]) -> None:
    with pytest.raises(AuditError):
        restore(Outcome, body)


def test_times_are_utc_to_the_microsecond() -> None:
    moment = datetime(2026, 1, 5, 9, 11, 9, 113, tzinfo=timezone(timedelta(hours=7)))
    assert format_time(moment) == "2026-01-05T02:11:09.000113Z"
    assert parse_time(format_time(moment)) == moment
    assert parse_time(format_time(moment)).tzinfo is UTC
    with pytest.raises(AuditError):
        format_time(moment.replace(tzinfo=None))


def test_the_store_is_light_to_import() -> None:
    """The write plugins import it in Ansible's process: nothing heavy comes along."""
    heavy = "{'pydantic', 'textual', 'kubernetes', 'asyncio', 'aiohttp', 'yaml', 'rich'}"
    code = (
        f"import sys, posdeck.audit.sqlite, posdeck.audit.origin; print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
