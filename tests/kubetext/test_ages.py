"""Times are read as the API writes them, and odd ones are no time at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.kubetext.ages import age, human_duration, parse_time, since

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-2.0, "<invalid>"),
        (-1.9, "0s"),
        (0, "0s"),
        (119.999, "119s"),
        (120, "2m"),
        (599, "9m59s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (7 * 3600 + 59 * 60, "7h59m"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (8 * 86400, "8d"),
        (682 * 86400, "682d"),
        (730 * 86400, "2y"),
        (731 * 86400, "2y1d"),
        (8 * 365 * 86400, "8y"),
        (float("nan"), "<invalid>"),
        (float("inf"), "<invalid>"),
    ],
)
def test_spans_in_kubectls_words(seconds: float, words: str) -> None:
    assert human_duration(seconds) == words


def test_times_of_the_api() -> None:
    second = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    assert parse_time("2026-03-04T05:06:07Z") == second
    assert parse_time("2026-03-04T05:06:07.123456Z") == second + timedelta(microseconds=123456)
    assert parse_time("2026-03-04T05:06:07.123456789Z") == second + timedelta(microseconds=123456)
    assert parse_time("2026-03-04T07:06:07+02:00") == second
    assert parse_time("2026-03-04T05:06:07Z").tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "odd",
    [
        *(
            None,
            0,
            1.5,
            True,
            "",
            "soon",
            "2026-03-04",
            "2026-03-04T05:06:07",
            "2026-13-04T05:06:07Z",
            [],
            {},
        ),
        *(
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "2026-W10-3T05:06:07Z",
        ),
    ],
)
def test_what_is_no_time_is_none(odd: object) -> None:
    assert parse_time(odd) is None


def test_age_of_an_object() -> None:
    obj = {"metadata": {"creationTimestamp": "2026-03-03T05:06:07Z"}}
    assert age(obj, NOW) == "24h"
    assert age({}, NOW) == "<unknown>"
    assert since(None, NOW) == "<unknown>"


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers())
def test_every_span_has_words(seconds: float) -> None:
    assert human_duration(seconds)


@given(st.text(max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    parse_time(text)
    parse_time(f"2026-03-04T{text}")
