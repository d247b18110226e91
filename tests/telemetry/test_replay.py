"""The past played again: no message is lost or made up, bounds hold, a hole is not played, and the proposal is calm."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posdeck.telemetry.curves import Curve
from posdeck.telemetry.replay import STEP, Policy, proposed, rate_of_one, replay

DAY = [20.0] * 600 + [50.0] * 60 + [20.0] * 300  # messages a second, a value a minute


def arriving(rates: list[float], step: float = 60.0) -> Curve:
    return Curve("arriving", tuple((i * step, rate) for i, rate in enumerate(rates)), step)


def test_a_fixed_number_that_is_enough_leaves_nothing() -> None:
    seen = replay(arriving([20.0] * 60), 10.0, Policy(100, 3, 3, 300))
    assert seen.peak == 0
    assert seen.changes == 0
    assert seen.hours == pytest.approx(3 * seen.played / 3600)
    assert seen.played == 59 * 60 + STEP


def test_a_peak_brings_replicas_and_the_fixed_number_a_backlog() -> None:
    policy = Policy(300, 3, 8, 300)
    would, fixed = replay(arriving(DAY), 10.0, policy), replay(arriving(DAY), 10.0, Policy(300, 3, 3, 300))
    assert fixed.peak == pytest.approx(20 * 3600, rel=0.05)  # 50 come, 30 are done, for an hour
    assert would.peak < 2_500
    assert max(v for _, v in would.replicas) > 4
    assert would.longest_wait < 120 < fixed.longest_wait
    assert would.hours > fixed.hours


def test_a_hole_in_the_past_is_not_played() -> None:
    holed = Curve("a", tuple((t, 20.0) for t in (*range(0, 600, 60), *range(6000, 6600, 60))), 60.0)
    seen = replay(holed, 10.0, Policy(100, 2, 4, 300))
    assert seen.played < 1600
    assert not [at for at, _ in seen.replicas if 800 < at < 6000]


@given(
    st.lists(st.floats(0, 500), min_size=2, max_size=60),
    st.floats(0.1, 50),
    st.integers(1, 500),
    st.integers(1, 5),
    st.integers(0, 10),
    st.integers(0, 1800),
)
def test_bounds_hold_and_messages_are_conserved(
    rates: list[float], each: float, threshold: int, minimum: int, more: int, cooldown: int
) -> None:
    policy = Policy(threshold, minimum, minimum + more, cooldown)
    curve = arriving(rates)
    seen = replay(curve, each, policy)
    assert all(policy.minimum <= count <= policy.maximum for _, count in seen.replicas)
    assert all(left >= 0 and math.isfinite(left) for _, left in seen.backlog)
    came = sum((curve.at(at) or 0.0) * STEP for at, _ in seen.backlog)
    assert seen.backlog[-1][1] <= came + 1e-6
    most = sum(count * each * STEP for _, count in seen.replicas) + policy.maximum * each * STEP * 4
    assert came - seen.backlog[-1][1] <= most + 1e-6
    assert seen.hours >= policy.minimum * seen.played / 3600 - 1e-9


def test_a_proposal_is_calm_and_above_the_prefetch() -> None:
    """Quiet hours need two replicas and the middle of the day three: with two it would go up and down all day."""
    policy = proposed(arriving(DAY), 9.0, prefetch=200.0, wait=30.0, lowest=1, highest=15)
    assert policy.threshold == 400
    assert policy.minimum == 3
    assert policy.maximum == math.ceil(50 * 1.2 / 9)
    seen = replay(arriving(DAY), 9.0, policy)
    assert seen.changes / (seen.played / 3600) <= 2


def test_the_inventory_bounds_a_proposal() -> None:
    assert proposed(arriving(DAY), 9.0, prefetch=20.0, wait=30.0, lowest=1, highest=4).maximum == 4


def test_what_one_replica_does_is_taken_from_when_messages_waited() -> None:
    times = [float(i * 60) for i in range(20)]
    done = Curve("done", tuple((t, 27.0 if i >= 10 else 6.0) for i, t in enumerate(times)), 60.0)
    consuming = Curve("c", tuple((t, 3.0) for t in times), 60.0)
    waiting = Curve("w", tuple((t, 500.0 if i >= 10 else 0.0) for i, t in enumerate(times)), 60.0)
    assert rate_of_one(done, consuming, waiting) == (9.0, True)
    idle = Curve("w", tuple((t, 0.0) for t in times), 60.0)
    assert rate_of_one(done, consuming, idle) == (9.0, False)
    assert rate_of_one(Curve("done"), consuming, idle) == (None, False)
