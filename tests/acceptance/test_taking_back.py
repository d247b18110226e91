"""An act that is over is taken back by one command, with a record of its own; never when somebody else has been there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.acceptance.places import Desk, confirmed, full, with_content

pytestmark = pytest.mark.ansible
CONSUMER, NAME = "consumer-default", full("consumer-default")

SCALE_NOW = """\
apiVersion: runbook/v1
metadata:
  id: two-now
  title: Two replicas now
  summary: Scale a consumer without looking first.
  owner: the tests
  severity: warning
  review_by: 2099-01-01
  expected_duration: 1m
  symptoms: [A test wants it.]
params:
  - {name: consumer, type: workload, source: {group: consumers}, help: The consumer.}
policy: {class: mitigate}
steps:
  - id: scale
    type: act
    title: Run two
    why: A test wants it.
    class: mitigate
    playbook: scale.yml
    vars: {target_replicas: 2}
    target: "{{ params.consumer }}"
    preview: Two replicas.
    timeout: 2m
    verify: [{check: rollout-complete, timeout: 1m}]
    rollback:
      playbook: scale.yml
      title: Set the former number
      vars: {target_replicas: "{{ before.replicas }}"}
      verify: [{check: rollout-complete, timeout: 1m}]
    next: done
    on_failure: not-done
    on_cannot_tell: not-done
    on_cancel: not-done
    kubectl: kubectl scale deployment/{{ target.deployment }} -n {{ target.namespace }} --replicas=2
  - {id: done, type: done, title: Done, result: It has two., outcome: resolved}
  - {id: not-done, type: done, title: Not done, result: It has not., outcome: not-resolved}
"""


@pytest.fixture
def scaled(desk: Desk) -> tuple[Desk, str, str]:
    """posdeck at a place where it has just scaled the consumer: the desk, the session, the specification before."""
    folder = desk.home / "two"
    (folder / "runbooks").mkdir(parents=True)
    (folder / "runbooks" / "two-now.yml").write_text(SCALE_NOW)
    with_content(desk, folder)
    before = spec(desk)
    done = desk.run(
        "runbook", "run", "two-now", "--param", f"consumer={CONSUMER}", *confirmed(CONSUMER), "-o", "json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert spec(desk) != before
    return desk, json.loads(done.stdout)["session"], before


def spec(desk: Desk) -> str:
    found = json.loads(desk.place.kubectl("get", "deployment", NAME, "-o", "json"))
    return json.dumps(found["spec"], sort_keys=True)


def back(desk: Desk, session: str, *more: str) -> tuple[int, str, dict[str, Any]]:
    """Take the session's act back: the exit code, all that was said, the answer."""
    done = desk.run("runbook", "rollback", session, "-o", "json", *more)
    return done.returncode, done.stdout + done.stderr, json.loads(done.stdout or "{}")


def test_an_act_is_taken_back_exactly_and_only_once(scaled: tuple[Desk, str, str]) -> None:
    desk, session, before = scaled
    code, said, _ = back(desk, session, *confirmed("another-consumer"))
    assert code == 3, said
    assert "Take back: Run two" in said
    assert "- 2" in said, "the preview of the way back"
    assert spec(desk) != before, "nobody confirmed it"
    assert desk.records()[0]["kind"] == "refusal"

    code, said, answer = back(desk, session, *confirmed(CONSUMER, "not needed after all"))
    assert code == 0, said
    assert spec(desk) == before
    assert answer["status"] == "done"
    assert "was taken back" in answer["result"]
    intents = [desk.record(r) for r in desk.records() if r["kind"] == "intent"]
    assert len(intents) == 2
    assert intents[0]["rollback_of"] == intents[1]["id"], "the newest says which act it takes back"

    code, said, _ = back(desk, session, *confirmed(CONSUMER))
    assert code == 5, said
    assert "no act that can be taken back" in said
    assert spec(desk) == before


def test_nothing_is_taken_back_that_somebody_else_changed_since(scaled: tuple[Desk, str, str]) -> None:
    desk, session, before = scaled
    template = {"spec": {"terminationGracePeriodSeconds": 77}}
    strategy = {"spec": {"revisionHistoryLimit": 3}}
    desk.place.kubectl("patch", "deployment", NAME, "--type=merge", "-p", json.dumps(strategy))
    now = spec(desk)
    code, said, _ = back(desk, session, *confirmed(CONSUMER))
    assert code == 3, said
    assert "changed since the act" in said
    assert "kubectl" in said, "by its managed fields, who it was"
    assert spec(desk) == now
    assert "changed-since" in desk.record(desk.records()[0])["rule"]

    desk.place.kubectl("patch", "deployment", NAME, "-p", json.dumps({"spec": {"template": template}}))
    assert back(desk, session, *confirmed(CONSUMER))[0] == 3
    restore = json.loads(before)
    desk.place.kubectl(
        "patch", "deployment", NAME, "--type=json",
        "-p", json.dumps([{"op": "replace", "path": "/spec", "value": restore}]),
    )  # fmt: skip
    assert spec(desk) == before
