"""OpenAPI, as much as kubectl looks at: that a kind exists, and which query parameters a PATCH of it takes."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from posdeck.simulator.resources import RESOURCES, Resource, group_versions
from posdeck.simulator.status import no_such_path

Json = dict[str, Any]

_PATCH_QUERY = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")


def _document_path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def _schema_name(resource: Resource) -> str:
    group = resource.group.partition(".")[0] or "core"
    return f"io.k8s.api.{group}.{resource.version}.{resource.kind}"


def _gvk(resource: Resource) -> Json:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _schema(resource: Resource) -> Json:
    loose = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "type": "object",
        "description": f"{resource.kind} as the embedded cluster serves it; its fields are not described here.",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": loose,
            "spec": loose,
            "status": loose,
        },
        "x-kubernetes-group-version-kind": [_gvk(resource)],
        "x-kubernetes-preserve-unknown-fields": True,
    }


def _path(resource: Resource) -> str:
    middle = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"{resource.prefix}{middle}/{resource.plural}/{{name}}"


def _operations(resource: Resource) -> Json:
    reference = {"$ref": f"#/components/schemas/{_schema_name(resource)}"}
    answer = {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}}
    found: Json = {}
    for verb, method in (("get", "get"), ("patch", "patch"), ("update", "put"), ("delete", "delete")):
        if verb not in resource.verbs:
            continue
        operation: Json = {
            "x-kubernetes-group-version-kind": _gvk(resource),
            "responses": answer,
            "x-kubernetes-action": method,
        }
        if verb in ("patch", "update"):
            operation["parameters"] = [
                {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
                for name in _PATCH_QUERY
            ]
        found[method] = operation
    return found


@cache
def digest() -> str:
    """A name for this state of the documents; clients cache by it."""
    return hashlib.sha256(repr(RESOURCES).encode()).hexdigest().upper()[:32]


def index() -> Json:
    """``/openapi/v3``."""
    paths = [_document_path(g, v) for g, v in group_versions()]
    return {"paths": {p: {"serverRelativeURL": f"/openapi/v3/{p}?hash={digest()}"} for p in paths}}


@cache
def document(path: str) -> Json:
    """``/openapi/v3/PATH``. Raises 404."""
    found = [r for r in RESOURCES if _document_path(r.group, r.version) == path]
    if not found:
        raise no_such_path()
    return {
        "openapi": "3.0.0",
        "info": {"title": "posdeck embedded cluster", "version": "v1.36.3"},
        "paths": {_path(r): _operations(r) for r in found if r.verbs},
        "components": {"schemas": {_schema_name(r): _schema(r) for r in found}},
    }


@cache
def swagger() -> Json:
    """``/openapi/v2``, in JSON."""
    definitions, paths = {}, {}
    for resource in RESOURCES:
        definitions[_schema_name(resource)] = _schema(resource)
        operations = _operations(resource)
        for operation in operations.values():
            operation["responses"] = {"200": {"description": "OK"}}
            for parameter in operation.get("parameters") or ():
                parameter.pop("schema")
                parameter["type"] = "string"
        paths[_path(resource)] = operations
    return {
        "swagger": "2.0",
        "info": {"title": "posdeck embedded cluster", "version": "v1.36.3"},
        "paths": paths,
        "definitions": definitions,
    }
