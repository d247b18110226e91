"""The status of a pod as a kubelet reports it, built from what its containers are doing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from posdeck.simulator.jsontree import dig
from posdeck.simulator.world import condition, set_condition

Json = dict[str, Any]


@dataclass(slots=True)
class Containers:
    """What the containers of one pod are doing; all of them do the same. ``state`` and ``last`` are ContainerState
    objects."""

    state: Json
    ready: bool = False
    restarts: int = 0
    last: Json = field(default_factory=dict)
    serial: int = 0  # raises with every start, for the container's id


def waiting(reason: str, message: str = "") -> Json:
    """A waiting state."""
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


def terminated(reason: str, code: int, started: str, finished: str, container_id: str = "") -> Json:
    """A terminated state."""
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason,
            "startedAt": started,
            "finishedAt": finished,
            **({"containerID": container_id} if container_id else {}),
        }
    }


def container_id(pod: Json, name: str, serial: int) -> str:
    """The id of one start of one container."""
    return "containerd://" + hashlib.sha256(f"{pod['metadata']['uid']}/{name}/{serial}".encode()).hexdigest()


def _image_id(image: str) -> str:
    return f"{image.partition(':')[0]}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


def _container_statuses(pod: Json, what: Containers) -> list[Json]:
    statuses = []
    for container in pod["spec"].get("containers") or ():
        name, image = container["name"], container.get("image", "")
        begun = "waiting" not in what.state or what.serial > 0
        statuses.append(
            {
                "name": name,
                "image": image,
                "imageID": _image_id(image) if begun else "",
                "ready": what.ready,
                "started": what.ready or "running" in what.state,
                "restartCount": what.restarts,
                "state": what.state,
                "lastState": what.last,
                **({"containerID": container_id(pod, name, what.serial)} if begun else {}),
            }
        )
    return statuses


def _init_statuses(pod: Json, now: str) -> list[Json]:
    before = {c["name"]: c for c in dig(pod, "status", "initContainerStatuses") or ()}
    statuses = []
    for container in pod["spec"].get("initContainers") or ():
        name, image = container["name"], container.get("image", "")
        if name in before and "waiting" not in before[name]["state"]:
            statuses.append(before[name])
            continue
        sidecar = container.get("restartPolicy") == "Always"
        state = {"running": {"startedAt": now}} if sidecar else terminated("Completed", 0, now, now)
        statuses.append(
            {
                "name": name,
                "image": image,
                "imageID": _image_id(image),
                "ready": True,
                "started": sidecar,
                "restartCount": 0,
                "state": state,
                "lastState": {},
                "containerID": container_id(pod, name, 0),
            }
        )
    return statuses


def _conditions(pod: Json, what: Containers, phase: str, now: str) -> list[Json]:
    names = [c["name"] for c in pod["spec"].get("containers") or ()]
    have = dig(pod, "status", "conditions") or []
    gates = [g["conditionType"] for g in pod["spec"].get("readinessGates") or ()]
    closed = [g for g in gates if (condition(have, g) or {}).get("status") != "True"]
    unready: Json = {}
    if phase in ("Succeeded", "Failed"):
        unready = {"reason": "PodCompleted" if phase == "Succeeded" else "PodFailed"}
    elif not what.ready:
        unready = {
            "reason": "ContainersNotReady",
            "message": f"containers with unready status: [{' '.join(names)}]",
        }
    gated = unready or (
        {
            "reason": "ReadinessGatesNotReady",
            "message": f'corresponding condition of pod readiness gate "{closed[0]}" does not exist.',
        }
        if closed
        else {}
    )
    up = "running" in what.state or what.serial > 0
    wanted: list[Json] = [
        {"type": "PodReadyToStartContainers", "status": "True" if up else "False"},
        {"type": "Initialized", "status": "True"},
        {"type": "Ready", "status": "False" if gated else "True", **gated},
        {"type": "ContainersReady", "status": "False" if unready else "True", **unready},
    ]
    if condition(have, "PodScheduled") is None:
        wanted.append({"type": "PodScheduled", "status": "True"})
    for new in wanted:
        have = set_condition(have, new, now)
    return have


def build(pod: Json, what: Containers, phase: str, *, now: str, ip: str, host_ip: str) -> Json:
    """The whole status."""
    before = pod.get("status") or {}
    status: Json = {
        **before,
        "phase": phase,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": before.get("startTime", now),
        "containerStatuses": _container_statuses(pod, what),
        "conditions": _conditions(pod, what, phase, now),
    }
    if pod["spec"].get("initContainers"):
        status["initContainerStatuses"] = _init_statuses(pod, now)
    if ip:
        status |= {"podIP": ip, "podIPs": [{"ip": ip}]}
    return status
