"""The lint names every way in which a runbook or its playbooks could let somebody down."""

from __future__ import annotations

from datetime import date

import pytest

from posdeck.runbooks.loading import load_library
from posdeck.runbooks.validation import LintContext, lint

PODS = """\
- name: Pods
  hosts: all
  gather_facts: false
  tasks:
    - name: Read
      posdeck.k8s.pods:
        name: "{{ deployment }}"
"""
SCALE = """\
- name: Scale
  hosts: all
  gather_facts: false
  tasks:
    - name: Set
      posdeck.k8s.scale:
        replicas: "{{ replicas }}"
"""
GROUPS = {"all": ["app", "consumer-order"], "consumers": ["consumer-order"]}


@pytest.fixture
def found(write, sample_text):
    """Lints the sample after one replacement, with the two playbooks, one of which may be replaced."""

    def lint_it(old="", new="", *, pods=PODS, scale=SCALE, today=date(2026, 11, 1), extra=None):
        assert old in sample_text
        text = sample_text.replace(old, new, 1) if old else sample_text
        path = write("books/sample.yml", text)
        write("plays/pods.yml", pods)
        plays = write("plays/scale.yml", scale).parent
        for name, content in (extra or {}).items():
            write(f"plays/{name}", content)
        context = LintContext(plays, today, GROUPS, ["operations", "finance"])
        return [(p.rule, p.path.name, p.line) for p in lint(load_library(path.parent), context)]

    return lint_it


def test_a_good_runbook_has_nothing_wrong(found):
    assert found() == []


ROLLBACK = """\
    rollback:
      playbook: scale.yml
      vars: {replicas: "{{ before.replicas }}"}
      verify: [{check: rollout-complete}]
"""
VERIFY = "    verify:\n      - {check: rollout-complete}\n      - {check: processing-again}\n"


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("playbook: pods.yml", "playbook: podz.yml", "unknown-playbook", 22),
        (VERIFY, "", "act-without-verify", 37),
        ("      verify: [{check: rollout-complete}]\n", "", "act-without-verify", 48),
        (ROLLBACK, "", "act-without-rollback", 37),
        (ROLLBACK, ROLLBACK + "    irreversible: never\n", "act-without-rollback", 52),
        ("id: unsure, label", "id: dunno, label", "no-unsure", 30),
        ("unattended: act", "unattended: nothing", "unknown-choice", 29),
        ("id: again, label", "id: act, label", "duplicate-choice", 30),
        ("fact: look.ready", "fact: luck.ready", "unknown-fact", 34),
        ("next: good", "next: goood", "unknown-step", 52),
        ("next: tell}", "next: tel}", "unknown-step", 36),
        ("on_cancel: stopped", "on_cancel: stoped", "unknown-step", 55),
        ("on_cannot_tell: unknown", "on_cannot_tell: bad", "unreachable-step", 64),
        ("triggers: [consumer-not-processing]", "triggers: [consumer-sad]", "unknown-trigger", 9),
        ("check: processing-again", "check: processing", "unknown-check", 47),
        ("group: consumers", "group: consumer", "unknown-group", 15),
        ("who: [operations]", "who: [nobody]", "unknown-contact", 60),
        ("{{ params.consumer }} is well", "{{ params.konsumer }} is well", "unknown-param", 63),
        ("{{ params.consumer }} is well", "{{ params.consumer | upper }} is well", "bad-placeholder", 63),
        ("{{ params.consumer }} is well", "{% if x %} is well", "bad-placeholder", 63),
        ("{{ params.consumer }} is well", "{{ before.replicas }} is well", "bad-placeholder", 63),
        ("replicas: 2}", 'replicas: "{{ target.name }}"}', "bad-placeholder", 43),
        ("before.replicas", "before.replica", "bad-placeholder", 50),
        ("vars: {replicas: 2}", "vars: {posdeck_run: 2}", "reserved-variable", 43),
        ("vars: {replicas: 2}", "vars: {confirm: x}", "reserved-variable", 43),
        ("id: stopped, type", "id: good, type", "duplicate-step", 65),
        ("next: change", "next: look", "unreachable-step", 37),
        ("on_failure: tell", "on_failure: choose", "act-on-circle", 37),
    ],
)
def test_each_rule_names_its_line(found, old, new, rule, line):
    assert (rule, "sample.yml", line) in found(old, new)


def test_a_last_step_that_leads_nowhere_is_found(found):
    text = "  - {id: stopped, type: done, result: Stopped., outcome: not-resolved}"
    new = "  - {id: stopped, type: contact, title: T, who: [operations], say: S}"
    assert ("missing-next", "sample.yml", 65) in found(text, new)


def test_a_circle_that_asks_nobody_is_found(found):
    old = "    say: It is {{ params.consumer }}.\n"
    rules = found(old, old + "    next: tell\n")
    assert ("never-ends", "sample.yml", 57) in rules
    assert ("endless-circle", "sample.yml", 57) in rules


@pytest.mark.parametrize(
    ("today", "rules"),
    [
        (date(2027, 6, 1), ["review-overdue"]),
        (date(2027, 5, 31), ["review-due"]),
        (date(2027, 4, 30), []),
    ],
)
def test_a_review_becomes_due(found, today, rules):
    assert [rule for rule, _, _ in found(today=today)] == rules


def test_looking_must_not_write(found):
    assert ("diagnose-writes", "sample.yml", 22) in found(pods=SCALE)


TASK = "    - name: Read\n"


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("  tasks:", "  vars_prompt: [{name: x}]\n  tasks:", "prompts", 4),
        ("      posdeck.k8s.pods:", "      ansible.builtin.pause:", "prompts", 6),
        ("      posdeck.k8s.pods:", "      pause:", "prompts", 6),
        ("      posdeck.k8s.pods:", "      ansible.builtin.shell:", "module-not-allowed", 6),
        ("      posdeck.k8s.pods:", "      command:", "module-not-allowed", 6),
        ("      posdeck.k8s.pods:", "      ansible.legacy.raw:", "module-not-allowed", 6),
        ("      posdeck.k8s.pods:", "      local_action: command ls\n      vars:", "module-not-allowed", 6),
        ("      posdeck.k8s.pods:", "      action: {module: uri}\n      vars:", "module-not-allowed", 6),
        ("      posdeck.k8s.pods:", "      ansible.builtin.include_role:", "module-not-allowed", 6),
        (TASK, "    - block:\n        - shell: ls\n" + TASK, "module-not-allowed", 6),
        (TASK, "    - block: []\n      rescue:\n        - shell: ls\n" + TASK, "module-not-allowed", 7),
        ("  tasks:", "  handlers:\n    - shell: ls\n  tasks:", "module-not-allowed", 5),
        ("  tasks:", "  roles: [x]\n  tasks:", "not-seen-through", 4),
        (TASK, "    - import_tasks: other.yml\n" + TASK, "not-seen-through", 5),
        (TASK, '    - include_tasks: "{{ x }}.yml"\n' + TASK, "not-seen-through", 5),
        (TASK, "    - include_tasks: ../../x.yml\n" + TASK, "not-seen-through", 5),
        ('"{{ deployment }}"', "\"{{ lookup('pipe', 'id') }}\"", "lookup", 7),
        ('"{{ deployment }}"', "\"{{ query ('env', 'X') }}\"", "lookup", 7),
        (TASK, TASK + "      with_pipe: id\n", "lookup", 6),
        (TASK, TASK + "      become: true\n", "elsewhere", 6),
        (TASK, TASK + "      delegate_to: other\n", "elsewhere", 6),
        ("  gather_facts: false", "  connection: ssh", "elsewhere", 3),
    ],
)
def test_a_playbook_that_asks_or_reaches_elsewhere_is_found(found, old, new, rule, line):
    assert old in PODS
    assert (rule, "pods.yml", line) in found(pods=PODS.replace(old, new, 1))


def test_included_tasks_are_looked_into(found):
    pods = PODS.replace(TASK, "    - include_tasks: more.yml\n" + TASK)
    assert found(pods=pods, extra={"more.yml": "- posdeck.k8s.get: {kind: Pod}\n"}) == []
    rules = found(pods=pods, extra={"more.yml": "- name: x\n  ansible.builtin.shell: ls\n"})
    assert ("module-not-allowed", "more.yml", 2) in rules


def test_a_playbook_that_is_not_yaml_is_told_once(found):
    assert found(pods="- a: [\n") == [("bad-playbook", "pods.yml", 2)]
    assert found(pods="a: 1\n") == [("bad-playbook", "pods.yml", 1)]
