"""Numbers over time: a hole stays a hole, a reset is no burst, a sum never counts a missing part as nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.operations.charts import total
from posdeck.telemetry.curves import Curve, quantile, rates_of


def test_a_hole_splits_a_curve_and_has_no_value() -> None:
    curve = Curve("a", ((0, 1), (10, 2), (100, 3), (110, 4)), 10.0)
    assert curve.pieces == [((0, 1), (10, 2)), ((100, 3), (110, 4))]
    assert [curve.at(t) for t in (-1, 0, 15, 60, 105, 500)] == [None, 1, 2, None, 3, None]


def test_what_is_no_number_is_a_hole() -> None:
    curve = Curve("a", ((0, 1), (10, math.nan), (20, 3)), 10.0)
    assert curve.pieces == [((0, 1),), ((20, 3),)]
    assert curve.at(12) is None


def test_rates_know_resets_and_bridge_no_hole() -> None:
    assert rates_of(((0, 0), (10, 50), (20, 30), (200, 900), (210, 910)), 10.0) == (
        (10, 5),
        (20, 3),
        (210, 1),
    )


@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1e9)), max_size=30), st.floats(0.1, 100))
def test_a_rate_is_never_negative_and_never_made_of_nothing(
    points: list[tuple[float, float]], step: float
) -> None:
    ordered = tuple(sorted(dict(points).items()))
    found = rates_of(ordered, step)
    assert all(value >= 0 and math.isfinite(value) for _, value in found)
    assert {at for at, _ in found} <= {at for at, _ in ordered[1:]}


def test_a_sum_needs_all_of_its_parts() -> None:
    one = Curve("a", ((0, 1), (10, 2), (20, 3)), 10.0)
    holed = Curve("b", ((0, 5), (100, 5)), 10.0)
    assert total([one, holed], "both").points == ((0, 6), (10, 7), (20, 8))
    lost = total([one, Curve("c", reason="P: no answer")], "both")
    assert (lost.points, lost.reason) == ((), "no sum: P: no answer")


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.95, 4), (1.0, 4)])
def test_quantiles(share: float, value: float) -> None:
    assert quantile([4, 1, 3, 2, math.nan], share) == value
    assert quantile([], share) is None
