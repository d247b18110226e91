"""What a team writes itself is carried out as what ships: the example of the guide, and a playbook with kubernetes.core."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.acceptance.places import ROOT, Desk, confirmed, full, with_content
from tests.runbooks.test_guide import BLOCK, GUIDE

pytestmark = pytest.mark.ansible

PLAYBOOK = """\
- name: Look with the community's modules
  hosts: all
  gather_facts: false
  tasks:
    - name: Read the deployment
      kubernetes.core.k8s_info:
        api_version: apps/v1
        kind: Deployment
        name: "{{ deployment }}"
        namespace: "{{ kube_namespace }}"
      register: found

    - name: Read its pods
      posdeck.k8s.pods:
        name: "{{ deployment }}"
        namespace: "{{ kube_namespace }}"
      register: pods

    - name: Report
      ansible.builtin.set_fact:
        evidence:
          image: "{{ found.resources[0].spec.template.spec.containers[0].image }}"
          wanted: "{{ found.resources[0].spec.replicas }}"
          running: "{{ pods.pods | length }}"
"""

RUNBOOK = """\
apiVersion: runbook/v1
metadata:
  id: our-look
  title: Our own look
  summary: Look as this team does.
  owner: the tests
  severity: warning
  review_by: 2099-01-01
  expected_duration: 1m
  symptoms: [A test wants it.]
params:
  - {name: consumer, type: workload, source: {group: consumers}, help: The consumer.}
policy: {class: mitigate}
steps:
  - id: look
    type: diagnose
    title: Look
    why: A test wants it.
    playbook: our-look.yml
    target: "{{ params.consumer }}"
    continue_on_failure: false
    kubectl: kubectl get deployment {{ target.deployment }} -n {{ target.namespace }}
  - id: enough
    type: decide
    title: Enough?
    question: Does one run?
    choices:
      - id: as-wanted
        label: As many as wanted
        next: well
        suggest_when: {fact: look.running, equals: 1}
        because: One is wanted and one runs.
      - {id: unsure, label: I do not know, next: unknown}
  - {id: well, type: done, title: Well, result: It runs., outcome: resolved}
  - {id: unknown, type: done, title: Unknown, result: Nobody knows., outcome: cannot-tell}
"""


@pytest.mark.cluster
def test_a_playbook_with_both_is_linted_and_run(
    real_desk: Desk, kubernetes_core: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "team"
    (folder / "runbooks").mkdir(parents=True)
    (folder / "runbooks" / "our-look.yml").write_text(RUNBOOK)
    (folder / "playbooks").mkdir()
    (folder / "playbooks" / "our-look.yml").write_text(PLAYBOOK)
    (folder / "playbooks" / "collections").symlink_to(kubernetes_core)
    desk = with_content(real_desk, folder)
    linted = desk.run("runbook", "lint")
    assert linted.returncode == 0, linted.stdout
    done = desk.run("runbook", "run", "our-look", "--param", "consumer=consumer-default", "-o", "json")
    assert done.returncode == 0, done.stdout + done.stderr
    session = json.loads(done.stdout)
    assert session["result"] == "resolved: It runs."


def shown(stamp: str | None) -> str:
    """A stamp as a preview shows it."""
    return "–" if stamp is None else f'"{stamp}"'


def test_the_guide_followed_to_the_letter_works_on_a_cluster(embedded_desk: Desk, tmp_path: Path) -> None:
    """Lint, show, check, and then for real; the evidence that its own playbook sets reaches the decision."""
    folder = tmp_path / "followed"
    for part in ("runbooks", "playbooks"):
        shutil.copytree(ROOT / part, folder / part)
    for name, text in BLOCK.findall(GUIDE):
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    desk = with_content(embedded_desk, folder)
    assert desk.run("runbook", "lint").returncode == 0
    assert "A consumer works with stale settings" in desk.run("runbook", "show", "stale-settings").stdout
    given = ("runbook", "run", "stale-settings", "--param", "consumer=consumer-customer")
    given = (*given, "--answer", "older=restart")
    checked = desk.run(*given, "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    would, _, changed = checked.stdout.partition(f"  deployment/{full('consumer-customer')}\n")
    assert would.startswith("would: ")
    before = desk.place.stamp(full("consumer-customer"))  # other tests restart it as well
    assert f"annotations/kubectl.kubernetes.io~1restartedAt: {shown(before)} → " in changed
    assert checked.stdout.endswith("Checked only: nothing was changed.\n")
    given = (*given, "-o", "json")
    assert desk.place.stamp(full("consumer-customer")) == before

    done = desk.run(*given, *confirmed("consumer-customer"), within=240)
    assert done.returncode == 0, done.stdout + done.stderr
    assert desk.place.stamp(full("consumer-customer")) not in {before, None}
    [stored] = [
        p for p in (desk.state / "sessions").glob("*.json") if json.loads(done.stdout)["session"] in p.name
    ]
    facts = json.loads(stored.read_text())["steps"]["age"]["facts"]
    assert facts["running"] == 1
    assert facts["oldest"]
