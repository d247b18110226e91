"""Rows of the server's Tables, cell by cell as kube-apiserver prints them, for every kind in ``COLUMNS``.

Cells of one object in the order of its columns, wide ones included; counts are whole numbers, the rest text.
The rules are those of the printers in Kubernetes v1.36 (``pkg/printers/internalversion``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from posdeck.kubetext.ages import age, parse_time, since
from posdeck.kubetext.columns import COLUMNS, GENERIC, Column
from posdeck.kubetext.deployments import deployment_text, desired_replicas
from posdeck.kubetext.events import event_text
from posdeck.kubetext.fields import at, integer, items, mapping, name_of, optional_integer, text
from posdeck.kubetext.hpas import hpa_text
from posdeck.kubetext.labels import NONE, containers_and_images, format_labels, format_selector
from posdeck.kubetext.nodes import node_text
from posdeck.kubetext.pods import pod_text, readiness_gates
from posdeck.kubetext.replicasets import replica_set_text
from posdeck.kubetext.services import endpoints_text, service_text, slice_endpoints, slice_ports

__all__ = ["COLUMNS", "Cell", "Column", "columns", "row"]

Cell = str | int
Object = Mapping[str, Any]

_JOB_STATES = (
    ("Suspended", "Suspended"),
    ("FailureTarget", "FailureTarget"),
    ("SuccessCriteriaMet", "SuccessCriteriaMet"),
)


def columns(kind: str) -> tuple[Column, ...]:
    """The columns of a kind (its plural name); name and creation time for kinds without a printer."""
    return COLUMNS.get(kind, GENERIC)


def row(kind: str, obj: Object, now: datetime) -> list[Cell]:
    """The cells of one object of ``kind`` (its plural name). Never raises on odd objects."""
    return _PRINTERS.get(kind, _generic)(obj, now)


def _pod(obj: Object, now: datetime) -> list[Cell]:
    found = pod_text(obj)
    addresses = items(at(obj, "status", "podIPs"))
    return [
        name_of(obj),
        found.ready,
        found.status,
        found.restarts_text(now),
        age(obj, now),
        (text(addresses[0].get("ip")) if addresses else "") or NONE,
        text(at(obj, "spec", "nodeName")) or NONE,
        text(at(obj, "status", "nominatedNodeName")) or NONE,
        readiness_gates(obj),
    ]


def _deployment(obj: Object, now: datetime) -> list[Cell]:
    found = deployment_text(obj)
    return [
        name_of(obj),
        found.ready,
        found.up_to_date,
        found.available,
        age(obj, now),
        found.containers,
        found.images,
        found.selector,
    ]


def _replica_set(obj: Object, now: datetime) -> list[Cell]:
    found = replica_set_text(obj)
    counts: list[Cell] = [found.desired, found.current, found.ready]
    return [name_of(obj), *counts, age(obj, now), found.containers, found.images, found.selector]


def _stateful_set(obj: Object, now: datetime) -> list[Cell]:
    ready = f"{integer(at(obj, 'status', 'readyReplicas'))}/{desired_replicas(obj)}"
    return [name_of(obj), ready, age(obj, now), *_template_cells(obj)]


def _daemon_set(obj: Object, now: datetime) -> list[Cell]:
    fields = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts: list[Cell] = [integer(at(obj, "status", field)) for field in fields]
    nodes = format_labels(at(obj, "spec", "template", "spec", "nodeSelector"))
    selector = format_selector(at(obj, "spec", "selector"))
    return [name_of(obj), *counts, nodes, age(obj, now), *_template_cells(obj), selector]


def _hpa(obj: Object, now: datetime) -> list[Cell]:
    found = hpa_text(obj)
    return [
        name_of(obj),
        found.reference,
        found.targets_kubectl,
        found.minimum,
        found.maximum,
        found.current or 0,
        age(obj, now),
    ]


def _service(obj: Object, now: datetime) -> list[Cell]:
    found = service_text(obj)
    addresses: list[Cell] = [found.type, found.cluster_ip, found.external_ip, found.ports]
    return [name_of(obj), *addresses, age(obj, now), found.selector]


def _endpoints(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), endpoints_text(obj), age(obj, now)]


def _endpoint_slice(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), text(obj.get("addressType")), slice_ports(obj), slice_endpoints(obj), age(obj, now)]


def _event(obj: Object, now: datetime) -> list[Cell]:
    found = event_text(obj)
    return [
        since(found.last_seen, now),
        found.type,
        found.reason,
        found.target,
        found.subobject,
        found.source,
        found.message,
        since(found.first_seen, now),
        found.count,
        name_of(obj),
    ]


def _node(obj: Object, now: datetime) -> list[Cell]:
    found = node_text(obj)
    return [
        name_of(obj),
        found.status,
        found.roles,
        age(obj, now),
        found.version,
        found.internal_ip,
        found.external_ip,
        found.os_image,
        found.kernel,
        found.runtime,
    ]


def _namespace(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), text(at(obj, "status", "phase")), age(obj, now)]


def _config_map(obj: Object, now: datetime) -> list[Cell]:
    keys = len(mapping(obj.get("data"))) + len(mapping(obj.get("binaryData")))
    return [name_of(obj), keys, age(obj, now)]


def _secret(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), text(obj.get("type")), len(mapping(obj.get("data"))), age(obj, now)]


def _service_account(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), age(obj, now)]


def _disruption_budget(obj: Object, now: datetime) -> list[Cell]:
    spec = mapping(obj.get("spec"))
    limits: list[Cell] = [
        _count_or_percent(spec.get("minAvailable")),
        _count_or_percent(spec.get("maxUnavailable")),
    ]
    return [name_of(obj), *limits, integer(at(obj, "status", "disruptionsAllowed")), age(obj, now)]


def _lease(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), text(at(obj, "spec", "holderIdentity")), age(obj, now)]


def _job(obj: Object, now: datetime) -> list[Cell]:
    selector = format_selector(at(obj, "spec", "selector"))
    progress: list[Cell] = [_job_status(obj), _completions(obj), _duration(obj, now)]
    return [name_of(obj), *progress, age(obj, now), *_template_cells(obj), selector]


def _cron_job(obj: Object, now: datetime) -> list[Cell]:
    spec, status = mapping(obj.get("spec")), mapping(obj.get("status"))
    suspended, job = spec.get("suspend"), mapping(spec.get("jobTemplate"))
    last = status.get("lastScheduleTime")
    return [
        name_of(obj),
        text(spec.get("schedule")),
        text(spec.get("timeZone"), NONE),
        str(suspended) if isinstance(suspended, bool) else "<unset>",
        len(items(status.get("active"))),
        NONE if last is None else since(parse_time(last), now),
        age(obj, now),
        *_template_cells(job),
        format_selector(at(job, "spec", "selector")),
    ]


def _generic(obj: Object, now: datetime) -> list[Cell]:
    return [name_of(obj), text(at(obj, "metadata", "creationTimestamp"))]


def _template_cells(obj: Object) -> tuple[str, str]:
    return containers_and_images(items(at(obj, "spec", "template", "spec", "containers")))


def _count_or_percent(value: object) -> str:
    count = optional_integer(value)
    return text(value, "N/A") if count is None else str(count)


def _job_status(obj: Object) -> str:
    states = [(c.get("type"), c.get("status") == "True") for c in items(at(obj, "status", "conditions"))]
    # The first condition of a type decides.
    true = {kind for kind in {k for k, _ in states} if next(value for k, value in states if k == kind)}
    if "Complete" in true:
        return "Complete"
    if "Failed" in true:
        return "Failed"
    if text(at(obj, "metadata", "deletionTimestamp")):
        return "Terminating"
    return next((word for kind, word in _JOB_STATES if kind in true), "Running")


def _completions(obj: Object) -> str:
    succeeded = integer(at(obj, "status", "succeeded"))
    wanted = optional_integer(at(obj, "spec", "completions"))
    if wanted is not None:
        return f"{succeeded}/{wanted}"
    parallel = integer(at(obj, "spec", "parallelism"))
    return f"{succeeded}/1 of {parallel}" if parallel > 1 else f"{succeeded}/1"


def _duration(obj: Object, now: datetime) -> str:
    started = parse_time(at(obj, "status", "startTime"))
    if started is None:
        return ""
    return since(started, parse_time(at(obj, "status", "completionTime")) or now)


_PRINTERS: Mapping[str, Callable[[Object, datetime], list[Cell]]] = {
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "statefulsets": _stateful_set,
    "daemonsets": _daemon_set,
    "horizontalpodautoscalers": _hpa,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices": _endpoint_slice,
    "events": _event,
    "nodes": _node,
    "namespaces": _namespace,
    "configmaps": _config_map,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "poddisruptionbudgets": _disruption_budget,
    "leases": _lease,
    "jobs": _job,
    "cronjobs": _cron_job,
}
