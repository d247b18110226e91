"""Each rule of the gate says no, names itself, the way forward and the kubectl command, and its no is on record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from posdeck.audit.record import RecordKind, Result, Verification, intent_of
from posdeck.audit.sqlite import AuditStore
from posdeck.catalogue.policy import BlastRadius, ChangeWindow, Freeze, StagingFirst
from posdeck.clock import ManualClock
from posdeck.errors import RefusedError
from posdeck.operations import gate, policies
from posdeck.operations.aftermath import GONE, digest_of
from posdeck.operations.facts import Facts
from posdeck.operations.precedents import Approval, Precedents
from posdeck.operations.reach import at_once
from posdeck.operations.rules import ALL_RULES
from posdeck.operations.standing import Standing
from posdeck.operations.write import CHANGE, MITIGATE, Expected, Limits, Write

Make = Callable[..., Any]
NOON = datetime.fromisoformat("2026-03-04T12:00:00+00:00")
KEY = "Deployment/long--consumer-order"
NIGHT = ChangeWindow(("mon", "tue", "wed"), time(22), time(2))
FREEZE = Freeze(NOON - timedelta(hours=1), NOON + timedelta(hours=1), "year end")

# rule: (the write, the policy, the facts) that break it and nothing else
VIOLATIONS: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "read-only": ({}, {"read_only": True}, {}),
    "target": ({}, {}, {"target": None}),
    "target-changed": ({"expected": Expected(uid="other")}, {}, {}),
    "changed-since": ({"undoes": ("s1-1",), "left": {KEY: GONE}}, {}, {}),
    "aftermath-unknown": ({"undoes": ("s1-1",)}, {}, {}),
    "permission": ({}, {}, {"allowed": False}),
    "confirmation": ({"typed": "consumer"}, {}, {}),
    "reason": ({"reason": " "}, {}, {}),
    "ticket": ({"act": "rollout-pause"}, {"ticket_required": True}, {}),
    "freeze": ({"act": "rollout-pause"}, {"freezes": (FREEZE,)}, {}),
    "change-window": ({"act": "rollout-pause"}, {"change_windows": (NIGHT,)}, {}),
    "staging-first": ({"act": "rollout-pause"}, {"staging_first": StagingFirst("staging", 72)}, {}),
    "approvals": ({"act": "rollout-pause"}, {"approvals": 1}, {}),
    "blast-radius": ({"at_once": 2}, {"blast_radius": BlastRadius(1, None)}, {}),
    "inform": ({"act": "rollout-pause"}, {"inform": ("finance",)}, {}),
}
NEVER_OVERRIDDEN = {
    "read-only",
    "cluster-identity",
    "target",
    "target-changed",
    "changed-since",
    "permission",
    "confirmation",
}


def refused(write: Write, facts: Facts, standing: Standing, store: AuditStore) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        gate.authorise(write, facts, standing, store)
    return caught.value


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_a_violation_is_refused_and_recorded(
    rule: str, write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    asked, policy, known = VIOLATIONS[rule]
    error = refused(write(**asked), replace(facts, **known), standing(**policy), store)
    assert error.rule == rule
    assert error.remedy
    assert error.kubectl.startswith("kubectl ")
    (record,) = store.records()
    assert record.kind == RecordKind.REFUSAL
    assert record.content["rule"] == rule
    assert record.content["remedy"] == error.remedy
    assert record.content["actor"]["kubernetes_user"] == "alice"


@pytest.mark.parametrize("rule", VIOLATIONS)
def test_break_glass_sets_policies_aside_and_nothing_else(
    rule: str, write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    asked, policy, known = VIOLATIONS[rule]
    forced, now = write(**asked, break_glass="customers cannot order"), replace(facts, **known)
    if rule in NEVER_OVERRIDDEN:
        assert refused(forced, now, standing(**policy), store).rule == rule
        return
    permit = gate.authorise(forced, now, standing(**policy), store)
    assert permit.overridden == (rule,)
    intent = store.intent(permit.intent.id)
    assert intent is not None
    assert intent.break_glass
    assert intent.overrides == (rule,)
    assert "customers cannot order" in intent.reason


def test_every_rule_that_can_say_no_is_tried_here() -> None:
    """A rule that somebody adds fails this until its violation is written down above."""
    tried = {*VIOLATIONS, "cluster-identity"}
    assert len(ALL_RULES) == len(tried) + 1  # blast-radius is two: objects at once, and acts an hour


def test_another_cluster_is_refused_even_with_break_glass(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    elsewhere = replace(facts, cluster=replace(facts.cluster, simulated=False))
    error = refused(write(break_glass="please"), elsewhere, standing(), store)
    assert error.rule == "cluster-identity"


def test_a_blank_break_glass_breaks_nothing(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    error = refused(write(reason="", break_glass="  "), facts, standing(), store)
    assert error.rule == "reason"


@pytest.mark.parametrize(
    "rule", ["ticket", "freeze", "change-window", "staging-first", "approvals", "inform"]
)
def test_what_binds_changes_lets_a_mitigation_pass(
    rule: str, write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    permit = gate.authorise(write(), facts, standing(**VIOLATIONS[rule][1]), store)
    assert permit.overridden == ()
    assert permit.intent.act_class == MITIGATE


@pytest.mark.parametrize(
    ("fields", "effect"),
    [
        ({"act": "rollout-restart"}, MITIGATE),
        ({"act": "rollout-undo"}, MITIGATE),
        ({"act": "rollout-restart", "limits": Limits(effect=CHANGE)}, CHANGE),
        ({"act": "patch", "limits": Limits(effect=MITIGATE)}, CHANGE),
        ({"act": "scale", "parameters": {"replicas": 2}, "bounds": (1, 3)}, MITIGATE),
        ({"act": "scale", "parameters": {"replicas": 4}, "bounds": (1, 3)}, CHANGE),
        ({"act": "scale", "parameters": {"replicas": 0}, "bounds": (1, 3)}, CHANGE),
        ({"act": "scale", "parameters": {"replicas": 2}}, CHANGE),
        ({"act": "delete-pod"}, MITIGATE),
        ({"act": "delete-pod", "objects": 2}, CHANGE),
    ],
)
def test_mitigation_or_change(fields: dict[str, Any], effect: str, write: Make) -> None:
    assert write(**fields).effect == effect


def test_a_window_lets_a_change_through_while_it_is_open(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    open_now = ChangeWindow(("wed",), time(11), time(13))
    assert gate.authorise(write("rollout-pause"), facts, standing(change_windows=(open_now,)), store)


def test_without_the_time_no_window_counts_as_open(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    open_now = ChangeWindow(("wed",), time(11), time(13))
    timeless = replace(standing(change_windows=(open_now,)), now=None)
    assert refused(write("rollout-pause"), facts, timeless, store).rule == "change-window"


class TestStagingFirst:
    """A change counts as tried when exactly the same runbook and playbooks passed there, and not before."""

    POLICY = StagingFirst("staging", 72)

    def staged(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore, **ended: Any
    ) -> gate.Permit:
        there = replace(standing(), environment="staging")
        tried = write("rollout-pause", runbook="pause", runbook_digest="d1", run_id="s0-1")
        permit = gate.authorise(tried, facts, there, store)
        result = {"result": Result.SUCCEEDED, "verification": Verification.PASSED, **ended}
        gate.settle(permit, store, **result)
        return permit

    def again(self, write: Make, digest: str = "d1") -> Write:
        made: Write = write("rollout-pause", runbook="pause", runbook_digest=digest)
        return made

    def test_passed_there(self, write: Make, standing: Make, facts: Facts, store: AuditStore) -> None:
        self.staged(write, standing, facts, store)
        assert gate.authorise(self.again(write), facts, standing(staging_first=self.POLICY), store)

    def test_another_digest_was_not_tried(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        self.staged(write, standing, facts, store)
        error = refused(self.again(write, "d2"), facts, standing(staging_first=self.POLICY), store)
        assert error.rule == "staging-first"

    @pytest.mark.parametrize(
        "ended", [{"result": Result.FAILED}, {"verification": Verification.CANNOT_TELL}], ids=str
    )
    def test_the_latest_try_decides(
        self, ended: dict[str, Any], write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        self.staged(write, standing, facts, store)
        self.staged(write, standing, facts, store, **ended)
        error = refused(self.again(write), facts, standing(staging_first=self.POLICY), store)
        assert "its last run there" in error.cause

    async def test_too_long_ago(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore, clock: ManualClock
    ) -> None:
        self.staged(write, standing, facts, store)
        await clock.advance(73 * 3600)
        error = refused(self.again(write), facts, standing(staging_first=self.POLICY), store)
        assert error.rule == "staging-first"


class TestApprovals:
    """The rule is whole, though nothing can give an approval yet."""

    def verdict(self, write: Make, standing: Make, facts: Facts, *given: Approval) -> Any:
        known = replace(standing(approvals=1), precedents=Precedents(approvals=given))
        return policies.approvals(write("rollout-pause", plan_digest="p1"), facts, known)

    def test_another_person_for_this_plan(self, write: Make, standing: Make, facts: Facts) -> None:
        assert self.verdict(write, standing, facts, Approval("bob", "p1", NOON)) is None

    @pytest.mark.parametrize(("who", "plan"), [("alice", "p1"), ("bob", "p0")])
    def test_neither_oneself_nor_another_plan(
        self, who: str, plan: str, write: Make, standing: Make, facts: Facts
    ) -> None:
        verdict = self.verdict(write, standing, facts, Approval(who, plan, NOON))
        assert "no channel" in verdict.cause


class TestBlastRadius:
    """How often, and how much at a time."""

    def act(self, number: int, write: Make, standing: Make, facts: Facts, store: AuditStore) -> gate.Permit:
        return gate.authorise(write(run_id=f"r{number}"), facts, standing(), store)

    async def test_acts_of_the_last_hour_are_counted_from_the_record(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore, clock: ManualClock
    ) -> None:
        for number in range(3):
            self.act(number, write, standing, facts, store)
        bound = {"blast_radius": BlastRadius(1, 3)}
        error = refused(write(run_id="r9"), facts, standing(**bound), store)
        assert "3 acts changed something within the last hour" in error.cause
        await clock.advance(3601)
        assert gate.authorise(write(run_id="r9"), facts, standing(**bound), store)

    def test_an_act_on_several_objects_counts_once(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        for _ in range(3):
            self.act(1, write, standing, facts, store)
        bound = standing(blast_radius=BlastRadius(1, 2))
        assert gate.authorise(write(run_id="r2"), facts, bound, store)

    def test_what_changed_nothing_does_not_count(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        gate.settle(self.act(1, write, standing, facts, store), store, Result.NOTHING_CHANGED)
        assert gate.authorise(write(run_id="r2"), facts, standing(blast_radius=BlastRadius(1, 1)), store)

    def test_a_runbook_may_be_stricter_than_the_environment(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        own = {"runbook": "restart", "limits": Limits(objects_at_once=1, per_hour=1)}
        assert refused(write(at_once=2, **own), facts, standing(), store).rule == "blast-radius"
        gate.authorise(write(run_id="r1", **own), facts, standing(), store)
        error = refused(write(run_id="r2", **own), facts, standing(), store)
        assert "runbook restart allows 1" in error.cause

    @pytest.mark.parametrize(
        ("serial", "touched"), [("", 9), ("1", 1), ("3", 3), ("'20%'", 1), ("[1, 5]", 5), ("'{{ n }}'", 9)]
    )
    def test_a_serial_playbook_touches_few_at_a_time(self, serial: str, touched: int, tmp_path: Path) -> None:
        line = f"\n  serial: {serial}" if serial else ""
        (tmp_path / "play.yml").write_text(f"- hosts: all{line}\n  tasks: []\n")
        assert at_once(tmp_path / "play.yml", 9) == touched
        assert at_once(tmp_path / "absent.yml", 9) == 9


class TestTakingBack:
    """A confirmed act carries the permission for its own rollback, and for nothing else's."""

    STRICT: dict[str, Any] = {  # noqa: RUF012 — read only
        "change_windows": (NIGHT,),
        "ticket_required": True,
        "blast_radius": BlastRadius(1, 1),
        "inform": ("finance",),
    }

    def left(self, facts: Facts) -> dict[str, str]:
        return {KEY: digest_of(facts.target, replicas=False)}

    def forward(self, write: Make, standing: Make, facts: Facts, store: AuditStore) -> gate.Permit:
        return gate.authorise(write("rollout-pause", ticket="T"), facts, standing(), store)

    def test_its_own(self, write: Make, standing: Make, facts: Facts, store: AuditStore) -> None:
        permit = self.forward(write, standing, facts, store)
        back = write(
            "patch", typed="", reason="", run_id="s1-4", undoes=("s1-1", "s1-2"), left=self.left(facts)
        )
        taken = gate.authorise(back, facts, standing(**self.STRICT), store)
        assert taken.intent.rollback_of == permit.intent.id
        assert taken.overridden == ()

    @pytest.mark.parametrize("other", [{"session_id": "s2"}, {"undoes": ("s1-9",)}, {"undoes": ()}], ids=str)
    def test_no_other(
        self, other: dict[str, Any], write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        self.forward(write, standing, facts, store)
        back = write("patch", **{"run_id": "s1-4", "undoes": ("s1-2",), "left": self.left(facts), **other})
        assert refused(back, facts, standing(**self.STRICT), store).rule == "change-window"

    def test_it_does_not_carry_past_rbac(
        self, write: Make, standing: Make, facts: Facts, store: AuditStore
    ) -> None:
        self.forward(write, standing, facts, store)
        back = write("patch", run_id="s1-4", undoes=("s1-2",), left=self.left(facts))
        assert refused(back, replace(facts, allowed=False), standing(), store).rule == "permission"


def test_without_a_record_there_is_no_write(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    store.path.unlink()
    error = refused(write(break_glass="now"), facts, standing(), store)
    assert error.rule == "record"


def test_what_the_policies_will_say_is_known_at_the_preview_and_not_recorded(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    now = standing(change_windows=(NIGHT,), approvals=2)
    asked = write("rollout-pause")
    found = gate.objections(asked, facts, gate.with_precedents(asked, facts, now, store))
    assert [verdict.rule for verdict in found] == ["change-window", "approvals"]
    assert all(verdict.overridable for verdict in found)
    assert gate.preflight(asked, facts, now) is None
    assert store.records() == []


def test_who_was_told_and_the_plan_are_in_the_record(
    write: Make, standing: Make, facts: Facts, store: AuditStore
) -> None:
    told = write("rollout-pause", informed=("finance",), plan_digest="p1")
    gate.authorise(told, facts, standing(inform=("finance",)), store)
    intent = intent_of(store.records(RecordKind.INTENT)[0])
    assert intent.informed == ("finance",)
    assert intent.plan_digest == "p1"
