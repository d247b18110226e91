"""Raw API objects become the frozen records of ``snapshot.py``: only the fields in use, never an exception.

Ten thousand pods pass here while the screen is being drawn, so equal parts are shared and quantities
remembered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from posdeck.cluster.projected_containers import pod_resources, status_containers
from posdeck.cluster.projected_parts import annotation_map, conditions, labels_of, owner_of
from posdeck.cluster.projected_workloads import deployment, hpa, replica_set
from posdeck.cluster.snapshot import Event, Kind, Node, Pod, Service, ServicePort, Usage
from posdeck.kubetext.ages import created, parse_time
from posdeck.kubetext.events import event_text
from posdeck.kubetext.fields import at, integer, items, mapping, optional_integer, text
from posdeck.kubetext.nodes import node_text
from posdeck.kubetext.pods import pod_text
from posdeck.kubetext.quantities import cpu_cores, memory_bytes
from posdeck.kubetext.services import service_text

Raw = Mapping[str, Any]


def project(kind: Kind, raw: object) -> Any:
    """The record of one raw object, or None for something that has no name and so is no object."""
    found = mapping(raw)
    if not text(at(found, "metadata", "name")):
        return None
    return _PROJECTIONS[kind](found)


def _pod(raw: Raw) -> Pod:
    metadata, spec, status = (mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    words = pod_text(raw)
    return Pod(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        created=created(raw),
        ready=words.ready,
        status=words.status,
        restarts=words.restarts,
        last_restart=words.last_restart,
        phase=text(status.get("phase")),
        node=text(spec.get("nodeName")),
        ip=text(status.get("podIP")),
        owner=owner_of(metadata),
        labels=labels_of(metadata.get("labels")),
        annotations=annotation_map(metadata.get("annotations")),
        containers=status_containers(spec, status),
        conditions=conditions(status.get("conditions")),
        deleted_at=parse_time(metadata.get("deletionTimestamp")),
        grace_seconds=optional_integer(metadata.get("deletionGracePeriodSeconds")),
        reason=text(status.get("reason")),
        message=text(status.get("message")),
        qos=text(status.get("qosClass")),
        resources=pod_resources(spec),
    )


def _service(raw: Raw) -> Service:
    metadata, spec = mapping(raw.get("metadata")), mapping(raw.get("spec"))
    words = service_text(raw)
    return Service(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        created=created(raw),
        type=words.type,
        cluster_ip=words.cluster_ip,
        external=words.external_ip,
        ports=tuple(
            ServicePort(
                name=text(port.get("name")),
                port=integer(port.get("port")),
                target=_target(port.get("targetPort"), integer(port.get("port"))),
                protocol=text(port.get("protocol"), "TCP"),
                node_port=optional_integer(port.get("nodePort")) or None,
            )
            for port in items(spec.get("ports"))
        ),
        selector=labels_of(spec.get("selector")),
        labels=labels_of(metadata.get("labels")),
    )


def _target(value: object, port: int) -> str:
    return text(value) or str(optional_integer(value) or port)


def _event(raw: Raw) -> Event:
    metadata = mapping(raw.get("metadata"))
    about = mapping(raw.get("involvedObject")) or mapping(raw.get("regarding"))
    words = event_text(raw)
    return Event(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        type=words.type,
        reason=words.reason,
        message=words.message,
        about_kind=text(about.get("kind")),
        about_name=text(about.get("name")),
        about_uid=text(about.get("uid")),
        count=words.count,
        first_seen=words.first_seen,
        last_seen=words.last_seen,
        source=words.source,
    )


def _node(raw: Raw) -> Node:
    metadata, spec, status = (mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    words = node_text(raw)
    room = mapping(status.get("allocatable"))
    return Node(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        created=created(raw),
        status=words.status,
        roles=words.roles,
        version=words.version,
        unschedulable=spec.get("unschedulable") is True,
        cpu_allocatable=cpu_cores(room.get("cpu")),
        memory_allocatable=memory_bytes(room.get("memory")),
        pods_allocatable=memory_bytes(room.get("pods")),
        labels=labels_of(metadata.get("labels")),
        conditions=conditions(status.get("conditions")),
        taints=tuple(_taint(taint) for taint in items(spec.get("taints"))),
    )


def _taint(taint: Raw) -> str:
    value = text(taint.get("value"))
    return text(taint.get("key")) + (f"={value}" if value else "") + f":{text(taint.get('effect'))}"


def _pod_usage(raw: Raw) -> Usage | None:
    """A pod's reading is the sum of its containers'; a container without one leaves the pod without one."""
    parts: list[tuple[str, float, int]] = []
    for container in items(raw.get("containers")):
        usage = mapping(container.get("usage"))
        cpu, memory = cpu_cores(usage.get("cpu")), memory_bytes(usage.get("memory"))
        if cpu is None or memory is None:
            return None
        parts.append((text(container.get("name")), cpu, memory))
    if not parts:
        return None
    return _usage(raw, sum(p[1] for p in parts), sum(p[2] for p in parts), tuple(parts))


def _node_usage(raw: Raw) -> Usage | None:
    usage = mapping(raw.get("usage"))
    cpu, memory = cpu_cores(usage.get("cpu")), memory_bytes(usage.get("memory"))
    return None if cpu is None or memory is None else _usage(raw, cpu, memory, ())


def _usage(raw: Raw, cpu: float, memory: int, parts: tuple[tuple[str, float, int], ...]) -> Usage:
    return Usage(
        name=text(at(raw, "metadata", "name")),
        cpu=cpu,
        memory=memory,
        measured_at=parse_time(raw.get("timestamp")),
        window=duration_seconds(raw.get("window")),
        containers=parts,
    )


def duration_seconds(value: object) -> float | None:
    """Seconds of a Go duration ("1m10.5s"); None for anything else."""
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
    rest, total = text(value), 0.0
    if not rest:
        return None
    while rest:
        digits = len(rest) - len(rest.lstrip("0123456789."))
        unit_length = len(rest[digits:]) - len(rest[digits:].lstrip("hmsunµ"))
        unit = rest[digits : digits + unit_length]
        try:
            total += float(rest[:digits]) * units[unit]
        except (ValueError, KeyError):
            return None
        rest = rest[digits + unit_length :]
    return total


_PROJECTIONS: dict[Kind, Callable[[Raw], Any]] = {
    Kind.PODS: _pod,
    Kind.DEPLOYMENTS: deployment,
    Kind.REPLICA_SETS: replica_set,
    Kind.HPAS: hpa,
    Kind.SERVICES: _service,
    Kind.EVENTS: _event,
    Kind.NODES: _node,
    Kind.POD_METRICS: _pod_usage,
    Kind.NODE_METRICS: _node_usage,
}
