"""A Kubernetes Event on the object that was changed, so that colleagues with any tool see who did what."""

from __future__ import annotations

import socket
from collections.abc import Generator
from datetime import datetime
from typing import Any

from posdeck.operations.facts import Answer, Question
from posdeck.operations.gate import Permit

PAST = {
    "rollout-restart": "restarted",
    "rollout-undo": "rolled back",
    "rollout-pause": "paused the rollout of",
    "rollout-resume": "resumed the rollout of",
    "scale": "scaled",
    "delete-pod": "deleted",
    "delete": "deleted",
    "apply": "applied",
    "patch": "patched",
}


def announce(permit: Permit, result: str, now: datetime) -> Generator[Question, Answer, str]:
    """Post the event; returns why it could not be posted, or "". It carries no reason text: a reason may hold
    what not everyone who reads events may read."""
    answer = yield Question(
        "POST", f"/api/v1/namespaces/{permit.write.namespace}/events", _event(permit, result, now)
    )
    if answer.status in {200, 201}:
        return ""
    return f"the event could not be left on the object ({answer.status}): {answer.message()}"


def _event(permit: Permit, result: str, now: datetime) -> dict[str, Any]:
    write, intent = permit.write, permit.intent
    stamp = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    who = intent.actor.kubernetes_user or intent.actor.user
    ticket = f", ticket {write.ticket}" if write.ticket else ""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"posdeck-{intent.id}", "namespace": write.namespace},
        "involvedObject": {
            "apiVersion": f"{write.resource.group}/{write.resource.version}"
            if write.resource.group
            else write.resource.version,
            "kind": write.resource.kind,
            "namespace": write.namespace,
            "name": write.name,
            "uid": intent.target.uid,
        },
        "type": "Normal" if result == "succeeded" else "Warning",
        "reason": "Posdeck" + "".join(part.title() for part in write.act.id.split("-")),
        "message": f"{who} {PAST.get(write.act.id, write.act.id)} {write.short} with posdeck: {result}{ticket} "
        f"(record {intent.id})",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "source": {"component": "posdeck", "host": socket.gethostname()},
        "reportingComponent": "posdeck",
        "reportingInstance": socket.gethostname(),
    }
