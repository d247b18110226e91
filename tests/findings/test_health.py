"""A healthy namespace raises nothing; what cannot be seen is said, and never taken for health."""

from __future__ import annotations

from typing import Any

from posdeck.cluster.snapshot import Feed, FeedState, Kind
from posdeck.findings.model import Severity, Standing
from posdeck.findings.rulebook import POD_RULES, RULE_IDS, RULES
from posdeck.runbooks.findings_ids import FINDING_IDS


async def test_the_healthy_reference_namespace_has_no_finding_now(namespace: Any) -> None:
    """An hour of health: nothing is wrong, at any assessment."""
    for _ in range(40):
        report = await namespace.after(90, step=30)
        assert report.findings == (), [f.text for f in report.findings]
        assert report.folded == ()


async def test_the_known_risks_are_told_apart_from_incidents(namespace: Any) -> None:
    """The reference document's own recommendations come out as risks, and nothing else is one."""
    report = await namespace.after(300)
    risks = {(f.id, f.short) for f in report.risks}
    assert {f.severity for f in report.risks} == {Severity.RISK}
    assert {
        ("single-replica", "consumer-order"),
        ("single-replica", "consumer-pos-order"),
        ("single-replica", "consumer-customer"),
        ("workload-asleep", "wrk--read-hl7-sftp"),
        ("workload-asleep", "wrk--sync-patient"),
        ("workload-legacy", "nginx"),
        ("collector-alone", "otel-collector"),
    } <= risks
    assert not {"catalogue-drift", "image-differs", "no-limits", "replicas-on-one-node", "hpa-headroom"} & {
        f.id for f in report.risks
    }


def test_every_rule_has_an_id_that_runbooks_may_name() -> None:
    """Rules and runbooks share one list of ids, and every id of it has a rule."""
    assert RULE_IDS == FINDING_IDS
    assert len(RULES) == len(RULE_IDS)
    assert {rule.id for rule in POD_RULES} <= RULE_IDS


async def test_a_rule_that_may_not_see_says_so(namespace: Any) -> None:
    """Each rule that needs a kind names it when that kind is forbidden."""
    for kind in (Kind.PODS, Kind.DEPLOYMENTS, Kind.HPAS, Kind.NODES, Kind.SERVICES, Kind.EVENTS):
        namespace.feeds[kind] = Feed(kind, FeedState.FORBIDDEN, reason="pods is forbidden")
        unknown = {u.rule: u.reason for u in namespace.assess().unknown}
        for rule in RULES:
            if kind in rule.needs:
                assert rule.id in unknown, (rule.id, kind)
        namespace.feeds[kind] = Feed(kind, FeedState.LIVE)


def test_without_numbers_the_queue_rules_cannot_tell(namespace: Any) -> None:
    """No source, no verdict: not healthy, not sick."""
    namespace.consumers.clear()
    report = namespace.assess()
    unknown = {u.rule: u for u in report.unknown}
    for rule in (
        "consumer-not-processing",
        "queue-without-consumer",
        "consumer-lag-growing",
        "consumer-errors",
    ):
        assert "no source is configured" in unknown[rule].reason
        assert len(unknown[rule].names) == 11
    assert report.findings == ()


async def test_blindness_is_no_cure(namespace: Any) -> None:
    """A finding whose objects can no longer be read stays, marked as unconfirmed."""
    namespace.short_of_pods("spc-pos-otel-collector", 0)
    report = await namespace.after(30)
    assert [f.id for f in report.findings] == ["collector-down"]
    namespace.feeds[Kind.DEPLOYMENTS] = Feed(Kind.DEPLOYMENTS, FeedState.FORBIDDEN)
    report = await namespace.after(60)
    assert [(f.id, f.standing) for f in report.findings] == [("collector-down", Standing.UNCONFIRMED)]


async def test_stale_data_is_judged_and_the_doubt_is_told(namespace: Any) -> None:
    """Stale objects still count as the last that is known, and each rule says that they are not confirmed."""
    namespace.feeds[Kind.DEPLOYMENTS] = Feed(Kind.DEPLOYMENTS, FeedState.STALE)
    namespace.short_of_pods("spc-pos-otel-collector", 0)
    report = await namespace.after(30)
    assert "collector-down" in {f.id for f in report.findings}
    assert any(
        u.rule == "deployment-unavailable" and "no longer confirmed" in u.reason for u in report.unknown
    )


def test_a_first_page_is_not_the_whole(namespace: Any) -> None:
    """While only a first page is there, nothing is said to be missing."""
    namespace.raw[Kind.DEPLOYMENTS].clear()
    namespace.feeds[Kind.DEPLOYMENTS] = Feed(Kind.DEPLOYMENTS, FeedState.LIVE, total=18)
    report = namespace.assess()
    assert "deployment-missing" not in {f.id for f in report.findings}
    assert any(u.rule == "deployment-missing" and "partly" in u.reason for u in report.unknown)
