"""What a request asks for: the path taken apart as the API server does it, options, bodies, media types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from posdeck.simulator import protobuf
from posdeck.simulator.registry import DeleteOptions, Write
from posdeck.simulator.resources import BY_PATH, NAMESPACES, Resource
from posdeck.simulator.status import StatusError, bad_request, no_such_path, unsupported_media

Json = dict[str, Any]

PATCH_KINDS: Mapping[str, str] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}
_BODIES = "application/json, application/yaml"


@dataclass(frozen=True, slots=True)
class Target:
    """The resource a path names. ``tail`` is what follows the subresource (a proxy's path)."""

    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    tail: str = ""

    @property
    def plural(self) -> str:
        """As RBAC writes it: "pods", "pods/log"."""
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


def parse_path(path: str) -> Target:
    """The target of a resource path. Raises 404 where no resource is served."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["api"]:
        group, rest = "", parts[1:]
    elif parts[:1] == ["apis"] and len(parts) > 1:
        group, rest = parts[1], parts[2:]
    else:
        raise no_such_path()
    if len(rest) < 2:
        raise no_such_path()
    version, rest = rest[0], rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and (rest[2] not in ("status", "finalize") or len(rest) > 3):
        namespace, rest = rest[1], rest[2:]
    resource = BY_PATH.get((group, version, rest[0]))
    if resource is None or (namespace and not resource.namespaced):
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    if resource is NAMESPACES and name:
        namespace = ""
    return Target(resource, namespace, name, subresource, "/" + "/".join(rest[3:]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the answer is to look: ``table`` or ``partial`` (metadata only) instead of the objects themselves."""

    table: bool = False
    partial: bool = False
    include: str = "Metadata"  # what a Table's rows carry: None, Metadata, Object
    aggregated: str = ""  # the version of aggregated discovery, "v2" or "v2beta1"


def negotiate(request: web.Request) -> Wanted:
    """The first form in the Accept header that we serve. Raises 406 when there is none."""
    accept = request.headers.get("Accept", "")
    for piece in (accept or "*/*").split(","):
        media, *parameters = [part.strip() for part in piece.split(";")]
        options = dict(p.split("=", 1) for p in parameters if "=" in p)
        if media not in ("application/json", "*/*", "application/*", "text/plain", "text/html"):
            continue
        form = options.get("as", "")
        if form == "Table" and options.get("v") in ("v1", "v1beta1"):
            return Wanted(table=True, include=request.query.get("includeObject", "Metadata"))
        if form.startswith("PartialObjectMetadata"):
            return Wanted(partial=True)
        if form == "APIGroupDiscoveryList":
            return Wanted(aggregated=options.get("v", "v2"))
        if not form:
            return Wanted()
    raise StatusError(406, "NotAcceptable", "only the following media types are accepted: application/json")


def flag(query: Mapping[str, str], name: str) -> bool:
    """A boolean query parameter; present and empty counts as true."""
    return name in query and query[name] not in ("false", "0", "False")


def number(query: Mapping[str, str], name: str) -> int | None:
    """A whole number from the query. Raises 400."""
    text = query.get(name, "")
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise bad_request(f"invalid value for {name}: {text!r}") from None


def is_dry_run(query: Mapping[str, str], body: Json | None = None) -> bool:
    """Whether ``dryRun=All`` is asked for. Raises 400 for any other value."""
    values = [query["dryRun"]] if query.get("dryRun") else list((body or {}).get("dryRun") or ())
    if any(value != "All" for value in values):
        raise StatusError(422, "Invalid", f'dryRun: Unsupported value: {values}: supported values: "All"')
    return bool(values)


def write_options(request: web.Request) -> Write:
    """The write options of a request; the manager's name comes from the user agent when it is not given."""
    agent = request.headers.get("User-Agent", "unknown").partition("/")[0]
    query = request.query
    return Write(query.get("fieldManager") or agent, is_dry_run(query), flag(query, "force"))


async def read_delete_options(request: web.Request) -> DeleteOptions:
    """The options of a deletion: those of the body, or where there is none those of the query. Never both: as the
    real server does, a query beside a body is ignored, ``dryRun`` included."""
    given = bool(await request.read())
    body: Json = await read_json(request) if given else {}
    return _delete_options({} if given else request.query, body)


def _delete_options(query: Mapping[str, str], body: Json) -> DeleteOptions:
    grace = number(query, "gracePeriodSeconds")
    preconditions = body.get("preconditions") or {}
    orphan = query.get("orphanDependents", body.get("orphanDependents"))
    default = "Orphan" if orphan in (True, "true") else "Background"
    propagation = query.get("propagationPolicy") or body.get("propagationPolicy") or default
    if propagation not in ("Background", "Foreground", "Orphan"):
        raise StatusError(422, "Invalid", f"propagationPolicy: Unsupported value: {propagation!r}")
    return DeleteOptions(
        grace=grace if grace is not None else body.get("gracePeriodSeconds"),
        propagation=propagation,
        uid=preconditions.get("uid", ""),
        resource_version=preconditions.get("resourceVersion", ""),
        dry_run=is_dry_run(query, body),
    )


async def read_json(request: web.Request, *, optional: bool = False) -> Any:
    """The body of a create, update or delete. Raises 400 and 415."""
    raw = await request.read()
    if not raw and optional:
        return {}
    media = request.content_type
    if media == "application/vnd.kubernetes.protobuf" and (reviewed := protobuf.decode(raw)) is not None:
        return reviewed
    if media not in ("application/json", "application/octet-stream", "application/yaml", "text/plain"):
        raise unsupported_media(_BODIES)
    return decode(raw, yaml=media == "application/yaml")


async def read_patch(request: web.Request) -> tuple[str, Any]:
    """(kind of patch, body). Raises 400 and 415."""
    kind = PATCH_KINDS.get(request.content_type)
    if kind is None:
        raise unsupported_media(", ".join(PATCH_KINDS))
    return kind, decode(await request.read(), yaml=kind == "apply")


def decode(raw: bytes, *, yaml: bool = False) -> Any:
    """JSON, or YAML where a client may send that. Raises 400."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        if not yaml:
            raise bad_request(f"couldn't get version/kind; json parse error: {error}") from None
    from yaml import YAMLError, safe_load  # only a client that really sends YAML pays for it

    try:
        return safe_load(raw)
    except YAMLError as error:
        raise bad_request(f"error parsing YAML: {error}") from None
