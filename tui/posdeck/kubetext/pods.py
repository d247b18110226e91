"""READY, STATUS and RESTARTS of a pod, by the rules of the printers in Kubernetes v1.36
(``pkg/printers/internalversion``, ``printPod``): no other derivation agrees with kubectl in the odd cases,
and the odd cases are what an incident is made of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posdeck.kubetext.ages import parse_time, since
from posdeck.kubetext.fields import at, integer, items, mapping, text

NODE_LOST = "NodeLost"
SCHEDULING_GATED = "SchedulingGated"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PodText:
    """kubectl's cells of a pod, apart from what depends on the time of reading."""

    ready: str  # "1/2"
    status: str
    restarts: int
    last_restart: datetime | None = None
    ready_containers: int = 0
    total_containers: int = 0

    def restarts_text(self, now: datetime) -> str:
        """The RESTARTS cell: "3", or "3 (5m ago)"."""
        return restarts_text(self.restarts, self.last_restart, now)


@dataclass(slots=True)
class _Restarts:
    """Restarts so far, and when the last of those containers ended before it started again."""

    count: int = 0
    last: datetime | None = None

    def add(self, status: Object) -> None:
        self.count += integer(status.get("restartCount"))
        ended = parse_time(at(status, "lastState", "terminated", "finishedAt"))
        if ended is not None and (self.last is None or self.last < ended):
            self.last = ended


@dataclass(slots=True)
class _Containers:
    """What one group of container statuses says. ``reason`` is empty when it does not change the pod's."""

    reason: str = ""
    ready: int = 0


def restarts_text(restarts: int, last_restart: datetime | None, now: datetime) -> str:
    """The RESTARTS cell of ``restarts``, with the time since the last one where there is one."""
    if restarts and last_restart is not None:
        return f"{restarts} ({since(last_restart, now)} ago)"
    return str(restarts)


def pod_text(pod: Object) -> PodText:
    """READY, STATUS and RESTARTS of a pod as returned by the API. Never raises on odd objects."""
    spec, status = mapping(pod.get("spec")), mapping(pod.get("status"))
    conditions = items(status.get("conditions"))
    init_specs = items(spec.get("initContainers"))
    sidecars = {text(c.get("name")) for c in init_specs if c.get("restartPolicy") == "Always"}
    total = len(items(spec.get("containers"))) + sum(
        1 for c in init_specs if c.get("restartPolicy") == "Always"
    )

    reason = text(status.get("reason")) or text(status.get("phase"))
    if any(c.get("type") == "PodScheduled" and c.get("reason") == SCHEDULING_GATED for c in conditions):
        reason = SCHEDULING_GATED

    all_init, sidecar_restarts = _Restarts(), _Restarts()
    init = _init_state(
        items(status.get("initContainerStatuses")), len(init_specs), sidecars, all_init, sidecar_restarts
    )
    reason = init.reason or reason
    ready, restarts = init.ready, all_init
    if not init.reason or _condition_true(conditions, "Initialized"):
        restarts = sidecar_restarts
        main = _main_state(items(status.get("containerStatuses")), conditions, restarts, reason)
        reason = main.reason
        ready += main.ready

    return PodText(
        ready=f"{ready}/{total}",
        status=_deletion(pod, status) or reason,
        restarts=restarts.count,
        last_restart=restarts.last,
        ready_containers=ready,
        total_containers=total,
    )


def _init_state(
    statuses: Sequence[Object],
    specified: int,
    sidecars: set[str],
    restarts: _Restarts,
    sidecar_restarts: _Restarts,
) -> _Containers:
    """Walk the init containers up to the one that holds the pod up; restarts of later ones do not count."""
    found = _Containers()
    for position, container in enumerate(statuses):
        sidecar = text(container.get("name")) in sidecars
        restarts.add(container)
        if sidecar:
            sidecar_restarts.add(container)
        terminated, waiting = _state(container, "terminated"), _state(container, "waiting")
        if terminated is not None and integer(terminated.get("exitCode")) == 0:
            continue
        if sidecar and container.get("started") is True:
            found.ready += container.get("ready") is True
            continue
        if terminated is not None:
            found.reason = f"Init:{_termination(terminated)}"
        elif waiting is not None and text(waiting.get("reason")) not in ("", "PodInitializing"):
            found.reason = f"Init:{text(waiting.get('reason'))}"
        else:
            found.reason = f"Init:{position}/{specified}"
        break
    return found


def _main_state(
    statuses: Sequence[Object], conditions: Sequence[Object], restarts: _Restarts, reason: str
) -> _Containers:
    """The containers proper, last to first, so that the first container's reason wins."""
    found = _Containers(reason)
    running = False
    failure = ""
    for container in reversed(statuses):
        restarts.add(container)
        terminated, waiting = _state(container, "terminated"), _state(container, "waiting")
        if waiting is not None and text(waiting.get("reason")):
            found.reason = text(waiting.get("reason"))
        elif terminated is not None:
            found.reason = _termination(terminated)
            if integer(terminated.get("exitCode")) != 0:
                failure = found.reason
        elif container.get("ready") is True and _state(container, "running") is not None:
            running = True
            found.ready += 1
    if found.reason == "Completed":
        if running and _condition_true(conditions, "Ready", any_of=True):
            found.reason = "Running"
        elif failure:
            found.reason = failure
        elif running:
            found.reason = "NotReady"
    return found


def _state(container: Object, which: str) -> Object | None:
    """The state ``which`` of a container; an empty object still says that the container is in it."""
    state = mapping(container.get("state")).get(which)
    return state if isinstance(state, Mapping) else None


def _termination(terminated: Object) -> str:
    if reason := text(terminated.get("reason")):
        return reason
    if signal := integer(terminated.get("signal")):
        return f"Signal:{signal}"
    return f"ExitCode:{integer(terminated.get('exitCode'))}"


def _deletion(pod: Object, status: Object) -> str:
    """What deletion makes of the status; empty when it changes nothing."""
    if not text(at(pod, "metadata", "deletionTimestamp")):
        return ""
    if status.get("reason") == NODE_LOST:
        return "Unknown"
    return "" if status.get("phase") in ("Succeeded", "Failed") else "Terminating"


def _condition_true(conditions: Sequence[Object], kind: str, *, any_of: bool = False) -> bool:
    """Whether condition ``kind`` is True: the first of that type decides, or any of them."""
    states = [c.get("status") == "True" for c in conditions if c.get("type") == kind]
    return any(states) if any_of else bool(states) and states[0]


def readiness_gates(pod: Object) -> str:
    """The READINESS GATES cell: gates whose condition is True, of all gates; "<none>" without gates."""
    gates = items(at(pod, "spec", "readinessGates"))
    if not gates:
        return "<none>"
    conditions = items(at(pod, "status", "conditions"))
    passed = sum(_condition_true(conditions, text(gate.get("conditionType"))) for gate in gates)
    return f"{passed}/{len(gates)}"
