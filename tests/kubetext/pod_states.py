"""Pods in as many states as the printer tells apart, as (spec, status) to be put onto the API server."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class PodState:
    """``status`` goes in through the status subresource; ``spec`` adds to a spec with the containers named.

    ``deleted`` deletes the pod, which then hangs: on a node that nobody runs, or by a finalizer (``held``).
    """

    status: Json
    containers: tuple[str, ...] = ("app",)
    spec: Json = field(default_factory=dict)
    deleted: bool = False
    held: bool = False
    bound: bool = True


def ago(**span: float) -> str:
    return (datetime.now(UTC) - timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(name: str = "app", *, ready: bool = False, restarts: int = 0, **state: Any) -> Json:
    """A status in state ``running``, ``waiting`` or ``terminated``; the one before ended at ``ended``."""
    started, ended = state.pop("started", None), state.pop("ended", None)
    found: Json = {
        "name": name,
        "image": "registry.invalid/app:1",
        "imageID": "",
        "ready": ready,
        "restartCount": restarts,
        "state": {kind: value for kind, value in state.items() if value is not None},
    }
    if ended:
        found["lastState"] = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ended}}
    if started is not None:
        found["started"] = started
    return found


def running(name: str = "app", *, ready: bool = True, **more: Any) -> Json:
    return container(name, ready=ready, running={"startedAt": ago(minutes=5)}, **more)


def waiting(reason: str, name: str = "app", **more: Any) -> Json:
    return container(name, waiting={"reason": reason} if reason else {}, **more)


def ended(code: int, reason: str = "", name: str = "app", signal: int = 0, **more: Any) -> Json:
    state = {"exitCode": code, "startedAt": ago(minutes=9), "finishedAt": ago(minutes=8)}
    return container(name, terminated={**state, "reason": reason, "signal": signal}, **more)


def conditions(**states: str) -> list[Json]:
    return [
        {"type": kind, "status": state, "lastTransitionTime": ago(minutes=3)}
        for kind, state in states.items()
    ]


def status(*main: Json, phase: str = "Running", init: tuple[Json, ...] = (), **more: Any) -> Json:
    found: Json = {"phase": phase, **more}
    if main:
        found["containerStatuses"] = list(main)
    if init:
        found["initContainerStatuses"] = list(init)
    return found


def _init(*names: str, sidecars: tuple[str, ...] = ()) -> Json:
    listed = [{"name": n, "image": "registry.invalid/init:1"} for n in names]
    return {
        "initContainers": [{**c, "restartPolicy": "Always"} if c["name"] in sidecars else c for c in listed]
    }


READY = conditions(Ready="True", ContainersReady="True", Initialized="True", PodScheduled="True")
NOT_READY = conditions(Ready="False", ContainersReady="False", Initialized="True", PodScheduled="True")
UNINITIALIZED = conditions(Ready="False", Initialized="False", PodScheduled="True")
TWO = ("app", "proxy")
SIDECAR = _init("proxy", sidecars=("proxy",))
MIXED = _init("migrate", "proxy", sidecars=("proxy",))

STATES: dict[str, PodState] = {
    # Plain
    "running": PodState(status(running(), conditions=READY, podIPs=[{"ip": "10.1.2.3"}], podIP="10.1.2.3")),
    "running-not-ready": PodState(status(running(ready=False), conditions=NOT_READY)),
    "ready-flag-without-running": PodState(status(waiting("", ready=True), conditions=READY)),
    "half-ready": PodState(status(running(), running("proxy", ready=False), conditions=NOT_READY), TWO),
    "two-dual-stack": PodState(
        status(running(), running("proxy"), conditions=READY, podIPs=[{"ip": "10.1.2.4"}, {"ip": "fd00::4"}]),
        TWO,
    ),
    "no-status": PodState({}),
    "pending-unbound": PodState(status(phase="Pending"), bound=False),
    "pending-nominated": PodState(status(phase="Pending", nominatedNodeName="kwok-1"), bound=False),
    "pending-bound": PodState(status(phase="Pending")),
    "unknown-phase": PodState(status(running(), phase="Unknown")),
    # Waiting
    "creating": PodState(status(waiting("ContainerCreating"), phase="Pending")),
    "pod-initializing": PodState(status(waiting("PodInitializing"), phase="Pending")),
    "image-pull-back-off": PodState(status(waiting("ImagePullBackOff"), phase="Pending")),
    "err-image-pull": PodState(status(waiting("ErrImagePull"), phase="Pending")),
    "invalid-image": PodState(status(waiting("InvalidImageName"), phase="Pending")),
    "config-error": PodState(status(waiting("CreateContainerConfigError"), phase="Pending")),
    "run-error": PodState(status(waiting("RunContainerError", restarts=2))),
    "crash-loop": PodState(status(waiting("CrashLoopBackOff", restarts=7, ended=ago(minutes=4, seconds=31)))),
    "crash-loop-long-ago": PodState(
        status(waiting("CrashLoopBackOff", restarts=312, ended=ago(days=3, hours=5)))
    ),
    "waiting-without-reason": PodState(status(waiting(""), phase="Pending")),
    "first-container-wins": PodState(
        status(waiting("ErrImagePull"), waiting("CrashLoopBackOff", "proxy")), TWO
    ),
    "last-of-two-crashes": PodState(status(running(), waiting("CrashLoopBackOff", "proxy", restarts=1)), TWO),
    # Restarts
    "restarted-seconds-ago": PodState(status(running(restarts=1, ended=ago(seconds=20)), conditions=READY)),
    "restarted-hours-ago": PodState(
        status(running(restarts=3, ended=ago(hours=4, minutes=12)), conditions=READY)
    ),
    "restarted-unknown-when": PodState(status(running(restarts=4), conditions=READY)),
    "restarted-latest-of-two": PodState(
        status(
            running(restarts=1, ended=ago(hours=9)),
            running("proxy", restarts=2, ended=ago(minutes=50)),
            conditions=READY,
        ),
        TWO,
    ),
    "ended-before-but-no-restart": PodState(status(running(ended=ago(hours=1)), conditions=READY)),
    # Terminated
    "completed": PodState(status(ended(0, "Completed"), phase="Succeeded")),
    "failed-error": PodState(status(ended(1, "Error"), phase="Failed")),
    "oom-killed": PodState(status(ended(137, "OOMKilled", restarts=1))),
    "signal": PodState(status(ended(143, signal=15))),
    "exit-code": PodState(status(ended(3))),
    "exit-zero-without-reason": PodState(status(ended(0), phase="Succeeded")),
    "completed-beside-ready": PodState(
        status(ended(0, "Completed"), running("proxy"), conditions=READY), TWO
    ),
    "completed-beside-unready": PodState(
        status(ended(0, "Completed"), running("proxy"), conditions=NOT_READY), TWO
    ),
    "completed-beside-error": PodState(status(ended(0, "Completed"), ended(2, "Error", "proxy")), TWO),
    "error-before-completed": PodState(status(ended(2, "Error"), ended(0, "Completed", "proxy")), TWO),
    "completed-beside-error-and-running": PodState(
        status(
            ended(0, "Completed"), ended(9, "", "proxy", signal=9), running("third"), conditions=NOT_READY
        ),
        ("app", "proxy", "third"),
    ),
    # The pod's own reason
    "evicted": PodState(
        status(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")
    ),
    "node-affinity": PodState(status(phase="Failed", reason="NodeAffinity")),
    "evicted-with-containers": PodState(status(ended(137, "Error"), phase="Failed", reason="Evicted")),
    "deadline-exceeded": PodState(status(ended(0), phase="Failed", reason="DeadlineExceeded")),
    # Scheduling and readiness gates
    "gated": PodState({}, spec={"schedulingGates": [{"name": "example.com/hold"}]}, bound=False),
    "readiness-gate-open": PodState(
        status(running(), conditions=[*READY, *conditions(**{"example.com/traffic": "True"})]),
        spec={"readinessGates": [{"conditionType": "example.com/traffic"}]},
    ),
    "readiness-gate-half": PodState(
        status(running(), conditions=[*NOT_READY, *conditions(**{"example.com/traffic": "True"})]),
        spec={"readinessGates": [{"conditionType": c} for c in ("example.com/traffic", "example.com/warm")]},
    ),
    # Init containers
    "init-first-of-two": PodState(
        status(
            waiting("PodInitializing"),
            phase="Pending",
            init=(running("one"), waiting("PodInitializing", "two")),
        ),
        spec=_init("one", "two"),
    ),
    "init-second-of-two": PodState(
        status(phase="Pending", init=(ended(0, "Completed", "one"), running("two"))), spec=_init("one", "two")
    ),
    "init-crash-loop": PodState(
        status(
            waiting("PodInitializing"),
            phase="Pending",
            init=(waiting("CrashLoopBackOff", "one", restarts=5, ended=ago(minutes=2, seconds=5)),),
            conditions=UNINITIALIZED,
        ),
        spec=_init("one"),
    ),
    "init-error": PodState(
        status(phase="Pending", init=(ended(1, "Error", "one", restarts=2),)), spec=_init("one")
    ),
    "init-signal": PodState(
        status(phase="Pending", init=(ended(137, "", "one", signal=9),)), spec=_init("one")
    ),
    "init-exit-code": PodState(status(phase="Pending", init=(ended(4, "", "one"),)), spec=_init("one")),
    "init-waiting-without-reason": PodState(
        status(phase="Pending", init=(waiting("", "one"),)), spec=_init("one")
    ),
    "init-restarts-forgotten-once-running": PodState(
        status(running(restarts=1), init=(ended(0, "Completed", "one", restarts=6),), conditions=READY),
        spec=_init("one"),
    ),
    "init-fails-after-initialized": PodState(
        status(running(restarts=2), init=(ended(1, "Error", "one", restarts=3),), conditions=NOT_READY),
        spec=_init("one"),
    ),
    # Sidecars
    "sidecar-ready": PodState(
        status(running(), init=(running("proxy", started=True),), conditions=READY), spec=SIDECAR
    ),
    "sidecar-started-not-ready": PodState(
        status(running(), init=(running("proxy", ready=False, started=True),), conditions=NOT_READY),
        spec=SIDECAR,
    ),
    "sidecar-not-started": PodState(
        status(
            waiting("PodInitializing"), phase="Pending", init=(running("proxy", ready=False, started=False),)
        ),
        spec=SIDECAR,
    ),
    "sidecar-crash-loop": PodState(
        status(
            waiting("PodInitializing"),
            phase="Pending",
            init=(waiting("CrashLoopBackOff", "proxy", started=False, restarts=8, ended=ago(minutes=20)),),
        ),
        spec=SIDECAR,
    ),
    "sidecar-restarts-count": PodState(
        status(
            running(restarts=1),
            init=(
                ended(0, "Completed", "migrate", restarts=4),
                running("proxy", started=True, restarts=2, ended=ago(minutes=15)),
            ),
            conditions=READY,
        ),
        spec=MIXED,
    ),
    "sidecar-ended-well": PodState(
        status(ended(0, "Completed"), init=(ended(0, "Completed", "proxy"),), phase="Succeeded"), spec=SIDECAR
    ),
    "sidecar-crashed-while-running": PodState(
        status(running(), init=(ended(1, "Error", "proxy", started=False),), conditions=NOT_READY),
        spec=SIDECAR,
    ),
    # Deletion
    "terminating": PodState(status(running(), conditions=READY), deleted=True),
    "terminating-crash-loop": PodState(status(waiting("CrashLoopBackOff", restarts=3)), deleted=True),
    "terminating-pending": PodState(status(waiting("ContainerCreating"), phase="Pending"), deleted=True),
    "terminating-node-lost": PodState(status(running(), reason="NodeLost"), deleted=True),
    "node-lost-not-deleted": PodState(status(running(), reason="NodeLost")),
    "deleted-succeeded": PodState(status(ended(0, "Completed"), phase="Succeeded"), deleted=True, held=True),
    "deleted-failed": PodState(status(ended(1, "Error"), phase="Failed"), deleted=True, held=True),
    "deleted-failed-node-lost": PodState(
        status(ended(1, "Error"), phase="Failed", reason="NodeLost"), deleted=True, held=True
    ),
    # Statuses that do not fit the spec
    "status-for-unknown-container": PodState(status(running(), running("ghost"), conditions=READY)),
    "status-for-unknown-init-container": PodState(
        status(running(), init=(running("ghost", started=True),), conditions=READY), spec=_init("one")
    ),
    "gated-and-failing": PodState(
        status(
            waiting("ImagePullBackOff"),
            phase="Pending",
            conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
        )
    ),
}


def manifest(name: str, state: PodState, node: str) -> Json:
    """The pod as created, before its status is put in."""
    spec: Json = {
        "containers": [{"name": c, "image": "registry.invalid/app:1"} for c in state.containers],
        "schedulerName": "nobody",  # the real scheduler would write conditions of its own
        **state.spec,
    }
    if state.bound:
        spec["nodeName"] = node
    metadata: Json = {"name": name}
    if state.held:
        metadata["finalizers"] = ["example.com/held"]
    return {"metadata": metadata, "spec": spec}
