"""TARGETS of a HorizontalPodAutoscaler (autoscaling/v2): every metric, named, with its own reading.

kubectl pairs the n-th metric with the n-th reading. A reading belongs to the metric of the same identity
(type, name, container, object, selector): after an edit of the HPA the controller's list is still in the old
order, and kubectl then shows one metric's reading under another's name. ``targets`` is paired by identity;
``targets_kubectl`` is the server's cell, slip included, for comparing with a colleague's screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posdeck.kubetext.fields import at, integer, items, mapping, optional_integer, text
from posdeck.kubetext.labels import NONE, format_selector
from posdeck.kubetext.quantities import canonical, number

UNKNOWN = "<unknown>"
_SECTION = {
    "Resource": "resource",
    "ContainerResource": "containerResource",
    "Pods": "pods",
    "Object": "object",
    "External": "external",
}
_KUBECTL_SHOWS = 2

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MetricText:
    """One metric with its reading. Numbers are percent, cores, bytes or plain; None without a reading."""

    type: str
    name: str
    target: str
    current: str
    target_kind: str  # Utilization, AverageValue, Value
    target_number: float | None = None
    current_number: float | None = None
    container: str = ""
    described: str = ""

    @property
    def text(self) -> str:
        """kubectl's piece of the TARGETS cell, with the metric's name also where kubectl leaves it out."""
        label = f"{self.name}[{self.container}]" if self.container else self.name
        average = (
            " (avg)" if self.type in ("Object", "External") and self.target_kind == "AverageValue" else ""
        )
        return (
            f"{label}: {self.current}/{self.target}{average}"
            if label
            else f"{self.current}/{self.target}{average}"
        )


@dataclass(frozen=True, slots=True)
class HpaText:
    """The cells of an HPA, apart from its age. ``current`` is None while the controller has not said."""

    reference: str
    targets: str
    targets_kubectl: str
    minimum: str
    maximum: int
    current: int | None
    metrics: tuple[MetricText, ...] = ()


def hpa_text(hpa: Object) -> HpaText:
    """All cells of an HPA (``printHorizontalPodAutoscaler``). Never raises on odd objects."""
    spec, status = mapping(hpa.get("spec")), mapping(hpa.get("status"))
    metrics = metric_texts(hpa)
    minimum = optional_integer(spec.get("minReplicas"))
    kind, name = text(at(spec, "scaleTargetRef", "kind")), text(at(spec, "scaleTargetRef", "name"))
    return HpaText(
        reference=f"{kind}/{name}",
        targets=", ".join(metric.text for metric in metrics) or NONE,
        targets_kubectl=_targets_kubectl(hpa),
        minimum="<unset>" if minimum is None else str(minimum),
        maximum=integer(spec.get("maxReplicas")),
        current=optional_integer(status.get("currentReplicas")),
        metrics=metrics,
    )


def metric_texts(hpa: Object) -> tuple[MetricText, ...]:
    """Each metric of the spec with the reading of the same identity; a reading is used once."""
    readings = [_Source.of(item) for item in items(at(hpa, "status", "currentMetrics"))]
    found = []
    for item in items(at(hpa, "spec", "metrics")):
        source = _Source.of(item)
        position = next((i for i, r in enumerate(readings) if r.identity == source.identity), None)
        reading = None if position is None else readings.pop(position)
        found.append(_metric_text(source, reading))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Source:
    """A metric of the spec or a reading of the status: same shape but for ``target`` and ``current``."""

    type: str
    name: str
    container: str
    described: str
    identity: tuple[object, ...]
    values: Object  # target or current

    @staticmethod
    def of(item: Object) -> _Source:
        kind = text(item.get("type"))
        body = mapping(item.get(_SECTION.get(kind, "")))
        by_name = kind in ("Resource", "ContainerResource")
        name = text(body.get("name")) if by_name else text(at(body, "metric", "name"))
        container = text(body.get("container")) if kind == "ContainerResource" else ""
        selector = mapping(at(body, "metric", "selector"))
        about = mapping(body.get("describedObject")) if kind == "Object" else {}
        about_text = f"{text(about.get('kind'))}/{text(about.get('name'))}" if about else ""
        selector_text = format_selector(selector) if selector else ""
        identity = (kind, name, container, about_text, text(about.get("apiVersion")), selector_text)
        values = mapping(body.get("target")) or mapping(body.get("current"))
        return _Source(kind, name, container, about_text or selector_text, identity, values)


def _metric_text(source: _Source, reading: _Source | None) -> MetricText:
    kind, field = _target_kind(source)
    current = reading.values.get(field) if reading else None
    wanted = source.values.get(field)
    if kind == "Utilization":
        target_number, current_number = optional_integer(wanted), optional_integer(current)
        return MetricText(
            type=source.type,
            name=source.name,
            target="<auto>" if target_number is None else f"{target_number}%",
            current=UNKNOWN if current_number is None else f"{current_number}%",
            target_kind=kind,
            target_number=target_number,
            current_number=current_number,
            container=source.container,
            described=source.described,
        )
    return MetricText(
        type=source.type,
        name=source.name or ("<unknown type>" if source.type not in _SECTION else ""),
        target=canonical(wanted) or UNKNOWN,
        current=canonical(current) or UNKNOWN,
        target_kind=kind,
        target_number=number(wanted),
        current_number=number(current),
        container=source.container,
        described=source.described,
    )


def _target_kind(source: _Source) -> tuple[str, str]:
    """The kind of a target and its field, by what is set: ``target.type`` is a claim that kubectl ignores."""
    if source.values.get("averageValue") is not None or source.type == "Pods":
        return "AverageValue", "averageValue"
    if source.type in ("Resource", "ContainerResource"):
        return "Utilization", "averageUtilization"
    return "Value", "value"


def _targets_kubectl(hpa: Object) -> str:
    specs, readings = items(at(hpa, "spec", "metrics")), items(at(hpa, "status", "currentMetrics"))
    if not specs:
        return NONE
    pieces = [_piece(spec, readings[i] if i < len(readings) else {}) for i, spec in enumerate(specs)]
    shown = ", ".join(pieces[:_KUBECTL_SHOWS])
    return f"{shown} + {len(pieces) - _KUBECTL_SHOWS} more..." if len(pieces) > _KUBECTL_SHOWS else shown


def _piece(spec: Object, reading: Object) -> str:
    """One metric as kubectl prints it: with the reading at the same position, if it has the same section."""
    source = _Source.of(spec)
    if source.type not in _SECTION:
        return "<unknown type>"
    section = reading.get(_SECTION[source.type])
    kind, field = _target_kind(source)
    current = mapping(mapping(section).get("current")).get(field)
    if kind == "Utilization":
        percent, target = optional_integer(current), optional_integer(source.values.get(field))
        shown = UNKNOWN if percent is None else f"{percent}%"
        return f"{source.name}: {shown}/{'<auto>' if target is None else f'{target}%'}"
    target_text = canonical(source.values.get(field)) or "<nil>"
    optional = source.type in ("Object", "External") and kind == "AverageValue"
    missing = UNKNOWN if optional or not isinstance(section, Mapping) else "<nil>"
    shown = canonical(current) or missing
    if source.type in ("Resource", "ContainerResource"):
        return f"{source.name}: {shown}/{target_text}"
    return f"{shown}/{target_text} (avg)" if optional else f"{shown}/{target_text}"
