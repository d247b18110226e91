"""Would more replicas help? From what each replica does, how many messages it may hold, and for how many more the
nodes have room. Says no as plainly as yes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from posdeck.operations.spans import span
from posdeck.operations.view import Verdict

if TYPE_CHECKING:
    from posdeck.catalogue.model import Workload
    from posdeck.cluster.snapshot import Deployment, Node, Pod, Snapshot
    from posdeck.telemetry.queues import QueueNumbers

SATURATED = 0.5  # share of what consumers may hold, from which they are busy and not starved
_NO = {
    Verdict.NO_CONSUMER: "No: nobody consumes the queue. Find out why the replicas that are there do not connect.",
    Verdict.STUCK: "Not by itself: nothing is acknowledged. New replicas do the same until the cause is gone.",
    Verdict.RETURNING: "No: the same messages come back to whoever takes them. Take them out of the queue.",
    Verdict.PAUSED: "It runs no replica at all: any number would help.",
    Verdict.ASLEEP: "It sleeps on purpose.",
}


@dataclass(frozen=True, slots=True)
class Room:
    """For how many more replicas the nodes have room, at most; None where it cannot be told, and why."""

    replicas: int | None
    reason: str = ""


def room_for(deployment: Deployment, snapshot: Snapshot) -> Room:
    """By what the pods seen here request and what the nodes use. Pods of other namespaces are not seen, so there may
    be less."""
    cpu = sum(c.resources.cpu_request or 0.0 for c in deployment.containers if not c.init)
    memory = sum(c.resources.memory_request or 0 for c in deployment.containers if not c.init)
    if not snapshot.nodes:
        return Room(None, "the nodes cannot be read")
    if not cpu and not memory:
        return Room(None, "its pods request neither CPU nor memory")
    by_node: dict[str, list[Pod]] = {}
    for pod in snapshot.pods.values():
        if pod.phase not in ("Succeeded", "Failed"):
            by_node.setdefault(pod.node, []).append(pod)
    return Room(sum(_fits(n, by_node, snapshot, cpu, memory) for n in snapshot.nodes.values()))


def _fits(node: Node, by_node: Mapping[str, list[Pod]], snapshot: Snapshot, cpu: float, memory: float) -> int:
    ready = node.status.split(",")[0] == "Ready" and not node.unschedulable
    if not ready or any(taint.endswith((":NoSchedule", ":NoExecute")) for taint in node.taints):
        return 0
    pods = by_node.get(node.name, [])
    usage = snapshot.node_usage.get(node.name)
    limits = []
    if cpu and node.cpu_allocatable is not None:
        taken = max(sum(p.resources.cpu_request or 0.0 for p in pods), usage.cpu if usage else 0.0)
        limits.append((node.cpu_allocatable - taken) / cpu)
    if memory and node.memory_allocatable is not None:
        used = max(sum(p.resources.memory_request or 0 for p in pods), usage.memory if usage else 0)
        limits.append((node.memory_allocatable - used) / memory)
    if node.pods_allocatable is not None:
        limits.append(node.pods_allocatable - len(pods))
    return max(0, math.floor(min(limits))) if limits else 0


def would_help(
    workload: Workload, deployment: Deployment | None, numbers: QueueNumbers, verdict: Verdict, room: Room
) -> tuple[str, ...]:
    """The answer, with its arithmetic."""
    if verdict in _NO:
        return (_NO[verdict],)
    if verdict is Verdict.CANNOT_TELL or deployment is None:
        return ("It cannot be told without its numbers.",)
    each, per = _per_replica(deployment, numbers)
    if verdict is not Verdict.FALLING_BEHIND:
        return ("There is no need: it keeps up.", *per)
    if each is None:
        return ("It cannot be told: what one replica does is not known.", *per)
    starved = _starved(numbers)
    if starved:
        return (starved, *per)
    return (*_options(workload, deployment, numbers, each, room), *per, *_held(numbers))


def _per_replica(deployment: Deployment, numbers: QueueNumbers) -> tuple[float | None, tuple[str, ...]]:
    out = numbers.rate("acknowledged_total").value
    if not out or deployment.ready <= 0:
        return None, ()
    each = out / deployment.ready
    count = f"{deployment.ready} replica" + ("" if deployment.ready == 1 else "s")
    return each, (f"Rate per replica: {out:.1f} a second by {count} is {each:.1f} each.",)


def _starved(numbers: QueueNumbers) -> str:
    """Consumers that hold far less than they may, although messages wait, are not what is slow."""
    prefetch, connected = numbers.reading("prefetch").value, numbers.reading("consumers").value
    held, waiting = numbers.reading("unacknowledged").value, numbers.reading("waiting").value
    if not prefetch or not connected or held is None or not waiting:
        return ""
    most = prefetch * connected
    if held >= SATURATED * most or waiting < most:
        return ""
    return (
        f"Hardly: the consumers hold {held:,.0f} of the {most:,.0f} messages that they may, although {waiting:,.0f} "
        "wait. The broker or the way to it is slow, not they."
    )


def _held(numbers: QueueNumbers) -> tuple[str, ...]:
    prefetch, connected = numbers.reading("prefetch").value, numbers.reading("consumers").value
    held = numbers.reading("unacknowledged").value
    if not prefetch or not connected or held is None:
        return ()
    return (
        f"Prefetch {prefetch:,.0f} each: they hold {held:,.0f} of {prefetch * connected:,.0f}, so they are busy.",
    )


def _options(
    workload: Workload, deployment: Deployment, numbers: QueueNumbers, each: float, room: Room
) -> tuple[str, ...]:
    waiting = numbers.reading("waiting").value or 0.0
    arriving = numbers.rate("published_total").value or 0.0
    most = workload.maximum
    limit = f"the inventory allows {workload.maximum}"
    if room.replicas is not None and deployment.desired + room.replicas < most:
        most = deployment.desired + room.replicas
        limit = f"the nodes have room for {room.replicas} more"
    first = max(deployment.ready + 1, math.floor(arriving / each) + 1)
    there = _room_words(room)
    if first > most:
        return (f"Not enough: {first} replicas would be needed to shrink the backlog, and {limit}.", there)
    choices = sorted({first, min(2 * first, most), most})
    times = [f"{span(waiting / (each * n - arriving))} at {n}" for n in choices]
    return (f"Yes: caught up in {', in '.join(times)} replicas, if each does what one does now.", there)


def _room_words(room: Room) -> str:
    if room.replicas is None:
        return f"Room on the nodes: cannot be told, {room.reason}."
    return f"Room on the nodes: for at most {room.replicas} more; pods of other namespaces are not seen."
