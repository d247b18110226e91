"""Label maps and selectors as kubectl writes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from posdeck.kubetext.fields import items, label_map, mapping, text, texts

NONE = "<none>"


def format_labels(labels: object) -> str:
    """``a=1,b=2`` sorted by key; "<none>" when there are none."""
    return ",".join(f"{k}={v}" for k, v in sorted(label_map(labels).items())) or NONE


def selector_text(selector: object) -> str | None:
    """A label selector (matchLabels and matchExpressions), sorted by key; None when it is invalid."""
    found = mapping(selector)
    parts = [(key, f"{key}={value}") for key, value in label_map(found.get("matchLabels")).items()]
    for expression in items(found.get("matchExpressions")):
        written = _expression(expression)
        if written is None:
            return None
        parts.append((text(expression.get("key")), written))
    return ",".join(written for _, written in sorted(parts, key=lambda part: part[0]))


def format_selector(selector: object) -> str:
    """As ``selector_text``; "<none>" when it is empty, "<error>" when it is invalid."""
    written = selector_text(selector)
    return "<error>" if written is None else written or NONE


def selects(selector: object, labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects these labels; an empty one selects everything, none and an invalid one nothing
    (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/)."""
    if not isinstance(selector, Mapping) or selector_text(selector) is None:
        return False
    wanted = label_map(selector.get("matchLabels"))
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_holds(expression, labels) for expression in items(selector.get("matchExpressions")))


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = text(expression.get("key")), texts(expression.get("values"))
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
    return key not in labels


def containers_and_images(containers: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The CONTAINERS and IMAGES cells."""
    names = ",".join(text(c.get("name")) for c in containers)
    return names, ",".join(text(c.get("image")) for c in containers)


def _expression(expression: Mapping[str, Any]) -> str | None:
    key, operator = text(expression.get("key")), text(expression.get("operator"))
    values = texts(expression.get("values"))
    if operator in ("In", "NotIn"):
        return f"{key} {operator.lower()} ({','.join(sorted(values))})" if values else None
    if operator in ("Exists", "DoesNotExist"):
        return None if values else (key if operator == "Exists" else f"!{key}")
    return None
