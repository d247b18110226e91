"""A container that ends again and again."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from posdeck.cluster.snapshot import Container, Pod
from posdeck.findings.rule import PodRule
from posdeck.findings.signs import Evidence, Sign, later
from posdeck.findings.wording import quoted

MANY = 3
RECENT = timedelta(minutes=6)  # the kubelet waits at most five between two attempts
_CODES = {
    0: "the program ends by itself although it should go on running",
    1: "the program stops with an error of its own; its last log lines say which",
    126: "the command may not be executed",
    127: "the command is not in the image",
    137: "killed (SIGKILL): out of memory, or a liveness probe that fails",
    139: "the program crashes (SIGSEGV)",
    143: "ended on request (SIGTERM): a liveness probe that fails",
}


def sign(pod: Pod) -> Sign | None:
    """A container in CrashLoopBackOff, or ended just now after ending often before."""
    if pod.deleted_at is not None or pod.phase in ("Succeeded", "Failed"):
        return None
    for container in pod.containers:
        if container.state == "waiting" and container.reason == "CrashLoopBackOff":
            return _sign(pod, container)
        if container.restarts >= MANY and _unsettled(container):
            return _sign(pod, container)
    return None


def _unsettled(container: Container) -> bool:
    ended_again = container.state == "terminated" and (not container.init or bool(container.exit_code))
    return ended_again or not (container.ready or container.state == "waiting")


def _sign(pod: Pod, container: Container) -> Sign:
    code = _exit_code(container)
    why = f" (exit code {code})" if code is not None else ""
    back_off = container.reason == "CrashLoopBackOff"
    ended = container.last_finished_at
    return Sign(
        what=f"ending again and again: {container.restarts} restarts of container {container.name}{why}",
        since=ended or pod.last_restart,
        since_at_least=True,
        # between two attempts the container runs for a while; after that long it has recovered
        until=None if back_off else later(ended, RECENT),
        evidence=partial(_evidence, container),
        likely=_CODES.get(code, "the program stops with an error of its own") if code is not None else "",
    )


def _exit_code(container: Container) -> int | None:
    return container.last_exit_code if container.last_exit_code is not None else container.exit_code


def _evidence(container: Container) -> Evidence:
    code, ended = _exit_code(container), container.last_finished_at
    return (
        (f"containers[{container.name}].restartCount", str(container.restarts)),
        (f"containers[{container.name}].state", f"{container.state} {container.reason}".strip()),
        (
            f"containers[{container.name}].lastState.terminated",
            f"exit code {'not said' if code is None else code}, "
            f"{container.last_reason or 'no reason'}, finished "
            f"{ended.isoformat() if ended else 'not said'}",
        ),
        (f"containers[{container.name}].message", quoted(container.message) or "(none)"),
    )


RULE = PodRule("pod-crash-looping", sign, linger=30.0)
