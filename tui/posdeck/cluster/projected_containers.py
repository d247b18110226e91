"""Containers of pods and of pod templates, and what they ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from posdeck.cluster.projected_parts import cached_bytes, cached_cores
from posdeck.cluster.snapshot import Container, Resources
from posdeck.kubetext.ages import parse_time
from posdeck.kubetext.fields import at, integer, items, mapping, optional_integer, text

Raw = Mapping[str, Any]
_NOTHING = Resources()


def template_containers(template_spec: Raw) -> tuple[Container, ...]:
    """The containers of a pod template, init containers first, without a state."""
    return status_containers(template_spec, {})


def status_containers(spec: Raw, status: Raw) -> tuple[Container, ...]:
    """The containers of a pod, init containers first, each with the state of the same name."""
    states = {
        text(state.get("name")): state
        for part in ("initContainerStatuses", "containerStatuses")
        for state in items(status.get(part))
    }
    found = [
        _container(c, states.get(text(c.get("name")), {}), True) for c in items(spec.get("initContainers"))
    ]
    found += [
        _container(c, states.get(text(c.get("name")), {}), False) for c in items(spec.get("containers"))
    ]
    return tuple(found)


def _container(spec: Raw, status: Raw, init: bool) -> Container:
    state, detail = _state(status.get("state"))
    last = mapping(at(status, "lastState", "terminated"))
    return Container(
        name=text(spec.get("name")),
        image=text(spec.get("image")),
        init=init,
        sidecar=init and spec.get("restartPolicy") == "Always",
        ready=status.get("ready") is True,
        restarts=integer(status.get("restartCount")),
        state=state,
        reason=text(detail.get("reason")),
        message=text(detail.get("message")),
        exit_code=optional_integer(detail.get("exitCode")),
        started_at=parse_time(detail.get("startedAt")),
        last_exit_code=optional_integer(last.get("exitCode")),
        last_reason=text(last.get("reason")),
        last_finished_at=parse_time(last.get("finishedAt")),
        image_id=text(status.get("imageID")),
        resources=_resources(spec.get("resources")),
        ports=tuple(integer(port.get("containerPort")) for port in items(spec.get("ports"))),
    )


def _state(value: object) -> tuple[str, Raw]:
    states = mapping(value)
    for name in ("running", "terminated", "waiting"):
        detail = states.get(name)
        if isinstance(detail, Mapping):
            return name, detail
    return "", {}


def _resources(value: object) -> Resources:
    found = mapping(value)
    if not found:
        return _NOTHING
    requests, limits = mapping(found.get("requests")), mapping(found.get("limits"))
    return _made(*(_hashable(part.get(what)) for part in (requests, limits) for what in ("cpu", "memory")))


def _hashable(value: object) -> str | int | float | None:
    return value if isinstance(value, (str, int, float)) else None


@lru_cache(maxsize=1024)
def _made(cpu_request: object, memory_request: object, cpu_limit: object, memory_limit: object) -> Resources:
    return Resources(
        cpu_request=cached_cores(cpu_request),
        cpu_limit=cached_cores(cpu_limit),
        memory_request=cached_bytes(memory_request),
        memory_limit=cached_bytes(memory_limit),
    )


def pod_resources(spec: Raw) -> Resources:
    """The sum over the containers that keep running (sidecars included).

    A request that some container lacks adds nothing; a limit that one lacks leaves the pod without it.
    """
    running = [_resources(c.get("resources")) for c in items(spec.get("containers"))]
    running += [
        _resources(c.get("resources"))
        for c in items(spec.get("initContainers"))
        if c.get("restartPolicy") == "Always"
    ]
    return running[0] if len(running) == 1 else _summed(tuple(running))


@lru_cache(maxsize=1024)
def _summed(parts: tuple[Resources, ...]) -> Resources:
    return Resources(
        cpu_request=_some(part.cpu_request for part in parts),
        cpu_limit=_all(part.cpu_limit for part in parts),
        memory_request=_some(part.memory_request for part in parts),
        memory_limit=_all(part.memory_limit for part in parts),
    )


def _some(values: Iterable[Any]) -> Any:
    present = [value for value in values if value is not None]
    return sum(present) if present else None


def _all(values: Iterable[Any]) -> Any:
    found = list(values)
    return sum(found) if found and None not in found else None
