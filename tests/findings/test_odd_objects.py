"""Whatever a proxy, an old client or a custom controller sends: rules never raise, and ids stay within the list."""

from __future__ import annotations

import copy
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Feed, FeedState, Kind
from posdeck.findings.consumer_facts import ConsumerFacts, OtherFacts
from posdeck.findings.rulebook import RULE_IDS
from posdeck.telemetry.reading import Absence, Reading

ABSURD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            "9999-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "2026-13-45T99:99:99Z",
            "2999-01-01T00:00:00Z",
            "CrashLoopBackOff",
            "OOMKilled",
            "ImagePullBackOff",
            "CreateContainerConfigError",
            "Unschedulable",
            "False",
            "Unknown",
            "Failed",
            "Evicted",
            "TooManyReplicas",
            "missing request for",
            -1,
            10**12,
        ]
    ),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=2),
)
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False), st.sampled_from([0.0, -1.0, math.inf, 1e300]))
MOMENTS = st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        found += _paths(child, (*path, key))
    return found


def _mutated(draw: Any, raw: Any) -> Any:
    """A copy with one to four places removed or replaced by something absurd; the name stays."""
    result = copy.deepcopy(raw)
    for _ in range(draw(st.integers(1, 4))):
        paths = [p for p in _paths(result) if p != ("metadata",) and p != ("metadata", "name")]
        *above, last = draw(st.sampled_from(paths))
        place = result
        for key in above:
            place = place[key]
        if draw(st.booleans()) and isinstance(place, dict):
            del place[last]
        else:
            place[last] = draw(ABSURD)
    return result


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
@pytest.mark.parametrize(
    "kind", [Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.HPAS, Kind.SERVICES, Kind.NODES]
)
async def test_mutated_objects_never_raise(namespace: Any, catalogue: Any, kind: Kind, data: Any) -> None:
    """Fields missing, null or absurd in any object: every report is well formed."""
    odd = type(namespace)(catalogue)
    name = data.draw(st.sampled_from(sorted(odd.raw[kind])))
    for _ in range(3):
        odd.raw[kind][name] = _mutated(data.draw, odd.raw[kind][name])
        report = await odd.after(120, step=60)
        for finding in (*report.findings, *report.folded, *report.risks):
            assert finding.id in RULE_IDS
            assert "\n" not in finding.text
            assert finding.since is None or finding.since <= odd.now


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_absurd_numbers_never_raise(namespace: Any, catalogue: Any, data: Any) -> None:
    """Negative, infinite or missing readings, and times at the ends of the calendar."""
    odd = type(namespace)(catalogue)
    for name in list(odd.consumers):
        numbers = {
            field: Reading(value, absence=data.draw(st.sampled_from(Absence)) if value is None else None)
            for field in (
                "waiting",
                "unacknowledged",
                "connected",
                "rate_in",
                "rate_out",
                "redelivered_rate",
                "error_rate",
            )
            for value in [data.draw(NUMBERS)]
        }
        odd.consumers[name] = ConsumerFacts(name, idle_since=data.draw(MOMENTS), **numbers)
    odd.other = OtherFacts(
        api_error_ratio=Reading(data.draw(NUMBERS)),
        api_latency=Reading(data.draw(NUMBERS)),
        api_latency_objective=data.draw(NUMBERS),
        collector_refused=Reading(data.draw(NUMBERS)),
        expiries={"token": data.draw(st.datetimes(timezones=st.just(UTC)))},
    )
    report = await odd.after(240, step=60)
    assert {f.id for f in report.findings} <= RULE_IDS


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states=st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from(FeedState)), max_size=20))
async def test_feeds_in_any_state_never_raise(namespace: Any, catalogue: Any, states: Any) -> None:
    """Whatever can be seen or not, each rule that cannot be asked says so."""
    odd = type(namespace)(catalogue)
    for kind, state in states:
        odd.feeds[kind] = Feed(kind, state)
        report = odd.assess()
        if state is FeedState.FORBIDDEN and kind is Kind.PODS:
            assert any(u.rule == "pod-pending" for u in report.unknown)


async def test_a_clock_that_goes_back_never_raises(namespace: Any) -> None:
    """The machine's clock may be corrected; findings stay and no beginning lies in the future."""
    namespace.short_of_pods("spc-pos-otel-collector", 0)
    await namespace.after(60)
    earlier = namespace.now - timedelta(hours=2)
    report = namespace.engine.assess(namespace.snapshot(), namespace.consumers, earlier)
    assert all(f.since is None or f.since <= earlier for f in report.findings)


async def test_only_what_changed_is_judged_again(namespace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many sick pods only the one that changed is looked at, and untouched findings stay the same objects."""
    raw = namespace.raw[Kind.PODS]
    for name in list(raw):
        namespace.container_waits(raw[name], "CrashLoopBackOff")
    snapshot = namespace.snapshot()
    first = namespace.engine.assess(snapshot, namespace.consumers, namespace.now)
    looked: list[str] = []
    look = type(namespace.engine)._look_at_pod
    monkeypatch.setattr(
        type(namespace.engine),
        "_look_at_pod",
        lambda self, name, pod, now: (looked.append(name), look(self, name, pod, now)),
    )
    changed = next(iter(raw))
    pods = {**snapshot.pods, changed: project(Kind.PODS, raw[changed])}
    second = namespace.engine.assess(_with(snapshot, pods), namespace.consumers, namespace.now)
    assert looked == [changed]
    assert len(first.risks) > 5
    assert all(a is b for a, b in zip(first.risks, second.risks, strict=True))


def _with(snapshot: Any, pods: Any) -> Any:
    from dataclasses import replace

    return replace(snapshot, pods=pods, taken_at=datetime(2026, 3, 2, tzinfo=UTC))
