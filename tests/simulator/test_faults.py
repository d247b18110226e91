"""Each fault shows, is cured by the right thing and by nothing else, and leaves a sound namespace behind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import ManualClock
from posdeck.errors import UnknownNameError
from posdeck.operations.drill_list import DRILLS, Cure, Drill
from posdeck.operations.embedded import seed_of
from posdeck.operations.treatment import treat
from posdeck.simulator import server
from posdeck.simulator.faults import KINDS, Fault
from posdeck.simulator.server import Simulator

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]


class Played:
    """A simulated namespace without a server, driven second by second."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.clock = ManualClock(datetime(2026, 3, 2, 10, tzinfo=UTC))
        self.cluster = Simulator(seed_of(catalogue), clock=self.clock)
        self.cluster.fill()

    async def after(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.clock.advance(1.0)
            self.cluster.engine.settle()
        assert self.cluster.engine.failures == []

    def full(self, short: str) -> str:
        return self.catalogue.workload(short).deployment

    def inject(self, kind: str, short: str = "", **parameters: float) -> None:
        self.cluster.inject(Fault(kind, self.full(short) if short else "", parameters))

    def pods(self, short: str) -> list[Any]:
        return list(self.cluster.load.pods(self.full(short)).values())

    def queue(self, short: str) -> Any:
        return self.cluster.load.queues[self.full(short)]

    def reasons(self) -> set[str]:
        return {e["reason"] for e in self.cluster.objects("events") if e["type"] == "Warning"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "inventory" / "simulated")


@pytest.fixture
def played(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> Played:
    monkeypatch.setattr(server, "HISTORY", timedelta(minutes=1))
    return Played(catalogue)


def test_every_fault_is_part_of_a_drill_and_every_drill_has_a_fault() -> None:
    """No fault without practice; and there are at least twenty-five of each."""
    assert {d.fault for d in DRILLS} == {k.name for k in KINDS}
    assert len(KINDS) >= 25
    assert len({d.name for d in DRILLS}) == len(DRILLS)


@pytest.mark.parametrize("drill", DRILLS, ids=lambda d: d.name)
async def test_the_wrong_cure_does_not_cure_and_the_right_one_does(played: Played, drill: Drill) -> None:
    target = played.full(drill.target) if drill.target else ""
    played.cluster.inject(Fault(drill.fault, target, drill.parameters))
    await played.after(45)
    assert len(played.cluster.faults.active) == 1, "a fault ends by itself"
    if drill.wrong is not Cure.OUTSIDE:
        treat(played.cluster, drill.wrong, target)
        await played.after(60)
        assert len(played.cluster.faults.active) == 1, "the wrong cure helped"
    treat(played.cluster, drill.cure, target)
    await played.after(150)
    assert played.cluster.faults.active == []
    for pod in (
        p for d in played.cluster.seed.deployments for p in played.cluster.load.pods(d.name).values()
    ):
        ready = {c["type"]: c["status"] for c in pod["status"]["conditions"]}["Ready"]
        assert ready == "True" or pod["status"]["phase"] == "Failed", pod["metadata"]["name"]


@pytest.mark.parametrize(
    ("kind", "target", "reason"),
    [
        ("broken-image", "app", "ImagePullBackOff"),
        ("crash-after-release", "app", "CrashLoopBackOff"),
        ("config-missing", "app", "CreateContainerConfigError"),
    ],
)
async def test_a_bad_release_shows_in_the_new_pods_while_the_old_serve(
    played: Played, kind: str, target: str, reason: str
) -> None:
    played.inject(kind, target)
    await played.after(60)
    states = [p["status"]["containerStatuses"][0]["state"] for p in played.pods(target)]
    assert reason in {s.get("waiting", {}).get("reason") for s in states}
    assert sum("running" in s for s in states) >= 1


async def test_memory_below_the_need_ends_in_a_kill(played: Played) -> None:
    played.inject("out-of-memory", "consumer-customer")
    await played.after(60)
    last = [
        p["status"]["containerStatuses"][0].get("lastState") or {} for p in played.pods("consumer-customer")
    ]
    assert "OOMKilled" in {each.get("terminated", {}).get("reason") for each in last}


async def test_a_failing_liveness_probe_restarts_the_container(played: Played) -> None:
    played.inject("probe-failing", "consumer-default")
    await played.after(120)
    assert (
        max(p["status"]["containerStatuses"][0]["restartCount"] for p in played.pods("consumer-default")) >= 1
    )
    assert "Unhealthy" in played.reasons()


async def test_restarting_during_a_database_outage_makes_it_worse(played: Played) -> None:
    """Pods that wait keep their place; those that are started anew end at once, one after the other."""
    played.inject("database-outage")
    await played.after(60)
    orders = played.full("consumer-order")
    assert played.queue("consumer-order").unacked > 0
    assert len(played.queue("consumer-order").consumers) == 1
    for name in [p["metadata"]["name"] for p in played.pods("consumer-order")]:
        played.cluster.store.remove("pods", played.cluster.seed.namespace, name)
    await played.after(60)
    assert len(played.cluster.load.pods(orders)) == 1
    assert played.pods("consumer-order")[0]["status"]["containerStatuses"][0]["restartCount"] >= 1
    assert len(played.queue("consumer-order").consumers) == 0


async def test_a_queue_outage_takes_every_consumer_away(played: Played) -> None:
    played.inject("queue-outage")
    await played.after(5)
    assert all(not q.consumers for q in played.cluster.load.queues.values())


async def test_poison_comes_back_and_slows_the_rest(played: Played) -> None:
    queue = played.queue("consumer-order")
    await played.after(30)
    usual = queue.redelivered
    played.inject("poison-messages", "consumer-order")
    await played.after(60)
    assert queue.redelivered - usual > 60
    assert queue.failed > 10


async def test_rejected_messages_are_dead_and_written_down(played: Played) -> None:
    queue = played.queue("consumer-rate-card-bulk-upload")
    played.inject("messages-rejected", "consumer-rate-card-bulk-upload")
    await played.after(120)
    assert queue.dead > 20


async def test_a_silent_publisher_publishes_nothing(played: Played) -> None:
    name = played.full("wrk--batch-publisher")
    await played.after(10)
    before = played.cluster.load.published[name]
    assert before > 0
    played.inject("publisher-silent", "wrk--batch-publisher")
    await played.after(30)
    assert played.cluster.load.published[name] == before


async def test_the_quota_is_said_where_kubernetes_says_it(played: Played) -> None:
    played.inject("quota-exhausted", "consumer-orders-bulk-upload")
    await played.after(60)
    deployment = played.cluster.object("apps/deployments", played.full("consumer-orders-bulk-upload"))
    assert deployment is not None
    said = {c["type"]: c.get("message", "") for c in deployment["status"]["conditions"]}
    assert "exceeded quota: namespace-pods" in said["ReplicaFailure"]
    assert len(played.pods("consumer-orders-bulk-upload")) == 2


async def test_the_collector_counts_what_it_refuses_and_cannot_hand_on(played: Played) -> None:
    numbers = played.cluster.load.collector
    await played.after(5)
    assert (numbers.refused, numbers.failed) == (0, 0)
    played.inject("collector-refusing", "otel-collector")
    await played.after(5)
    assert numbers.refused > 0
    played.cluster.clear()
    played.inject("export-failing", "otel-collector")
    await played.after(5)
    assert numbers.failed > 0
    assert numbers.queued > 0


@pytest.mark.parametrize(("kind", "target"), [("broken-image", ""), ("one-pod-hung", "app"), ("no-room", "")])
def test_a_fault_without_its_target_is_refused(played: Played, kind: str, target: str) -> None:
    with pytest.raises(UnknownNameError):
        played.inject(kind, target)
