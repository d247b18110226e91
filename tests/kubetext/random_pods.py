"""Pods thrown together at random, every field within what the API server accepts."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.kubetext.pod_states import ago

Json = dict[str, Any]

_WAITING = ("", "PodInitializing", "CrashLoopBackOff", "Completed", "ErrImagePull")
_PHASES = ("Pending", "Running", "Succeeded", "Failed", "Unknown")


def random_pod(dice: Random, name: str, node: str) -> tuple[Json, Json]:
    """A pod to create, held by a finalizer, and the status to put into it."""
    main = ["a", "b", "c"][: dice.randint(1, 3)]
    init = ["x", "y", "z"][: dice.randint(0, 3)]
    spec = {
        "nodeName": node,
        "containers": [{"name": n, "image": "registry.invalid/a:1"} for n in main],
        "initContainers": [_init_container(dice, n) for n in init],
    }
    status: Json = {
        "phase": dice.choice(_PHASES),
        "conditions": _conditions(dice),
        "containerStatuses": [_status(dice, n) for n in main if dice.random() < 0.95],
        "initContainerStatuses": [_status(dice, n) for n in init if dice.random() < 0.95],
    }
    if dice.random() < 0.2:
        status["reason"] = dice.choice(("Evicted", "NodeLost"))
    return {"metadata": {"name": name, "finalizers": ["example.com/held"]}, "spec": spec}, status


def _init_container(dice: Random, name: str) -> Json:
    container = {"name": name, "image": "registry.invalid/a:1"}
    return {**container, "restartPolicy": "Always"} if dice.random() < 0.5 else container


def _conditions(dice: Random) -> list[Json]:
    found = []
    for kind in ("Ready", "Initialized", "PodScheduled"):
        if dice.random() < 0.7:
            condition = {"type": kind, "status": dice.choice(("True", "False"))}
            if kind == "PodScheduled" and dice.random() < 0.1:
                condition["reason"] = "SchedulingGated"
            found.append(condition)
    return found


def _status(dice: Random, name: str) -> Json:
    found: Json = {
        "name": name,
        "image": "registry.invalid/a:1",
        "imageID": "",
        "ready": dice.random() < 0.5,
        "restartCount": dice.choice((0, 0, 1, 5)),
        "state": _state(dice),
    }
    if dice.random() < 0.5:
        found["started"] = dice.random() < 0.6
    if dice.random() < 0.4:
        ended = ago(seconds=dice.randrange(10, 10**6))
        found["lastState"] = {"terminated": {"exitCode": 1, "finishedAt": ended}}
    return found


def _state(dice: Random) -> Json:
    kind = dice.choice(("waiting", "running", "terminated", ""))
    if kind == "waiting":
        return {"waiting": {"reason": dice.choice(_WAITING)}}
    if kind == "running":
        return {"running": {}}
    if kind == "terminated":
        how = {"exitCode": dice.choice((0, 0, 1, 137)), "signal": dice.choice((0, 9))}
        times = {"startedAt": ago(minutes=3), "finishedAt": ago(minutes=2)}
        return {"terminated": {**how, **times, "reason": dice.choice(("", "Completed", "Error"))}}
    return {}
