"""What the API server refuses with 422: the checks that a client of ours can run into."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from posdeck.simulator.resources import Resource
from posdeck.simulator.selectors import matches
from posdeck.simulator.status import Json, bad_request, invalid

Cause = tuple[str, str, str]  # field, reason, message

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENT = frozenset({"roles", "rolebindings"})
_DNS_LABEL_KINDS = frozenset({"namespaces", "services"})
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def _required(path: str, text: str = "Required value") -> Cause:
    return path, "FieldValueRequired", text


def _wrong(path: str, value: object, why: str) -> Cause:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return path, "FieldValueInvalid", f"Invalid value: {shown}: {why}"


def _name(resource: Resource, obj: Json) -> list[Cause]:
    name = obj["metadata"].get("name")
    if not name:
        return [_required("metadata.name", "Required value: name or generateName is required")]
    if resource.plural in _PATH_SEGMENT:
        return []
    pattern, limit = (_LABEL, 63) if resource.plural in _DNS_LABEL_KINDS else (_SUBDOMAIN, 253)
    if not pattern.fullmatch(name) or len(name) > limit:
        return [_wrong("metadata.name", name, _SUBDOMAIN_TEXT)]
    return []


def _containers(spec: Json, at: str) -> list[Cause]:
    containers = spec.get("containers")
    if not containers:
        return [_required(f"{at}.containers")]
    causes: list[Cause] = []
    seen: set[str] = set()
    for index, container in enumerate([*containers, *(spec.get("initContainers") or ())]):
        where = f"{at}.containers[{index}]"
        name = container.get("name")
        if not name:
            causes.append(_required(f"{where}.name"))
        elif name in seen:
            causes.append((f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"'))
        else:
            seen.add(name)
        if not container.get("image") or not str(container["image"]).strip():
            causes.append(_required(f"{where}.image"))
    return causes


def _not_negative(spec: Json, field: str, at: str = "spec") -> list[Cause]:
    value = spec.get(field)
    if isinstance(value, int) and value < 0:
        return [_wrong(f"{at}.{field}", value, "must be greater than or equal to 0")]
    return []


def _workload(obj: Json) -> list[Cause]:
    spec = obj["spec"]
    causes = _not_negative(spec, "replicas") + _not_negative(spec, "minReadySeconds")
    selector, template = spec.get("selector"), spec.get("template")
    if not selector:
        causes.append(_required("spec.selector"))
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict):
        return [*causes, _required("spec.template.spec.containers")]
    labels = (template.get("metadata") or {}).get("labels")
    if selector and not matches(selector, labels):
        causes.append(
            _wrong(
                "spec.template.metadata.labels", str(labels), "`selector` does not match template `labels`"
            )
        )
    return causes + _containers(template["spec"], "spec.template.spec")


def _deployment(obj: Json) -> list[Cause]:
    spec = obj["spec"]
    causes = _workload(obj)
    rolling = (spec.get("strategy") or {}).get("rollingUpdate") or {}
    if all(rolling.get(name) in (0, "0", "0%") for name in ("maxSurge", "maxUnavailable")):
        causes.append(
            _wrong("spec.strategy.rollingUpdate.maxUnavailable", 0, "may not be 0 when `maxSurge` is 0")
        )
    deadline, ready = spec.get("progressDeadlineSeconds"), spec.get("minReadySeconds") or 0
    if deadline is not None and deadline <= ready:
        causes.append(
            _wrong("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
        )
    return causes


def _pod(obj: Json) -> list[Cause]:
    return _containers(obj["spec"], "spec")


def _service(obj: Json) -> list[Cause]:
    spec = obj["spec"]
    ports = spec.get("ports") or []
    if not ports and spec.get("type") != "ExternalName" and spec.get("clusterIP") != "None":
        return [_required("spec.ports")]
    return [
        _wrong(f"spec.ports[{i}].port", p.get("port"), "must be between 1 and 65535, inclusive")
        for i, p in enumerate(ports)
        if not isinstance(p.get("port"), int) or not 0 < p["port"] < 65536
    ]


def _hpa(obj: Json) -> list[Cause]:
    spec = obj["spec"]
    causes: list[Cause] = []
    lowest, highest = spec.get("minReplicas", 1), spec.get("maxReplicas")
    if not isinstance(highest, int) or highest < 1:
        causes.append(_wrong("spec.maxReplicas", highest, "must be greater than 0"))
    elif highest < lowest:
        causes.append(_wrong("spec.maxReplicas", highest, "must be greater than or equal to `minReplicas`"))
    if lowest < 1:
        causes.append(_wrong("spec.minReplicas", lowest, "must be greater than or equal to 1"))
    if not (spec.get("scaleTargetRef") or {}).get("name"):
        causes.append(_required("spec.scaleTargetRef.name"))
    return causes


_CHECKS: dict[str, Callable[[Json], list[Cause]]] = {
    "pods": _pod,
    "deployments.apps": _deployment,
    "replicasets.apps": _workload,
    "services": _service,
    "horizontalpodautoscalers.autoscaling": _hpa,
}


def _raise(resource: Resource, obj: Json, causes: list[Cause]) -> None:
    if causes:
        raise invalid(resource.kind, resource.group, obj["metadata"].get("name", ""), causes)


def shape(resource: Resource, obj: Any) -> None:
    """Refuse with 400 what is no object of this kind at all."""
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata", {}), dict):
        raise bad_request("the object provided is unrecognized (must be of type " + resource.kind + ")")
    kind, version = obj.get("kind", resource.kind), obj.get("apiVersion", resource.api_version)
    if (kind, version) != (resource.kind, resource.api_version):
        raise bad_request(
            f"{kind} in version {version!r} cannot be handled as a {resource.kind} in version "
            f"{resource.api_version!r}"
        )
    for field in ("spec", "status"):
        if not isinstance(obj.get(field, {}), dict):
            raise bad_request(
                f'{resource.kind} in version "{resource.version}" cannot be handled as a '
                f"{resource.kind}: {field} is not an object"
            )
    replicas = obj.get("spec", {}).get("replicas")
    if resource.scale and (isinstance(replicas, bool) or not isinstance(replicas, int | None)):
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            "json: cannot unmarshal into Go struct field .spec.replicas of type int32"
        )


def on_create(resource: Resource, obj: Json) -> None:
    """Refuse a new object with 422."""
    causes = _name(resource, obj)
    if resource.key in _CHECKS:
        obj.setdefault("spec", {})
        causes += _CHECKS[resource.key](obj)
    _raise(resource, obj, causes)


def on_update(resource: Resource, old: Json, new: Json) -> None:
    """Refuse a changed object with 422: what is wrong in itself, and what may not change."""
    causes: list[Cause] = []
    for field in ("name", "namespace", "uid"):
        before, after = old["metadata"].get(field), new["metadata"].get(field)
        if after != before:
            causes.append(_wrong(f"metadata.{field}", after or "", "field is immutable"))
    if resource.key in _CHECKS:
        causes += _CHECKS[resource.key](new)
    if resource.key in ("deployments.apps", "replicasets.apps", "statefulsets.apps"):
        before, after = old["spec"].get("selector"), new["spec"].get("selector")
        if before != after:
            causes.append(_wrong("spec.selector", str(after), "field is immutable"))
    if resource.key == "pods":
        causes += _pod_changes(old["spec"], new["spec"])
    if (
        resource.key in ("secrets", "configmaps")
        and old.get("immutable")
        and old.get("data") != new.get("data")
    ):
        causes.append(
            ("data", "FieldValueForbidden", "Forbidden: field is immutable when `immutable` is set")
        )
    _raise(resource, new, causes)


_POD_MUTABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
_POD_TEXT = (
    "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _pod_changes(old: Json, new: Json) -> list[Cause]:
    def fixed(spec: Json) -> Json:
        kept = {k: v for k, v in spec.items() if k not in _POD_MUTABLE}
        for name in ("containers", "initContainers"):
            if name in kept:
                kept[name] = [{k: v for k, v in c.items() if k != "image"} for c in kept[name]]
        if not old.get("nodeName"):
            kept.pop("nodeName", None)
        return kept

    return [] if fixed(old) == fixed(new) else [("spec", "FieldValueForbidden", _POD_TEXT)]
