"""What is kept from one look to the next is what looking at everything anew would find, and only what changed is
looked at."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.findings.conftest import APP, BULK, ORDER, pod, replica_set

from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Kind, Pod, Snapshot
from posdeck.findings.index import Index, Indexer
from posdeck.findings.pod_changes import pod_changes
from posdeck.findings.rulebook import POD_RULES
from posdeck.findings.signbook import SignBook

OWNERS = (APP, ORDER, BULK)
SICKNESSES = ("well", "pulls", "crashes", "crashed", "unready", "evicted", "going", "pending", "other labels")


def sick(namespace: Any, raw: dict[str, Any], how: str) -> dict[str, Any]:
    """The pod with a sickness."""
    ended = {"exitCode": 1, "reason": "Error", "finishedAt": namespace.ago(100)}
    match how:
        case "pulls":
            namespace.container_waits(raw, "ImagePullBackOff", "manifest unknown")
        case "crashes":
            namespace.container_waits(raw, "CrashLoopBackOff", "back-off", last=ended)
        case "crashed":  # counts until some minutes after its end
            raw["status"]["containerStatuses"][0].update(
                ready=False, restartCount=4, lastState={"terminated": ended}
            )
        case "unready":
            namespace.unready(raw, seconds_ago=30)  # counts after a while
        case "evicted":
            raw["status"].update(phase="Failed", reason="Evicted", message="low on memory")
        case "going":
            raw["metadata"].update(deletionTimestamp=namespace.ago(30), deletionGracePeriodSeconds=30)
        case "pending":
            raw["spec"]["nodeName"] = ""
            raw["status"] = {"phase": "Pending"}
        case "other labels":
            raw["metadata"]["labels"] = {"app": "somebody-else"}
    return raw


def belongings(index: Index) -> tuple[Any, ...]:
    """What an index says, without the order of its parts."""
    owned = {name: {p.name for p in pods} for name, pods in index.pods_of.items()}
    batches = {(b.labels, b.owner, frozenset(b.pods), b.deployment, b.any_ready) for b in index.batches}
    return owned, {name: index.deployment_of(name) for name in index.batch_of}, batches


def shown(book: SignBook) -> dict[tuple[str, Any], set[str]]:
    return {
        (rule, belongs): set(group.pods)
        for rule, groups in book.groups.items()
        for belongs, group in groups.items()
    }


def picture(namespace: Any, pods: dict[str, Any], known: dict[str, Any], *, sets: frozenset[str]) -> Snapshot:
    """A snapshot in which unchanged pods are the same objects as before."""
    for name in [name for name in known if name not in pods]:
        del known[name]
    for name, raw in pods.items():
        if name not in known or known[name][0] != raw:
            known[name] = (copy.deepcopy(raw), project(Kind.PODS, raw))
    healthy: Snapshot = namespace.snapshot()
    return replace(
        healthy,
        pods={name: record for name, (_, record) in known.items()},
        replica_sets={name: each for name, each in healthy.replica_sets.items() if name in sets},
    )


def test_index_and_signs_are_those_of_a_look_at_everything(namespace: Any) -> None:
    """Whatever comes, goes, changes, is owned by others or takes its time."""
    all_sets = frozenset(namespace.raw[Kind.REPLICA_SETS])
    namespace.put(Kind.REPLICA_SETS, replica_set(APP, 1, revision=2))
    a_pod = st.tuples(
        st.sampled_from(OWNERS), st.integers(0, 3), st.sampled_from((1, 2)), st.sampled_from(SICKNESSES)
    )
    step = st.tuples(st.lists(a_pod, max_size=5), st.booleans(), st.sampled_from((0, 20, 45, 400, -90)))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(step, min_size=1, max_size=6))
    def check(steps: list[tuple[list[tuple[str, int, int, str]], bool, int]]) -> None:
        indexer, book, now = Indexer(), SignBook(POD_RULES), namespace.now
        known: dict[str, Any] = {}
        before: Mapping[str, Pod] = {}
        for wanted, seen, seconds in steps:
            now += timedelta(seconds=seconds)
            raws = [sick(namespace, pod(owner, n, revision), how) for owner, n, revision, how in wanted]
            pods = {raw["metadata"]["name"]: raw for raw in raws}
            snapshot = picture(namespace, pods, known, sets=all_sets if seen else frozenset())
            changes = pod_changes(before, snapshot.pods)
            index, moved = indexer.index(snapshot, changes)
            book.take(changes, moved, index.deployment_of, now)
            before = snapshot.pods

            everything = pod_changes({}, snapshot.pods)
            afresh, _ = Indexer().index(snapshot, everything)
            assert belongings(index) == belongings(afresh)
            new = SignBook(POD_RULES)
            new.take(everything, (), afresh.deployment_of, now)
            assert shown(book) == shown(new)

    check()


@given(
    before=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2)),
    after=st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2)),
)
def test_changes_are_what_came_went_or_is_another(before: dict[str, int], after: dict[str, int]) -> None:
    # only the identity of the objects counts, so anything may stand for a pod
    old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
    changes = pod_changes(old, new)
    differing = {name: value for name, value in new.items() if old.get(name) is not value}
    assert sorted(cast("list[Any]", [pod for _, pod in changes.now])) == sorted(differing.values())
    assert sorted(cast("list[Any]", changes.gone)) == sorted(old[name] for name in old.keys() - new.keys())


@pytest.mark.parametrize("how", SICKNESSES)
def test_a_rule_that_is_not_asked_has_nothing_to_say(namespace: Any, how: str) -> None:
    """Phases and reasons only spare questions."""
    record = project(Kind.PODS, sick(namespace, pod(APP, 0), how))
    everything = {rule.id for rule in POD_RULES if rule.sign(record) is not None}
    assert SignBook(POD_RULES).signs_of(record).keys() == everything
    assert bool(everything) is (how not in ("well", "other labels"))


def test_every_reason_that_a_rule_knows_is_asked_about(namespace: Any) -> None:
    for rule in POD_RULES:
        for reason in rule.reasons:
            raw = pod(APP, 0)
            namespace.container_waits(raw, reason)
            found = SignBook(POD_RULES).signs_of(project(Kind.PODS, raw))
            assert rule.id in found, reason


async def test_only_what_changed_is_judged_again(namespace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sick pods only the one that changed is looked at, and untouched findings stay the same objects."""
    raw = namespace.raw[Kind.PODS]
    for name in list(raw):
        namespace.container_waits(raw[name], "CrashLoopBackOff")
    snapshot = namespace.snapshot()
    first = namespace.engine.assess(snapshot, namespace.consumers, namespace.now)
    looked: list[str] = []
    look = SignBook.look

    def counting(self: SignBook, pod: Any, *others: Any) -> None:
        looked.append(pod.name)
        look(self, pod, *others)

    monkeypatch.setattr(SignBook, "look", counting)
    changed = next(iter(raw))
    pods = {**snapshot.pods, changed: project(Kind.PODS, raw[changed])}
    second = namespace.engine.assess(replace(snapshot, pods=pods), namespace.consumers, namespace.now)
    assert looked == [changed]
    assert len(first.risks) > 5
    assert all(a is b for a, b in zip(first.risks, second.risks, strict=True))
