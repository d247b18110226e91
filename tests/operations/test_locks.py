"""Two engineers cannot work on one object at once, and a lock that was abandoned holds nobody up for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.simulator.pos_seed import pos_seed

from posdeck.audit.origin import this_process
from posdeck.audit.record import Process, RecordKind, Topic
from posdeck.audit.sqlite import AuditStore
from posdeck.clock import ManualClock, SystemClock
from posdeck.cluster.connection import connect
from posdeck.cluster.kubeconfig import load_target
from posdeck.operations import holding, locks
from posdeck.operations.facts import Answer, Facts, Question, answer_with, answer_with_async
from posdeck.operations.locks import Busy, Lease, Owner, Unavailable
from posdeck.operations.standing import Standing, Verdict
from posdeck.operations.workshop import asker
from posdeck.operations.write import Write
from posdeck.simulator.server import Simulator

Ask = Callable[[Question], Awaitable[Answer]]
Make = Callable[..., Any]
GONE = Process(2**22 + 1, "1", "never")  # beyond the highest pid of Linux


def owner(user: str = "alice", host: str = "laptop", process: Process | None = None) -> Owner:
    return Owner(user, host, process or this_process(), f"intent-{user}", "rollout-restart")


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.cluster)])
async def place(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[tuple[Ask, str]]:
    """How to ask a cluster as an operator, and the namespace: on the embedded cluster and on a real API server."""
    simulator = None
    if request.param == "real":
        plane, namespace = request.getfixturevalue("control_plane"), request.getfixturevalue("namespace")
        kubeconfig = plane.identity("operator")
    else:
        simulator = Simulator(pos_seed(), clock=clock)
        await simulator.start()
        namespace = simulator.seed.namespace
        kubeconfig = simulator.write_kubeconfig(tmp_path / "kubeconfig", "operator")
    transport = await connect(replace(load_target(kubeconfig), namespace=namespace), clock=SystemClock())
    yield asker(transport), namespace
    await transport.close()
    if simulator is not None:
        await simulator.stop()


async def take(place: tuple[Ask, str], write: Write, who: Owner) -> Lease | Busy | Unavailable:
    ask, namespace = place
    asking = locks.acquire(replace(write, namespace=namespace), who, SystemClock().now)
    return await answer_with_async(asking, ask)


async def test_the_second_is_told_who_holds_it_until_it_is_given_back(
    place: tuple[Ask, str], write: Make
) -> None:
    ask, _ = place
    first = await take(place, write(), owner("alice"))
    assert isinstance(first, Lease)
    second = await take(place, write(), owner("bob"))
    assert isinstance(second, Busy)
    assert second.holder.startswith("alice@laptop/")
    assert second.act == "rollout-restart"
    assert await answer_with_async(locks.release(first), ask) == ""
    assert isinstance(await take(place, write(), owner("bob")), Lease)


async def test_of_many_at_the_same_moment_one_gets_it(place: tuple[Ask, str], write: Make) -> None:
    found = await asyncio.gather(*(take(place, write(), owner(f"user{n}")) for n in range(5)))
    assert sum(isinstance(each, Lease) for each in found) == 1
    assert sum(isinstance(each, Busy) for each in found) == 4


async def test_a_renewed_lock_can_be_given_back(place: tuple[Ask, str], write: Make) -> None:
    ask, _ = place
    held = await take(place, write(), owner())
    assert isinstance(held, Lease)
    renewed = await answer_with_async(locks.renew(held, SystemClock().now()), ask)
    assert isinstance(renewed, Lease)
    assert renewed.raw["metadata"]["resourceVersion"] != held.raw["metadata"]["resourceVersion"]
    assert await answer_with_async(locks.release(renewed), ask) == ""


async def test_what_a_dead_process_of_this_host_held_is_taken_over_at_once(
    place: tuple[Ask, str], write: Make
) -> None:
    assert isinstance(await take(place, write(), owner("alice", process=GONE)), Lease)
    elsewhere = await take(place, write(), owner("bob", host="another"))
    assert isinstance(elsewhere, Busy), "of a process of another host nothing is known"
    taken = await take(place, write(), owner("bob"))
    assert isinstance(taken, Lease)
    assert taken.taken_from.startswith("alice@laptop/")
    assert taken.raw["spec"]["leaseTransitions"] == 1


async def test_another_object_has_another_lock(place: tuple[Ask, str], write: Make) -> None:
    assert isinstance(await take(place, write(), owner("alice")), Lease)
    other = replace(write(), name="long--cron")
    assert isinstance(await take(place, other, owner("bob")), Lease)


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
@pytest.mark.parametrize(("seconds", "kind"), [(55, Busy), (65, Lease)])
async def test_a_lock_that_is_not_renewed_runs_out_by_the_servers_clock(
    place: tuple[Ask, str], write: Make, clock: ManualClock, seconds: int, kind: type
) -> None:
    """The clock of this machine is months away from the server's, and does not matter."""
    assert isinstance(await take(place, write(), owner("alice")), Lease)
    await clock.advance(seconds)
    assert isinstance(await take(place, write(), owner("bob", host="another")), kind)


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
async def test_a_lock_that_is_renewed_does_not_run_out(
    place: tuple[Ask, str], write: Make, clock: ManualClock
) -> None:
    ask, _ = place
    held = await take(place, write(), owner("alice"))
    for moment in range(6):
        assert isinstance(held, Lease)
        await clock.advance(locks.RENEW_EVERY)
        held = await answer_with_async(
            locks.renew(held, SystemClock().now() + timedelta(seconds=moment + 1)), ask
        )
    assert isinstance(await take(place, write(), owner("bob", host="another")), Busy)


@pytest.mark.parametrize("place", ["embedded"], indirect=True)
async def test_a_holder_that_lost_its_lock_hears_who_has_it(
    place: tuple[Ask, str], write: Make, clock: ManualClock
) -> None:
    ask, _ = place
    held = await take(place, write(), owner("alice"))
    assert isinstance(held, Lease)
    await clock.advance(100)
    assert isinstance(await take(place, write(), owner("bob")), Lease)
    lost = await answer_with_async(locks.renew(held, clock.now()), ask)
    assert isinstance(lost, Busy)
    assert lost.holder.startswith("bob@")
    problem = await answer_with_async(locks.release(held), ask)
    assert "could not be given back" in problem, "another's lock is never removed"
    assert isinstance(await take(place, write(), owner("carol")), Busy)


class Scripted:
    """Answers in order; remembers what was asked."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        self.answers = list(answers)
        self.asked: list[Question] = []

    def __call__(self, question: Question) -> Answer:
        self.asked.append(question)
        status, text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Answer(status, text.encode())


FORBIDDEN = (403, '{"message": "leases is forbidden"}')


def hold(write: Write, facts: Facts, standing: Standing, state: Path, answers: Scripted) -> Any:
    return answer_with(holding.hold(write, facts, standing, state, SystemClock().now), answers)


def test_where_leases_are_forbidden_this_machine_is_locked_and_says_that_others_are_not(
    write: Make, facts: Facts, standing: Make, tmp_path: Path
) -> None:
    first = hold(write(), facts, standing(), tmp_path, Scripted(FORBIDDEN))
    assert isinstance(first, holding.Held)
    assert "OTHERS ARE NOT HELD BACK" in first.warning
    second = hold(write(), facts, standing(), tmp_path, Scripted(FORBIDDEN))
    assert isinstance(second, Verdict)
    assert second.rule == "lock"
    assert first.local is not None
    first.local.release()
    third = hold(write(), facts, standing(), tmp_path, Scripted(FORBIDDEN))
    assert isinstance(third, holding.Held)
    third.local.release()


@pytest.mark.parametrize("answer", [(0, "no route"), (500, "{}"), (429, "{}")])
def test_a_lock_that_cannot_be_had_is_a_no_and_not_a_local_lock(
    answer: tuple[int, str], write: Make, facts: Facts, standing: Make, tmp_path: Path
) -> None:
    verdict = hold(write(), facts, standing(), tmp_path, Scripted(answer))
    assert isinstance(verdict, Verdict)
    assert verdict.rule == "lock"
    assert not verdict.overridable
    assert not (tmp_path / "locks").exists()


def test_a_request_repeated_after_a_lost_answer_does_not_lock_its_own_sender_out(write: Make) -> None:
    who = owner()
    mine = (
        f'{{"metadata": {{"name": "n", "namespace": "x"}}, "spec": {{"holderIdentity": "{who.identity}"}}}}'
    )
    answers = Scripted((404, "{}"), (409, "{}"), (200, mine))
    assert isinstance(answer_with(locks.acquire(write(), who, SystemClock().now), answers), Lease)


def test_a_lease_that_changes_all_the_time_ends_in_a_no(write: Make) -> None:
    answers = Scripted((404, "{}"), *[(409, "{}"), (404, "{}")] * 10)
    found = answer_with(locks.acquire(write(), owner(), SystemClock().now), answers)
    assert isinstance(found, Unavailable)
    assert not found.forbidden


def test_names_are_valid_for_objects_of_any_length_and_differ(write: Make) -> None:
    first, second = (locks.lease_name(replace(write(), name="a" * 240 + end)) for end in "xy")
    assert first != second
    assert len(first) <= 253
    assert locks.lease_name(write()) == "posdeck-deployment-long--consumer-order"


def test_what_the_lock_wrote_is_on_record(write: Make, standing: Make, store: AuditStore) -> None:
    raw = {"metadata": {"name": "posdeck-deployment-x"}}
    held = holding.Held(lease=Lease(raw, taken_from="bob@host/1/i"))
    holding.record_lock(held, write(intent_id="i1"), standing(), store)
    topics = [record.content["topic"] for record in store.records(RecordKind.NOTE)]
    assert topics == [Topic.EXEMPT_WRITE, Topic.LOCK_TAKEN_OVER]
    assert all(record.subject == "i1" for record in store.records(RecordKind.NOTE))


@pytest.mark.cluster
@pytest.mark.parametrize("place", ["real"], indirect=True)
async def test_a_real_server_stamps_each_renewal(place: tuple[Ask, str], write: Make) -> None:
    """Whether a lock has run out is told by this stamp, which has whole seconds."""
    ask, _ = place
    held = await take(place, write(), owner())
    assert isinstance(held, Lease)
    first = stamps(held)
    async with asyncio.timeout(10):
        while stamps(held) == first:
            renewed = await answer_with_async(locks.renew(held, SystemClock().now()), ask)
            assert isinstance(renewed, Lease)
            held = renewed
    assert max(stamps(held)) > max(first)


def stamps(lease: Lease) -> list[str]:
    return [entry["time"] for entry in lease.raw["metadata"]["managedFields"]]
