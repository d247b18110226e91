"""Whatever a proxy, an old client or a custom controller sends: rules never raise, and ids stay within the list."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Feed, FeedState, Kind
from posdeck.findings.consumer_facts import ConsumerFacts, OtherFacts
from posdeck.findings.engine import Engine
from posdeck.findings.rulebook import POD_RULES, RULE_IDS
from posdeck.findings.signbook import SignBook
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
_FIELDS = {
    Kind.PODS: "pods",
    Kind.DEPLOYMENTS: "deployments",
    Kind.REPLICA_SETS: "replica_sets",
    Kind.HPAS: "hpas",
    Kind.SERVICES: "services",
    Kind.NODES: "nodes",
}
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
        paths = [p for p in _paths(result) if p not in {("metadata",), ("metadata", "name")}]
        if not paths:
            break
        *above, last = draw(st.sampled_from(paths))
        place = result
        for key in above:
            place = place[key]
        if draw(st.booleans()) and isinstance(place, dict):
            del place[last]
        else:
            place[last] = draw(ABSURD)
    return result


@pytest.mark.parametrize("kind", list(_FIELDS))
def test_mutated_objects_never_raise(namespace: Any, kind: Kind) -> None:
    """Fields missing, null or absurd in any object: every report is well formed."""
    healthy = namespace.snapshot()
    field = _FIELDS[kind]

    @settings(max_examples=100, deadline=None, database=None)
    @given(data=st.data())
    def check(data: Any) -> None:
        engine, book = Engine(namespace.catalogue, namespace.clock), SignBook(POD_RULES)
        name = data.draw(st.sampled_from(sorted(namespace.raw[kind])))
        raw, now = namespace.raw[kind][name], namespace.now
        for _ in range(3):
            raw = _mutated(data.draw, raw)
            record = project(kind, raw)
            if kind is Kind.PODS:  # who is not asked would have had nothing to say
                everything = {rule.id for rule in POD_RULES if rule.sign(record) is not None}
                assert book.signs_of(record).keys() == everything
            odd = replace(healthy, **{field: {**getattr(healthy, field), name: record}})
            for _ in range(2):
                now += timedelta(seconds=120)
                report = engine.assess(odd, namespace.consumers, now)
            for finding in (*report.findings, *report.folded, *report.risks):
                assert finding.id in RULE_IDS
                assert "\n" not in finding.text
                assert finding.since is None or finding.since <= now

    check()


def test_absurd_numbers_never_raise(namespace: Any) -> None:
    """Negative, infinite or missing readings, and times at the ends of the calendar."""
    healthy = namespace.snapshot()
    measures = (
        "waiting",
        "unacknowledged",
        "connected",
        "rate_in",
        "rate_out",
        "redelivered_rate",
        "error_rate",
    )

    @settings(max_examples=50, deadline=None, database=None)
    @given(
        values=st.lists(NUMBERS, min_size=11, max_size=11),
        idle=MOMENTS,
        ends=st.datetimes(timezones=st.just(UTC)),
    )
    def check(values: list[float | None], idle: datetime | None, ends: datetime) -> None:
        engine = Engine(namespace.catalogue, namespace.clock)
        readings = [Reading(v, absence=Absence.INVALID if v is None else None) for v in values]
        facts = dict(zip(measures, readings, strict=False))
        consumers = {name: ConsumerFacts(name, idle_since=idle, **facts) for name in namespace.consumers}
        other = OtherFacts(
            readings[7], readings[8], values[9], collector_refused=readings[10], expiries={"token": ends}
        )
        for step in range(5):
            now = namespace.now + timedelta(seconds=60 * step)
            report = engine.assess(healthy, consumers, now, other)
            assert {f.id for f in report.findings} <= RULE_IDS

    check()


def test_feeds_in_any_state_never_raise(namespace: Any) -> None:
    """Whatever can be seen or not, each rule that cannot be asked says so."""
    healthy = namespace.snapshot()

    @settings(max_examples=50, deadline=None, database=None)
    @given(states=st.lists(st.tuples(st.sampled_from(Kind), st.sampled_from(FeedState)), max_size=20))
    def check(states: list[tuple[Kind, FeedState]]) -> None:
        engine, feeds = Engine(namespace.catalogue, namespace.clock), dict(namespace.feeds)
        for kind, state in states:
            feeds[kind] = Feed(kind, state)
            report = engine.assess(replace(healthy, feeds=dict(feeds)), namespace.consumers, namespace.now)
            if state is FeedState.FORBIDDEN and kind is Kind.PODS:
                assert any(u.rule == "pod-pending" for u in report.unknown)

    check()


async def test_a_clock_that_goes_back_never_raises(namespace: Any) -> None:
    """The machine's clock may be corrected; findings stay and no beginning lies in the future."""
    namespace.short_of_pods("spc-pos-otel-collector", 0)
    await namespace.after(60)
    earlier = namespace.now - timedelta(hours=2)
    report = namespace.engine.assess(namespace.snapshot(), namespace.consumers, earlier)
    assert all(f.since is None or f.since <= earlier for f in report.findings)
