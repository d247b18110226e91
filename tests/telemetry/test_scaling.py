"""Whether scaling would help, from what one replica does, what it may hold, and the room on the nodes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from posdeck.catalogue.model import Workload
from posdeck.cluster.snapshot import Container, Deployment, Node, Pod, Resources, Snapshot, Usage
from posdeck.operations.processing import consumer_view
from posdeck.operations.scaling import Room, room_for, would_help
from posdeck.operations.view import Verdict
from posdeck.telemetry.queues import QueueNumbers
from posdeck.telemetry.reading import Reading

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BULK = Workload("bulk", "spc--bulk--prod", "bulk", 3, 1, 12)
BOX = Container("main", "x:1", resources=Resources(cpu_request=0.5, memory_request=256 << 20))
MADE = Deployment("spc--bulk--prod", "u", "1", 1, 1, NOW, 3, 3, 3, updated=3, available=3, containers=(BOX,))


def numbers(
    waiting: float = 1440.0,
    arriving: float = 15.0,
    out: float = 9.0,
    held: float = 60.0,
    prefetch: float = 20.0,
    *,
    again: float = 0.0,
    returning: int = 0,
) -> QueueNumbers:
    gauges = {"waiting": waiting, "unacknowledged": held, "consumers": 3.0, "prefetch": prefetch}
    rates = {"published_total": arriving, "acknowledged_total": out, "redelivered_total": again}
    return QueueNumbers(
        {k: Reading(v, at=NOW) for k, v in gauges.items()}, {k: Reading(v, at=NOW) for k, v in rates.items()},
        interval=15.0, returning=returning,
    )  # fmt: skip


def test_it_helps_with_the_times_at_several_numbers() -> None:
    said = would_help(BULK, MADE, numbers(), Verdict.FALLING_BEHIND, Room(20))
    assert said[0] == "Yes: caught up in 8 min at 6, in 69 s at 12 replicas, if each does what one does now."
    assert "for at most 20 more" in said[1]
    assert said[2] == "Rate per replica: 9.0 a second by 3 replicas is 3.0 each."
    assert "hold 60 of 60" in said[3]


def test_the_nodes_bound_it() -> None:
    said = would_help(BULK, MADE, numbers(), Verdict.FALLING_BEHIND, Room(1))
    assert said[0].startswith("Not enough: 6 replicas would be needed")
    assert "the nodes have room for 1 more" in said[0]


def test_consumers_that_hold_little_are_not_the_bottleneck() -> None:
    said = would_help(BULK, MADE, numbers(held=6.0), Verdict.FALLING_BEHIND, Room(20))
    assert said[0].startswith("Hardly: the consumers hold 6 of the 60 messages")


@pytest.mark.parametrize("verdict", [Verdict.STUCK, Verdict.NO_CONSUMER, Verdict.RETURNING])
def test_what_more_replicas_cannot_cure_is_answered_with_no(verdict: Verdict) -> None:
    assert would_help(BULK, MADE, numbers(), verdict, Room(20))[0].startswith("No")


def snapshot(**usage: Usage) -> Snapshot:
    node = Node(
        "a", "u", "1", NOW, "Ready", cpu_allocatable=4.0, memory_allocatable=8 << 30, pods_allocatable=20
    )
    nodes = {
        "a": node,
        "b": replace(node, name="b", unschedulable=True),
        "c": replace(node, name="c", status="NotReady"),
        "d": replace(node, name="d", taints=("dedicated=x:NoSchedule",)),
    }
    pod = Pod(
        "p",
        "u",
        "1",
        NOW,
        "1/1",
        "Running",
        0,
        None,
        "Running",
        node="a",
        resources=Resources(1.0, None, 1 << 30),
    )
    return Snapshot(nodes=nodes, pods={"p": pod}, node_usage=usage)


def test_room_is_what_requests_and_use_leave_on_nodes_that_take_pods() -> None:
    """Four cores, one requested: six halves; three used: two."""
    assert room_for(MADE, snapshot()) == Room(6)
    assert room_for(MADE, snapshot(a=Usage("a", 3.0, 1 << 30))) == Room(2)
    assert room_for(replace(MADE, containers=()), snapshot()).replicas is None
    assert room_for(MADE, Snapshot()).reason == "the nodes cannot be read"


def test_poison_is_told_from_a_restart() -> None:
    """What comes back in two intervals in a row, and is a quarter of the work, is no restart."""
    poisoned = numbers(0.0, 3.0, 3.0, again=3.5, returning=2)
    seen = consumer_view(BULK, MADE, poisoned, NOW.timestamp())
    assert (seen.verdict, seen.help[0][:3]) == (Verdict.RETURNING, "No:")
    assert "54% of the work" in seen.because
    once = numbers(0.0, 3.0, 3.0, again=3.5, returning=1)
    assert consumer_view(BULK, MADE, once, NOW.timestamp()).verdict is Verdict.KEEPING_UP
    rolling = replace(MADE, unavailable=1)
    assert consumer_view(BULK, rolling, poisoned, NOW.timestamp()).verdict is Verdict.KEEPING_UP
    few = numbers(0.0, 30.0, 30.0, again=3.5, returning=5)
    assert consumer_view(BULK, MADE, few, NOW.timestamp()).verdict is Verdict.KEEPING_UP


def test_nothing_that_waits_has_no_age() -> None:
    still = QueueNumbers({"waiting": Reading(0.0, at=NOW), "oldest": Reading(240.0, "s", NOW)}, {})
    assert consumer_view(BULK, MADE, still, NOW.timestamp()).oldest.reason == "nothing waits"
