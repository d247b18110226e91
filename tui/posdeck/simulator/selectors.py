"""Label and field selectors, in the text form of query parameters and in the form objects carry."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from posdeck.simulator.status import bad_request

Json = dict[str, Any]
Labels = Mapping[str, str]
Test = Callable[[Json], bool]

_SET = re.compile(r"^(\S+)\s+(in|notin)\s*\(([^)]*)\)$")
_EQUAL = re.compile(r"^([^\s=!,()]+)\s*(==|=|!=)\s*([^\s=!,()]*)$")
_KEY = re.compile(r"^(!?)\s*([A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?)$")

FIELDS: Mapping[str, frozenset[str]] = {
    "pods": frozenset({"spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
                       "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName"}),
    "events": frozenset({"involvedObject.kind", "involvedObject.namespace", "involvedObject.name",
                         "involvedObject.uid", "involvedObject.apiVersion", "involvedObject.resourceVersion",
                         "involvedObject.fieldPath", "reason", "reportingComponent", "source", "type",
                         "regarding.kind", "regarding.name", "regarding.namespace", "regarding.uid"}),
    "nodes": frozenset({"spec.unschedulable"}),
    "namespaces": frozenset({"status.phase"}),
    "secrets": frozenset({"type"}),
    "replicasets.apps": frozenset({"status.replicas"}),
    "jobs.batch": frozenset({"status.successful"}),
    "services": frozenset({"spec.clusterIP", "spec.type"}),
}  # fmt: skip


def _split(text: str) -> list[str]:
    """Cut at commas that are not inside brackets."""
    parts, depth, current = [], 0, ""
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(current.strip())
            current = ""
        else:
            current += char
    parts.append(current.strip())
    return [part for part in parts if part]


def _label_requirement(text: str) -> Callable[[Labels], bool]:
    if match := _SET.match(text):
        key, operator, values = match[1], match[2], {v.strip() for v in match[3].split(",")}
        if operator == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match := _EQUAL.match(text):
        key, operator, value = match[1], match[2], match[3]
        if operator == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if match := _KEY.match(text):
        negated, key = bool(match[1]), match[2]
        return lambda labels: (key in labels) != negated
    raise bad_request(f'unable to parse requirement: found "{text}"')


def label_test(text: str) -> Callable[[Labels], bool]:
    """A predicate on labels for a selector such as ``app=x,tier in (a,b),!legacy``. Raises 400."""
    requirements = [_label_requirement(part) for part in _split(text)]
    return lambda labels: all(requirement(labels) for requirement in requirements)


def _field(obj: Json, path: str) -> str:
    value: Any = obj
    if path == "source":
        value = (obj.get("source") or {}).get("component") or obj.get("reportingComponent", "")
        return str(value)
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def field_test(text: str, kind: str) -> Test:
    """A predicate on objects for a field selector. Raises 400 for a field that ``kind`` does not offer."""
    tests: list[Test] = []
    for part in _split(text):
        match = re.match(r"^([\w.\-\[\]]+?)(==|=|!=)(.*)$", part)
        if not match:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, wanted = match[1], match[2], match[3].replace("\\,", ",").replace("\\=", "=")
        if path not in ("metadata.name", "metadata.namespace") and path not in FIELDS.get(kind, ()):
            raise bad_request(f'Unable to find "{kind}" that match field selector "{text}": '
                              f'field label not supported: {path}')  # fmt: skip
        stored = path.replace("regarding.", "involvedObject.")
        equal = operator != "!="
        tests.append(lambda obj, p=stored, w=wanted, e=equal: (_field(obj, p) == w) == e)  # type: ignore[misc]
    return lambda obj: all(test(obj) for test in tests)


def both(labels: str, fields: str, kind: str) -> Test | None:
    """One predicate for both query parameters; None when neither is given."""
    by_label = label_test(labels) if labels else None
    by_field = field_test(fields, kind) if fields else None
    if by_label is None:
        return by_field
    if by_field is None:
        return lambda obj: by_label(obj["metadata"].get("labels") or {})
    return lambda obj: by_label(obj["metadata"].get("labels") or {}) and by_field(obj)


def _expression(expression: Json, labels: Labels) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or []
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return bool((key in labels) == (operator == "Exists"))


def matches(selector: Json | None, labels: Labels | None) -> bool:
    """Whether a LabelSelector object (matchLabels, matchExpressions) selects these labels; None selects nothing."""
    if selector is None:
        return False
    have = labels or {}
    return all(have.get(k) == v for k, v in (selector.get("matchLabels") or {}).items()) and all(
        _expression(e, have) for e in selector.get("matchExpressions") or ()
    )


def as_text(selector: Json) -> str:
    """A LabelSelector as a query parameter, as the scale subresource reports it."""
    parts = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for e in selector.get("matchExpressions") or ():
        values = ",".join(sorted(e.get("values") or ()))
        match e["operator"]:
            case "In":
                parts.append(f"{e['key']} in ({values})")
            case "NotIn":
                parts.append(f"{e['key']} notin ({values})")
            case "Exists":
                parts.append(e["key"])
            case _:
                parts.append("!" + e["key"])
    return ",".join(parts)
