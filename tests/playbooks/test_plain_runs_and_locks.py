"""A plain ansible-playbook run takes the same lock as posdeck: it waits for nobody and overruns nobody."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.cluster.control_plane import ControlPlane

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
