"""Facts, conditions, parameters, placeholders and plans: what goes into a decision and into Ansible."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from posdeck.errors import PosdeckError, UnknownNameError
from posdeck.runbooks.conditions import Condition, facts_named, holds, suggest, unattended_choice
from posdeck.runbooks.evidence import MAX_FACTS, facts_of
from posdeck.runbooks.model import Decide, Param, Runbook
from posdeck.runbooks.params import prefill, resolve
from posdeck.runbooks.plan import Change, Plan, PlannedObject, changes_between, plan_hash
from posdeck.runbooks.substitution import SubstitutionError, exact_name, fill, inert

CONDITION = TypeAdapter(Condition)


@pytest.mark.parametrize(
    ("condition", "value", "verdict"),
    [
        ({"equals": 0}, 0, True),
        ({"equals": 0}, 0.0, True),
        ({"equals": 0}, False, False),
        ({"equals": True}, 1, False),
        ({"equals": "a"}, "a", True),
        ({"not_equals": 0}, 1, True),
        ({"above": 1}, 1, False),
        ({"at_least": 1}, 1, True),
        ({"below": 1}, 1, False),
        ({"at_most": 1}, 1, True),
        ({"above": 1}, "2", None),
        ({"above": 0}, True, None),
        ({"above": 0}, None, None),
        ({"contains": "CLOSED"}, "channel closed", True),
        ({"contains": "x"}, 5, None),
        ({"known": True}, None, False),
        ({"known": False}, None, True),
        ({"known": True}, 0, True),
    ],
)
def test_a_comparison_knows_true_false_and_unknown(condition, value, verdict):
    facts = {} if value is None else {"a.b": value}
    assert holds(CONDITION.validate_python({"fact": "a.b", **condition}), facts) is verdict


def test_unknown_is_carried_through_all_and_any():
    true, false, unknown = ({"fact": f"a.{n}", "equals": 1} for n in ("t", "f", "u"))
    facts = {"a.t": 1, "a.f": 0}
    expected = {
        ("all", "tu"): None,
        ("all", "fu"): False,
        ("all", "tt"): True,
        ("any", "tu"): True,
        ("any", "fu"): None,
        ("any", "ff"): False,
    }
    named = {"t": true, "f": false, "u": unknown}
    for (kind, letters), verdict in expected.items():
        condition = CONDITION.validate_python({kind: [named[letter] for letter in letters]})
        assert holds(condition, facts) is verdict
        assert list(facts_named(condition)) == [f"a.{letter}" for letter in letters]


@pytest.mark.parametrize(
    "bad", [{"fact": "a.b"}, {"fact": "ab", "equals": 1}, {"all": []}, {"fact": "a.b", "above": "1"}]
)
def test_a_condition_that_says_nothing_is_refused(bad):
    with pytest.raises(ValidationError):
        CONDITION.validate_python(bad)


def test_the_first_choice_that_holds_is_suggested_and_unknown_facts_are_named(sample):
    step = sample.step("choose")
    assert isinstance(step, Decide)
    sure = suggest(step, {"look.ready": 1})
    assert (sure.choice, sure.certain, sure.because) == ("act", True, "look.ready is 1")
    missing = suggest(step, {})
    assert (missing.choice, missing.certain, missing.unknown) == ("unsure", False, ("look.ready",))
    neither = suggest(step, {"look.ready": 0})
    assert (neither.choice, neither.certain, neither.unknown) == ("unsure", False, ())


def test_evidence_goes_before_the_author_and_the_author_before_unsure(sample):
    step = sample.step("choose")
    assert unattended_choice(step, suggest(step, {})) == "act"
    bare = step.model_copy(update={"unattended": None})
    assert unattended_choice(bare, suggest(bare, {})) == "unsure"
    other = step.model_copy(update={"unattended": "again"})
    assert unattended_choice(other, suggest(other, {"look.ready": 3})) == "act"


def test_facts_of_the_reading_modules():
    def container(reason="", last=""):
        return {"name": "c", "reason": reason, "last_reason": last}

    pods = [
        {"ready": True, "restarts": 2, "containers": [container()]},
        {"ready": True, "deleting": True, "restarts": 0, "containers": [container()]},
        {"ready": False, "restarts": 7, "containers": [container("CrashLoopBackOff", "OOMKilled")]},
    ]
    lines = ["ERROR: dial db: connection refused", "error: order refused: branch is closed", "Timeout of lis"]
    logs = {
        "logs": [{"error": "", "log_lines": [*lines, "fine"]}],
        "matches": [{"line": line} for line in lines],
    }
    assert facts_of([("posdeck.k8s.pods", {"pods": pods}), ("posdeck.k8s.logs", logs)]) == {
        "total": 3,
        "ready": 1,
        "restarts": 9,
        "crashing": 1,
        "out_of_memory": 1,
        "lines": 4,
        "errors": 3,
        "matches": 3,
        "dependency_errors": 2,
    }


def test_facts_of_what_is_described():
    hpa = {
        "at_maximum": True,
        "above_target": None,
        "pods_pending": 2,
        "minimum": 2,
        "maximum": 15,
        "current": 15,
    }
    found = facts_of([("posdeck.k8s.describe", {"present": True, "autoscaler": hpa})])
    assert found == {
        "present": True,
        "at_maximum": True,
        "pods_pending": 2,
        "minimum": 2,
        "maximum": 15,
        "current": 15,
    }
    workload = {"replicas": 2, "paused": False, "disruption_budgets": [], "autoscaler": "h"}
    assert facts_of([("posdeck.k8s.describe", {"present": True, "workload": workload})]) == {
        "present": True,
        "replicas": 2,
        "paused": False,
        "budgets": 0,
        "autoscaled": True,
    }
    hidden = {**workload, "disruption_budgets": None, "autoscaler": None}
    found = facts_of([("posdeck.k8s.describe", {"present": True, "workload": hidden})])
    assert "budgets" not in found
    assert "autoscaled" not in found
    assert facts_of([("posdeck.k8s.describe", {"present": False})]) == {"present": False}


def test_what_a_probe_does_not_know_is_no_fact():
    probe = {
        "ok": False,
        "milliseconds": None,
        "rates": {"sent": 2.5, "failed": None},
        "gauges": {"queue": 0.0},
    }
    assert facts_of([("posdeck.k8s.http_probe", probe)]) == {"ok": False, "sent_rate": 2.5, "queue": 0.0}
    assert facts_of([("posdeck.k8s.get", {"api_found": False, "resources": []})]) == {
        "api_found": False,
        "found": 0,
    }


def test_counts_add_up_over_hosts_and_an_unread_log_is_not_an_empty_one():
    one = ("posdeck.k8s.pods", {"pods": [{"ready": True}]})
    assert facts_of([one, one])["ready"] == 2
    assert facts_of([("posdeck.k8s.logs", {"logs": [{"error": "forbidden"}], "matches": []})]) == {}
    assert facts_of([("posdeck.k8s.logs", {"logs": [], "matches": []})]) == {}
    assert facts_of([("posdeck.k8s.pods", {"msg": "failed"})]) == {}


def test_a_playbook_reports_facts_of_its_own():
    facts = facts_of(
        [
            (
                "ansible.builtin.set_fact",
                {"ansible_facts": {"evidence": {"a": 1, "b": "x" * 999, "c": None}}},
            ),
            ("team.own.module", {"evidence": {"a": 2, "Bad Name": 1, "d": [1], "e": math.inf, "f": True}}),
        ]
    )
    assert facts == {"a": 2, "b": "x" * 300, "f": True}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_no_result_breaks_the_reading_of_facts(junk):
    names = ["pods", "logs", "metrics", "rollout_wait", "events"]
    shapes = [
        {key: junk} for key in ("pods", "logs", "matches", "rollout", "events", "available", "evidence")
    ]
    facts = facts_of([(f"posdeck.k8s.{name}", shape) for name in names for shape in shapes])
    assert len(facts) <= MAX_FACTS


def test_a_lone_placeholder_keeps_its_type_and_others_become_text():
    spaces = {"params": {"n": 3, "s": "x", "none": None}}
    assert fill("{{ params.n }}", spaces, subject="t") == 3
    assert fill("{{params.n}} of {{ params.s }}", spaces, subject="t") == "3 of x"
    assert fill({"a": ["{{ params.n }}", 1]}, spaces, subject="t") == {"a": [3, 1]}
    assert fill("{{ params.none }}", spaces, subject="t") is None


@pytest.mark.parametrize(
    "text",
    [
        "{{ params.x }}",
        "{{ other.n }}",
        "{{ params.n + 1 }}",
        "{{ lookup('pipe', 'id') }}",
        "{% if 1 %}",
        "{# x #}",
        "{{",
        "a }}",
    ],
)
def test_anything_but_a_known_simple_placeholder_is_refused(text):
    with pytest.raises(SubstitutionError):
        fill(text, {"params": {"n": 1}}, subject="t")


@given(st.text(max_size=40))
def test_nothing_that_ansible_would_evaluate_gets_through(value):
    try:
        filled = fill("a {{ params.v }} b", {"params": {"v": value}}, subject="t")
    except SubstitutionError:
        assert not inert(value)
        return
    assert filled == f"a {value} b"
    assert not any(mark in value for mark in ("{{", "{%", "{#", "}}", "%}", "#}", "\x1b", "\x00"))


@pytest.mark.parametrize(
    "name", ["a*", "a,b", "all:!x", "a b", "", "@file", "~x", "A", 5, None, "-l", "a\nb"]
)
def test_a_target_is_one_exact_name(name):
    with pytest.raises(SubstitutionError):
        exact_name(name, subject="t")


class Workloads:
    """Two consumers and an API."""

    def short_name(self, name):
        short = name.removeprefix("x--").removesuffix("--prod")
        if short not in ("consumer-order", "consumer-customer", "app"):
            raise UnknownNameError(name, "is no workload")
        return short

    def members(self, group):
        return {"consumers": ("consumer-order", "consumer-customer")}.get(group, ())


def test_parameters_are_checked_before_anything_runs(sample):
    assert resolve(sample, {"consumer": "x--consumer-order--prod"}, Workloads()) == {
        "consumer": "consumer-order"
    }
    for given_, words in (
        ({}, "was not given"),
        ({"consumer": "app"}, "not in the group consumers"),
        ({"consumer": "consumer-*"}, "no workload"),
        ({"consumer": "{{ x }}"}, "template"),
        ({"consumr": "app"}, "Did you mean consumer"),
    ):
        with pytest.raises(PosdeckError, match=words):
            resolve(sample, given_, Workloads())


def with_param(sample: Runbook, **fields: object) -> Runbook:
    param = Param.model_validate({"name": "p", "help": "h", **fields})
    return sample.model_copy(update={"params": (param,)})


def test_each_type_of_parameter(sample):
    number = with_param(sample, type="integer", minimum=1, maximum=5, default=2)
    assert resolve(number, {}, Workloads()) == {"p": 2}
    assert resolve(number, {"p": "5"}, Workloads()) == {"p": 5}
    for bad in ("6", "0", "x", "1.5", "٣", "1e2"):
        with pytest.raises(PosdeckError):
            resolve(number, {"p": bad}, Workloads())
    revision = with_param(sample, type="revision", source={"param": "w"}, required=False)
    assert resolve(revision, {}, Workloads()) == {"p": None}
    with pytest.raises(PosdeckError, match="less than 1"):
        resolve(revision, {"p": "0"}, Workloads())
    choice = with_param(sample, type="choice", choices=["yes", "no"])
    assert resolve(choice, {"p": "no"}, Workloads()) == {"p": "no"}
    with pytest.raises(PosdeckError, match="none of the choices"):
        resolve(choice, {"p": "maybe"}, Workloads())


def test_a_runbook_opened_from_a_workload_knows_it(sample):
    assert prefill(sample, "consumer-order", ("all", "consumers")) == {"consumer": "consumer-order"}
    assert prefill(sample, "app", ("main_api",)) == {}


def planned(**fields: object) -> Plan:
    target = {"kind": "Deployment", "namespace": "n", "name": "a", "uid": "u", "template_hash": "t"}
    changes = (Change("/spec/replicas", "1", "2"),)
    inner = PlannedObject(
        **{
            **target,
            "changes": changes,
            **{k: fields.pop(k) for k in list(fields) if k in (*target, "changes")},
        }
    )
    return Plan(
        **{"playbook": "p.yml", "target": "a", "variables": {"stamp": "s"}, "objects": (inner,), **fields}
    )


def test_the_hash_of_a_plan_changes_with_all_that_was_agreed_to():
    agreed = plan_hash("d", planned())
    assert agreed == plan_hash("d", planned(notes=("hits one pod",), before={"replicas": 1}))
    different = [
        plan_hash("e", planned()),
        *(
            plan_hash("d", planned(**changed))
            for changed in (
                {"playbook": "q.yml"},
                {"target": "b"},
                {"variables": {"stamp": "t"}},
                {"uid": "v"},
                {"template_hash": "s"},
                {"name": "b"},
                {"namespace": "m"},
                {"changes": (Change("/spec/replicas", "3", "2"),)},
                {"changes": ()},
                {"objects": ()},
            )
        ),
    ]
    assert len({agreed, *different}) == len(different) + 1


def test_changes_are_told_by_field_without_what_the_server_counts_up():
    before = {
        "metadata": {"resourceVersion": "1", "generation": 4, "name": "a", "managedFields": [{"time": 1}]},
        "spec": {"replicas": 3, "template": {"metadata": {"annotations": {"k8s.io/x": "1"}}}, "list": [1, 2]},
        "status": {"replicas": 3},
    }
    after = {
        "metadata": {"resourceVersion": "2", "generation": 5, "name": "a", "managedFields": []},
        "spec": {"replicas": 3, "template": {"metadata": {"annotations": {"k8s.io/x": "2"}}}, "list": [1]},
        "status": {},
    }
    assert changes_between(before, after) == (
        Change("/spec/list/1", "2", None),
        Change("/spec/template/metadata/annotations/k8s.io~1x", '"1"', '"2"'),
    )
    assert changes_between(before, before) == ()
    assert changes_between(None, {"a": {}}) == (Change("/a", None, "{}"),)
    assert changes_between({"status": {"a": 1}, "statusquo": 1}, None) == (Change("/statusquo", "1", None),)


def test_an_hpa_at_work_voids_no_plan_that_leaves_replicas_alone():
    def restart(replicas):
        before = {"spec": {"replicas": replicas, "template": {"a": "1"}}}
        after = {"spec": {"replicas": replicas, "template": {"a": "2"}}}
        return plan_hash("d", planned(changes=changes_between(before, after)))

    assert restart(2) == restart(9)
