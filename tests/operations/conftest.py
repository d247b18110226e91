"""A gate to pass: a target, what is known of it, where posdeck stands, and a record of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from posdeck.audit.record import Actor, Place, Process
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.catalogue.policy import CONFIRM_TYPED, BlastRadius, Policy
from posdeck.clock import ManualClock
from posdeck.operations.facts import ClusterFacts, Facts, expected_of
from posdeck.operations.standing import Standing
from posdeck.operations.write import ACTS, RESOURCES, Write

TARGET = {
    "metadata": {"name": "long--consumer-order", "namespace": "spc--pos", "uid": "u1", "generation": 3},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "main", "image": "pos:1"}]}}},
}
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[AuditStore]:
    with open_store(tmp_path / "record" / "audit.sqlite", clock) as opened:
        yield opened


@pytest.fixture
def facts() -> Facts:
    cluster = ClusterFacts(
        "https://server", "sha256:ca", namespace_uid="n1", cluster_uid="c1", simulated=True
    )
    return Facts(
        cluster,
        target=TARGET,
        found=expected_of(TARGET),
        allowed=True,
        permission="patch deployments.apps in namespace spc--pos",
        username="alice",
    )


@pytest.fixture
def standing(clock: ManualClock) -> Callable[..., Standing]:
    """Where posdeck stands under a policy of these fields; every other policy is off."""

    def make(**policy: Any) -> Standing:
        settings: dict[str, Any] = {
            "confirm": CONFIRM_TYPED,
            "reason_required": True,
            "ticket_required": False,
            "blast_radius": BlastRadius(5, None),
            **policy,
        }
        return Standing(
            environment="simulated",
            accept="embedded",
            policy=Policy(**settings),
            actor=Actor("alice", 1000),
            place=Place("laptop"),
            process=Process(1, "2", "3"),
            now=clock.now(),
        )

    return make


@pytest.fixture
def write() -> Callable[..., Write]:
    """A restart as a person asks for it, with changes."""

    def make(act: str = "rollout-restart", **fields: Any) -> Write:
        given: dict[str, Any] = {
            "typed": "consumer-order",
            "reason": "it hangs",
            "session_id": "s1",
            "run_id": "s1-2",
            **fields,
        }
        return Write(
            act=ACTS[act],
            resource=RESOURCES["Deployment"],
            namespace="spc--pos",
            name="long--consumer-order",
            short="consumer-order",
            kubectl=f"kubectl {act} deployment/long--consumer-order -n spc--pos",
            **given,
        )

    return make
