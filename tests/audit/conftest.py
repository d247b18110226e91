"""A store in a temporary folder, and the smallest intent that says everything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from posdeck.audit.origin import this_process
from posdeck.audit.record import ActClass, Actor, Document, Intent, Place, Target
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.clock import ManualClock

ACTOR = Actor("an", 1000, 1000, "an@example.com", ("system:authenticated", "sre"))
PLACE = Place(
    "bastion-1", "/dev/pts/3", "192.0.2.7 50022 192.0.2.1 22", "prod", "https://k8s.example.com:6443"
)
TARGET = Target(
    "Deployment",
    "spc--pos--be--consumer-order--prod",
    "consumer-order",
    "spc--pos",
    "uid-1",
    7,
    "4711",
    "abc12",
)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 1, 5, 2, 11, 9, 113, tzinfo=UTC))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit.sqlite"


@pytest.fixture
def store(path: Path, clock: ManualClock) -> Iterator[AuditStore]:
    with open_store(path, clock) as opened:
        yield opened


@pytest.fixture
def make_intent() -> Callable[..., Intent]:
    def make(intent_id: str = "intent-1", **changes: object) -> Intent:
        intent = Intent(
            id=intent_id,
            act="rollout-restart",
            act_class=ActClass.MITIGATE,
            actor=ACTOR,
            place=PLACE,
            target=TARGET,
            process=this_process(),
            runbook=Document("consumer-not-processing", "sha256:11", "1"),
            playbook=Document("restart.yml", "sha256:22"),
            parameters={"consumer": "consumer-order", "timeout": 300},
            reason="queue grows, no acknowledgements",
            ticket="INC-1",
            kubectl="kubectl rollout restart deployment/spc--pos--be--consumer-order--prod -n spc--pos",
        )
        return replace(intent, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def actor() -> Actor:
    return ACTOR


@pytest.fixture
def place() -> Place:
    return PLACE
