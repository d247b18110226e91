"""A write holds for the object that was seen: its precondition travels along, a lost race changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.posdeck.k8s.plugins.action import (
    patch,
    rollout_pause,
    rollout_restart,
    rollout_resume,
    rollout_undo,
    scale,
)
from ansible_collections.posdeck.k8s.plugins.plugin_utils import writing
from ansible_collections.posdeck.k8s.plugins.plugin_utils.client import JSON, JSON_PATCH, STRATEGIC, Client
from ansible_collections.posdeck.k8s.plugins.plugin_utils.errors import KubeError, UsageError
from ansible_collections.posdeck.k8s.plugins.plugin_utils.kubeconfig import Access
from ansible_collections.posdeck.k8s.plugins.plugin_utils.writing import Change, WritingAction, bound

from posdeck.errors import RefusedError
from posdeck.kubetext.templates import template_digest

PATH = "/apis/apps/v1/namespaces/n/deployments/d"
STAMP = "2026-01-01T00:00:00Z"


def deployment(
    version: str = "10", *, image: str = "pos:1", replicas: int = 2, uid: str = "u1"
) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": "n", "uid": uid, "resourceVersion": version},
        "spec": {
            "replicas": replicas,
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"image": image}]}},
        },
    }


CHANGE = Change(
    "PATCH",
    {"spec": {"template": {"metadata": {"annotations": {"x": "y"}}}}},
    STRATEGIC,
    parameters={"x": "y"},
)


class Gate:
    """In place of posdeck's gate: lets everything pass, or refuses, and remembers what it was told."""

    def __init__(self, seen: dict[str, Any], refusal: Exception | None = None) -> None:
        self.seen, self.refusal = seen, refusal
        self.asked: list[dict[str, Any]] = []
        self.settled: list[tuple[str, str]] = []

    def authorise(self, **asked: Any) -> Any:
        self.asked.append(asked)
        if self.refusal is not None:
            raise self.refusal
        expected = SimpleNamespace(
            uid=self.seen["metadata"]["uid"], template_hash=template_digest(self.seen["spec"]["template"])
        )
        return SimpleNamespace(resource_version=self.seen["metadata"]["resourceVersion"], expected=expected)

    def settle(self, permit: Any, result: str, after: Any, message: str) -> str:
        self.settled.append((result, message))
        return ""


class Action(WritingAction):
    """An action on the stub server, without the rest of Ansible."""

    ACT = "rollout-restart"

    def __init__(self, client: Client, *, check: bool = False) -> None:
        self._made = client
        self._task = SimpleNamespace(check_mode=check, diff=True)
        self._templar = SimpleNamespace(template=lambda value: value)

    def connect(self, args: dict[str, Any]) -> Client:
        self.access = Access(server="", namespace="n")
        return self._made

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        return CHANGE


@pytest.fixture
def client(api: Any) -> Any:
    made = Client(Access(server=api.url), sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    def set_to(value: str | None) -> None:
        monkeypatch.setattr(writing.context, "CLIARGS", {"subset": value, "args": ("restart.yml",)})

    set_to("d")
    return set_to


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, limit: Any) -> Gate:
    made = Gate(deployment())
    monkeypatch.setattr(writing, "_gate", lambda: (made, (RefusedError,)))
    return made


def patches(api: Any) -> list[Any]:
    return [json.loads(seen.body) for seen in api.seen if seen.method == "PATCH"]


def test_the_request_names_object_and_version(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment())
    Action(client).act({"name": "d"}, {"inventory_hostname": "d", "confirm": "d", "reason": "why"})
    assert [patch["metadata"] for patch in patches(api)] == [{"uid": "u1", "resourceVersion": "10"}]
    assert gate.asked[0]["confirm"] == "d"
    assert gate.asked[0]["reason"] == "why"
    assert gate.asked[0]["name"] == "d"
    assert gate.settled == [("succeeded", "")]


def test_a_json_patch_tests_object_and_version_first() -> None:
    change = Change("PATCH", [{"op": "replace", "path": "/spec/template", "value": {}}], JSON_PATCH)
    assert [step["op"] for step in bound(change, deployment())] == ["test", "test", "replace"]


def test_when_only_its_status_or_replicas_moved_it_is_tried_again_for_that_version(
    api: Any, client: Client, gate: Gate
) -> None:
    api.say(200, deployment("10"))
    api.say(409, {"reason": "Conflict"})
    api.say(200, deployment("11", replicas=7))
    api.say(200, deployment("12", replicas=7))
    result = Action(client).act({"name": "d"}, {})
    assert [patch["metadata"]["resourceVersion"] for patch in patches(api)] == ["10", "11"]
    assert result["result"]["metadata"]["resourceVersion"] == "12"
    assert gate.settled == [("succeeded", "")]


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (deployment("11", image="pos:2"), "its pod template was changed meanwhile; nothing was changed"),
        (deployment("11", uid="u2"), "replaced by another object meanwhile; nothing was changed"),
    ],
    ids=["template", "replaced"],
)
def test_when_someone_else_changed_it_nothing_more_is_sent(
    api: Any, client: Client, gate: Gate, now: dict[str, Any], words: str
) -> None:
    api.say(200, deployment("10"))
    api.say(409, {"reason": "Conflict"})
    api.say(200, now)
    with pytest.raises(KubeError, match=words):
        Action(client).act({"name": "d"}, {})
    assert len(patches(api)) == 1
    assert [result for result, _ in gate.settled] == ["failed"]


def test_when_it_changed_between_plan_and_gate_nothing_is_sent(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment("9", image="pos:0"))
    with pytest.raises(KubeError, match="nothing was changed"):
        Action(client).act({"name": "d"}, {})
    assert patches(api) == []
    assert [result for result, _ in gate.settled] == ["failed"]


def test_a_lost_answer_is_settled_as_unknown(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment())
    api.hang_up()
    with pytest.raises(KubeError, match="not known"):
        Action(client).act({"name": "d"}, {})
    assert len(patches(api)) == 1
    assert [result for result, _ in gate.settled] == ["unknown"]


def test_what_the_gate_refuses_is_not_sent(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment())
    gate.refusal = RefusedError(
        "read-only", "deployment/d", "posdeck is read-only", "Start it without --read-only."
    )
    with pytest.raises(Exception, match="refused by rule read-only"):
        Action(client).act({"name": "d"}, {})
    assert patches(api) == []
    assert gate.settled == []


@pytest.mark.parametrize("given", [None, "", "all", "consumer-*", "a:!b", "~con", "a:&b", "@hosts"])
def test_hosts_that_are_not_named_are_refused_before_anything_is_asked(
    api: Any, client: Client, limit: Callable[[str | None], None], given: str | None
) -> None:
    limit(given)
    with pytest.raises(Exception, match="refused by rule explicit-target"):
        Action(client).act({"name": "d"}, {})
    assert api.seen == []


def test_check_mode_makes_a_dry_run_and_asks_no_gate(api: Any, client: Client, gate: Gate) -> None:
    after = deployment("10")
    after["spec"]["template"]["metadata"]["annotations"] = {"x": "y"}
    api.say(200, deployment("10"))
    api.say(200, after)
    result = Action(client, check=True).act({"name": "d"}, {})
    assert [seen.method for seen in api.seen] == ["GET", "PATCH"]
    assert "dryRun=All" in api.seen[1].path
    assert "x: y" in result["diff"]["after"]
    assert result["changed"]
    assert gate.asked == []


def test_a_dry_run_that_changes_nothing_says_so(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment("10"))
    result = Action(client, check=True).act({"name": "d"}, {})
    assert not result["changed"]
    assert "diff" not in result


def plan(action: type[Any], args: dict[str, Any], target: dict[str, Any]) -> Change | None:
    return action.__new__(action).plan(args, SimpleNamespace(), target)  # type: ignore[no-any-return]


def test_the_same_stamp_twice_changes_nothing() -> None:
    change = plan(rollout_restart.ActionModule, {"restarted_at": STAMP}, deployment())
    assert change is not None
    target = deployment()
    target["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": STAMP}
    assert plan(rollout_restart.ActionModule, {"restarted_at": STAMP}, target) is None


@pytest.mark.parametrize("action", [rollout_restart, rollout_undo])
def test_a_paused_deployment_is_refused(action: Any) -> None:
    target = deployment()
    target["spec"]["paused"] = True
    with pytest.raises(UsageError, match="paused"):
        plan(action.ActionModule, {"to_revision": 0}, target)


def test_scaling_minds_what_was_expected() -> None:
    change = plan(scale.ActionModule, {"replicas": 3, "current_replicas": 2}, deployment())
    assert change is not None
    assert change.body == {"spec": {"replicas": 3}}
    assert plan(scale.ActionModule, {"replicas": 2}, deployment()) is None
    with pytest.raises(UsageError, match="it has 2 replicas, not the 1"):
        plan(scale.ActionModule, {"replicas": 3, "current_replicas": 1}, deployment())
    with pytest.raises(UsageError, match="negative"):
        plan(scale.ActionModule, {"replicas": -1}, deployment())


class Deletion(Action):
    """A deletion on the stub server."""

    ACT = "delete"
    MISSING = "done"

    def plan(self, args: dict[str, Any], client: Client, target: dict[str, Any]) -> Change | None:
        return Change("DELETE", {"apiVersion": "v1", "kind": "DeleteOptions"}, JSON)


def test_a_deletion_tried_in_check_mode_says_so_in_its_body(api: Any, client: Client, gate: Gate) -> None:
    """The server ignores the query of a deletion that has a body: a dry run asked for there would delete."""
    api.say(200, deployment("10"))
    result = Deletion(client, check=True).act({"name": "d"}, {})
    sent = json.loads(api.seen[1].body)
    assert api.seen[1].method == "DELETE"
    assert sent["dryRun"] == ["All"]
    assert sent["preconditions"] == {"uid": "u1", "resourceVersion": "10"}
    assert result["result"] is None
    assert result["before"]["metadata"]["uid"] == "u1"
    assert gate.asked == []


def test_a_deletion_holds_for_the_object_that_was_seen(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment("10"))
    Deletion(client).act({"name": "d"}, {})
    sent = [json.loads(seen.body) for seen in api.seen if seen.method == "DELETE"]
    assert [each["preconditions"] for each in sent] == [{"uid": "u1", "resourceVersion": "10"}]
    assert all("dryRun" not in each for each in sent)
    assert gate.settled == [("succeeded", "")]


def test_what_does_not_exist_needs_no_deletion(api: Any, client: Client, gate: Gate) -> None:
    api.say(404, {"reason": "NotFound"})
    assert Deletion(client).act({"name": "d"}, {})["changed"] is False
    assert [seen.method for seen in api.seen] == ["GET"]
    assert gate.asked == []


def test_a_changed_specification_is_not_deleted(api: Any, client: Client, gate: Gate) -> None:
    api.say(200, deployment("10"))
    api.say(409, {"reason": "Conflict"})
    api.say(200, deployment("11", replicas=1))
    with pytest.raises(KubeError, match="its specification was changed meanwhile"):
        Deletion(client).act({"name": "d"}, {})
    assert [result for result, _ in gate.settled] == ["failed"]


def test_a_pause_is_taken_away_and_not_set_to_false() -> None:
    target = deployment()
    change = plan(rollout_pause.ActionModule, {}, target)
    assert change is not None
    assert change.body == {"spec": {"paused": True}}
    assert plan(rollout_resume.ActionModule, {}, target) is None
    target["spec"]["paused"] = True
    change = plan(rollout_resume.ActionModule, {}, target)
    assert change is not None
    assert change.body == {"spec": {"paused": None}}
    assert plan(rollout_pause.ActionModule, {}, target) is None


def test_a_patch_that_would_change_nothing_is_not_sent() -> None:
    args = {"kind": "Deployment", "name": "d", "definition": {"spec": {"replicas": 2, "paused": None}}}
    assert plan(patch.ActionModule, args, deployment()) is None
    assert plan(patch.ActionModule, args, deployment(replicas=3)) is not None
    with pytest.raises(Exception, match="nothing else"):
        plan(patch.ActionModule, {**args, "definition": {"metadata": {"name": "x"}}}, deployment())
