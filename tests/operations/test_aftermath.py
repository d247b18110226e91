"""What an act left is recognised again: whoever else touched the object since is noticed, an HPA at work is not."""

from __future__ import annotations

from typing import Any

from posdeck.operations.aftermath import GONE, aftermath, aftermath_now, changed_since
from posdeck.runbooks.plan import Change, Plan, PlannedObject

KEY = "Deployment/d"


def plan(*paths: str) -> Plan:
    changes = tuple(Change(path, "1", "2") for path in paths)
    return Plan("p.yml", "d", {}, (PlannedObject("Deployment", "ns", "d", "u", "t", changes),))


def deployment(**spec: Any) -> dict[str, Any]:
    fields = [
        {"manager": "posdeck", "time": "2026-11-01T02:00:00Z"},
        {"manager": "kubectl-edit", "time": "2026-11-01T02:05:00Z"},
        {"manager": "kube-controller-manager", "time": "2026-11-01T02:09:00Z", "subresource": "status"},
    ]
    metadata = {"name": "d", "managedFields": fields}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 2, "template": {}, **spec}}


def left(planned: Plan, after: dict[str, Any] | None) -> str:
    write = {"kind": "Deployment", "name": "d"}
    found = aftermath(planned, [{"msg": "no write"}, {"write": write, "result": after}])
    assert found == aftermath_now(planned, {KEY: after}), "seen by the run or asked afterwards is the same"
    return found[KEY]


def test_an_hpa_at_work_is_nobody_else_unless_the_act_set_the_replicas() -> None:
    paused = left(plan("/spec/paused"), deployment(paused=True))
    assert changed_since(paused, deployment(paused=True, replicas=7)) == ""
    scaled = left(plan("/spec/replicas"), deployment())
    assert changed_since(scaled, deployment()) == ""
    assert "changed since" in changed_since(scaled, deployment(replicas=7))


def test_somebody_else_is_named_with_the_time() -> None:
    paused = left(plan("/spec/paused"), deployment(paused=True))
    assert changed_since(paused, deployment()) == (
        "its specification has changed since the act (kubectl-edit wrote to it at 2026-11-01T02:05:00Z)"
    )
    assert "does not exist any more" in changed_since(paused, None)


def test_what_was_deleted_must_not_be_there_again() -> None:
    assert left(plan("/spec"), None) == GONE
    assert changed_since(GONE, None) == ""
    assert "exists again" in changed_since(GONE, deployment())


def test_an_object_that_the_plan_does_not_name_is_left_out() -> None:
    other = {"write": {"kind": "Deployment", "name": "other"}, "result": deployment()}
    assert aftermath(plan("/spec/paused"), [other]) == {}
