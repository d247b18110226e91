"""When an event was seen first and last, how often, by whom and about what: one answer for the core form, the
series form of newer reporters, and events.k8s.io.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posdeck.kubetext.ages import parse_time
from posdeck.kubetext.fields import at, integer, mapping, text

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventText:
    """kubectl's cells of an event; times rather than ages, so that a list can be sorted by them."""

    last_seen: datetime | None
    first_seen: datetime | None
    type: str
    reason: str
    target: str  # "pod/consumer-order-…"
    subobject: str
    source: str
    message: str
    count: int


def event_text(event: Object) -> EventText:
    """All cells of an event (``printEvent``). Never raises on odd objects."""
    about = mapping(event.get("involvedObject")) or mapping(event.get("regarding"))
    kind, name = text(about.get("kind")).lower(), text(about.get("name"))
    first = _time(event, "firstTimestamp", "deprecatedFirstTimestamp") or parse_time(event.get("eventTime"))
    last = _time(event, "lastTimestamp", "deprecatedLastTimestamp") or first
    count = integer(event.get("count")) or integer(event.get("deprecatedCount")) or 1
    series = event.get("series")
    if isinstance(series, Mapping):
        last = parse_time(series.get("lastObservedTime"))
        count = integer(series.get("count"))
    return EventText(
        last_seen=last,
        first_seen=first,
        type=text(event.get("type")),
        reason=text(event.get("reason")),
        target=f"{kind}/{name}" if name else kind,
        subobject=text(about.get("fieldPath")),
        source=_source(event),
        message=(text(event.get("message")) or text(event.get("note"))).strip(),
        count=count,
    )


def _time(event: Object, field: str, deprecated: str) -> datetime | None:
    return parse_time(event.get(field)) or parse_time(event.get(deprecated))


def _source(event: Object) -> str:
    source = mapping(event.get("source")) or mapping(event.get("deprecatedSource"))
    component = text(source.get("component")) or _either(event, "reportingComponent", "reportingController")
    instance = text(at(source, "host")) or text(event.get("reportingInstance"))
    return f"{component}, {instance}" if instance else component


def _either(event: Object, first: str, second: str) -> str:
    return text(event.get(first)) or text(event.get(second))
