"""A plain ansible-playbook run takes the same lock as posdeck: it waits for nobody and overruns nobody."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

from posdeck.operations import locks, playbook_wait
from posdeck.operations.facts import Answer, Question

pytestmark = [pytest.mark.cluster, pytest.mark.ansible]
Play = Callable[..., subprocess.CompletedProcess[str]]
HOST = "consumer-order"
CONFIRMED = ("-l", HOST, "-e", f"confirm={HOST}", "-e", "reason=a test")


def test_refused_while_somebody_else_holds_it_and_given_back_at_the_end(
    play: Play, deployment: Callable[[], dict[str, Any]], control_plane: ControlPlane, namespace: str
) -> None:
    before = deployment()
    name = f"posdeck-deployment-{before['metadata']['name']}"
    leases = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    held = {
        "holderIdentity": "bob@elsewhere/7/intent",
        "leaseDurationSeconds": 600,
        "acquireTime": now,
        "renewTime": now,
    }
    control_plane.api.create(leases, {"metadata": {"name": name}, "spec": held})
    refused = play("restart.yml", *CONFIRMED)
    said = refused.stdout + refused.stderr
    assert refused.returncode != 0
    assert "refused by rule lock" in said
    assert "bob@elsewhere" in said
    assert deployment()["metadata"]["generation"] == before["metadata"]["generation"]

    control_plane.api.delete(f"{leases}/{name}")
    done = play("restart.yml", *CONFIRMED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert deployment()["metadata"]["generation"] > before["metadata"]["generation"]
    assert not control_plane.api.exists(f"{leases}/{name}")


def test_the_lock_is_held_while_the_rollout_is_waited_for(
    play: Play, deployment: Callable[[], dict[str, Any]], control_plane: ControlPlane, namespace: str
) -> None:
    """Whoever comes meanwhile is refused; afterwards the lock is free."""
    name = deployment()["metadata"]["name"]
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/posdeck-deployment-{name}"

    def settle_on(nodes: dict[str, str] | None) -> None:
        control_plane.api.patch(path, {"spec": {"template": {"spec": {"nodeSelector": nodes}}}})

    def restarted() -> bool:
        annotations = deployment()["spec"]["template"]["metadata"].get("annotations") or {}
        return "kubectl.kubernetes.io/restartedAt" in annotations and control_plane.api.exists(lease)

    settle_on({"there": "is-none"})  # so that the rollout does not come to its end
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(play, "restart.yml", *CONFIRMED, "-e", "rollout_timeout=100")
        try:
            wait_until(restarted, "the restart is written, and its lock held", within=60)
            before = deployment()["metadata"]["generation"]
            second = play("restart.yml", *CONFIRMED)
            assert second.returncode != 0
            assert "refused by rule lock" in second.stdout + second.stderr
            assert deployment()["metadata"]["generation"] == before
        finally:
            settle_on(None)
        done = first.result()
    assert done.returncode == 0, done.stdout + done.stderr
    assert not control_plane.api.exists(lease)


def test_the_lock_is_renewed_in_time_and_its_loss_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {"holderIdentity": "us", "leaseDurationSeconds": 60, "renewTime": "2026-01-01T00:00:00.000000Z"}
    raw = {"metadata": {"name": "l", "namespace": "n", "uid": "u", "resourceVersion": "1"}, "spec": spec}
    asked: list[Question] = []
    holder = "us"

    def ask(question: Question) -> Answer:
        asked.append(question)
        if holder != "us":
            other = {**raw, "spec": {**spec, "holderIdentity": holder}}
            return Answer(409 if question.method == "PUT" else 200, _json(other))
        return Answer(200, _json(dict(question.body or raw)))

    waiting = playbook_wait.Waiting(ask, locks.Lease(raw))
    assert waiting.renew() == ""
    assert asked == [], "not yet"
    monkeypatch.setattr(locks, "RENEW_EVERY", 0.0)
    assert waiting.renew() == ""
    assert [q.method for q in asked] == ["PUT"]
    assert dict(asked[0].body or {})["spec"]["renewTime"] > spec["renewTime"]
    holder = "somebody@else"
    assert "somebody@else has it now" in waiting.renew()
    assert waiting.give_back() == ""
    assert waiting.renew() == ""


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode()
