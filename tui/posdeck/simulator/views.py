"""How stored objects look from outside: lists, Tables, metadata only, and events in their second API group."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from posdeck.kubetext import tables
from posdeck.simulator.request import Wanted
from posdeck.simulator.resources import EVENTS, EVENTS_V1, NODE_METRICS, POD_METRICS, Resource

Json = dict[str, Any]

_EVENT_FIELDS = (
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
)


def outward(resource: Resource, obj: Json) -> Json:
    """A stored object in the version that was asked for."""
    if resource is not EVENTS_V1:
        return obj
    shown = {**obj, "apiVersion": EVENTS_V1.api_version}
    for core, other in _EVENT_FIELDS:
        if core in shown:
            shown[other] = shown.pop(core)
    return shown


def inward(resource: Resource, body: Json) -> Json:
    """An object as it was sent, in the version that is stored."""
    if resource is not EVENTS_V1 or not isinstance(body, dict):
        return body
    stored = {**body, "apiVersion": EVENTS.api_version}
    for core, other in _EVENT_FIELDS:
        if other in stored:
            stored[core] = stored.pop(other)
    return stored


def storage(resource: Resource) -> Resource:
    """The resource under which the objects are stored."""
    return EVENTS if resource is EVENTS_V1 else resource


def _metadata_only(obj: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}


def table(resource: Resource, objects: Iterable[Json], meta: Json, now: datetime, include: str) -> Json:
    """A ``meta.k8s.io/v1`` Table; ``include`` is the includeObject option (None, Metadata, Object)."""
    metrics = resource in (POD_METRICS, NODE_METRICS)
    kind = "" if metrics else resource.plural
    rows = []
    for obj in objects:
        row: Json = {"cells": tables.row(kind, obj, now)}
        if include == "Object":
            row["object"] = outward(resource, obj)
        elif include != "None":
            row["object"] = _metadata_only(obj)
        rows.append(row)
    headers = [
        {
            "name": c.name,
            "type": c.type,
            "format": c.format,
            "description": c.description,
            "priority": c.priority,
        }
        for c in tables.columns(kind)
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": headers,
        "rows": rows,
    }


def one(resource: Resource, obj: Json, wanted: Wanted, now: datetime) -> Json:
    """A single object in the form that was asked for."""
    if wanted.table:
        meta = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        return table(resource, [obj], meta, now, wanted.include)
    if wanted.partial:
        return _metadata_only(obj)
    return outward(resource, obj)


def many(
    resource: Resource,
    objects: list[Json],
    meta: Json,
    wanted: Wanted,
    now: datetime,
) -> Json:
    """A list in the form that was asked for; items of a typed list carry no kind."""
    if wanted.table:
        return table(resource, objects, meta, now, wanted.include)
    if wanted.partial:
        items = [_metadata_only(obj) for obj in objects]
        return {
            "kind": "PartialObjectMetadataList",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": meta,
            "items": items,
        }
    shown = [
        {k: v for k, v in outward(resource, obj).items() if k not in ("kind", "apiVersion")}
        for obj in objects
    ]
    return {
        "kind": f"{resource.kind}List",
        "apiVersion": resource.api_version,
        "metadata": meta,
        "items": shown,
    }
