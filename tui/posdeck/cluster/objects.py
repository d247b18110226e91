"""Single objects, raw: read, previewed, changed. Whoever changes anything has passed the gate before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import orjson

from posdeck.cluster.resources import Resource
from posdeck.cluster.transport import JSON, REQUEST_TIMEOUT, Params, Transport
from posdeck.errors import ClusterError, ConflictError, InvalidError

Object = dict[str, Any]
_TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


class Patch(StrEnum):
    """The content types of a PATCH."""

    STRATEGIC = "application/strategic-merge-patch+json"
    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    APPLY = "application/apply-patch+yaml"


class Objects:
    """Requests for single objects of one namespace. All methods raise the ClusterError tree.

    An UnreachableError from a change means that its outcome is not known: read the object again before
    saying anything about it.
    """

    def __init__(self, transport: Transport, namespace: str) -> None:
        self._transport = transport
        self.namespace = namespace

    async def get(self, resource: Resource, name: str, *, subresource: str = "") -> Object:
        """One object as the server has it."""
        path = resource.path(self.namespace, name, subresource)
        return _object((await self._transport.request("GET", path)).body, path)

    async def list(self, resource: Resource, *, labels: str = "", fields: str = "") -> list[Object]:
        """All objects of a collection that match the selectors, raw; meant for small collections."""
        from posdeck.cluster.listing import list_pages

        found: list[Object] = []
        async for page in list_pages(
            self._transport, resource, self.namespace, params=_selectors(labels, fields)
        ):
            if page.first:
                found.clear()
            found.extend(page.items)
        return found

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        *,
        kind: Patch = Patch.STRATEGIC,
        subresource: str = "",
        uid: str = "",
        resource_version: str = "",
        dry_run: bool = False,
        field_manager: str = "posdeck",
        force: bool = False,
    ) -> Object:
        """Patch one object; the object as it is afterwards (with ``dry_run``, as it would be).

        ``uid`` and ``resource_version`` are preconditions, refused with ConflictError when another object or
        version is there. ``force`` takes fields from other managers and is for server-side apply only.
        """
        path = resource.path(self.namespace, name, subresource)
        params = _write_params(dry_run, field_manager)
        if kind is Patch.APPLY and force:
            params.append(("force", "true"))
        content = orjson.dumps(with_preconditions(body, kind, uid=uid, resource_version=resource_version))
        headers = {"Content-Type": kind.value}
        try:
            response = await self._transport.request(
                "PATCH", path, params=params, headers=headers, body=content
            )
        except InvalidError as error:
            if (uid or resource_version) and await self._differs(resource, name, uid, resource_version):
                raise ConflictError(error.subject, error.cause, "Read it again and repeat.") from error
            raise
        return _object(response.body, path)

    async def _differs(self, resource: Resource, name: str, uid: str, resource_version: str) -> bool:
        """Whether another object or version is there: a failed test of a JSON patch and another UID in
        a merge are answered with a 422 that does not say which."""
        metadata = (await self.get(resource, name)).get("metadata") or {}
        wanted = (uid, resource_version)
        return any(
            w and w != metadata.get(k) for w, k in zip(wanted, ("uid", "resourceVersion"), strict=True)
        )

    async def create(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        *,
        name: str = "",
        subresource: str = "",
        dry_run: bool = False,
        field_manager: str = "posdeck",
    ) -> Object:
        """Create an object, or post to the subresource of ``name`` (an eviction)."""
        path = resource.path(self.namespace, name, subresource)
        params = _write_params(dry_run, field_manager)
        response = await self._transport.request("POST", path, params=params, body=orjson.dumps(body))
        return _object(response.body, path)

    async def replace(
        self,
        resource: Resource,
        name: str,
        body: Mapping[str, Any],
        *,
        subresource: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Replace an object; its ``metadata.resourceVersion`` is the precondition."""
        path = resource.path(self.namespace, name, subresource)
        params = _write_params(dry_run, "posdeck")
        response = await self._transport.request("PUT", path, params=params, body=orjson.dumps(body))
        return _object(response.body, path)

    async def delete(
        self,
        resource: Resource,
        name: str,
        *,
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
        propagation: str = "",
        dry_run: bool = False,
    ) -> Object:
        """Delete one object under preconditions; the server's answer (the object, or a Status)."""
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        wanted = {"uid": uid, "resourceVersion": resource_version}
        if conditions := {key: value for key, value in wanted.items() if value}:
            options["preconditions"] = conditions
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        if propagation:
            options["propagationPolicy"] = propagation
        if dry_run:
            options["dryRun"] = ["All"]
        path = resource.path(self.namespace, name)
        return _object((await self._transport.request("DELETE", path, body=orjson.dumps(options))).body, path)

    async def table(
        self, resource: Resource, name: str = "", *, labels: str = "", fields: str = "", limit: int = 0
    ) -> Object:
        """The server's own table of a collection or of one object (``columnDefinitions``, ``rows``)."""
        params = [*_selectors(labels, fields), ("includeObject", "Metadata")]
        if limit:
            params.append(("limit", str(limit)))
        path = resource.path(self.namespace, name)
        headers = {"Accept": f"{_TABLE},{JSON}"}
        document = _object(
            (await self._transport.request("GET", path, params=params, headers=headers)).body, path
        )
        if document.get("kind") != "Table":
            raise ClusterError(path, "the server gives no table of this kind", "Read it as YAML.")
        return document

    async def text(self, path: str, *, params: Params = (), seconds: float = REQUEST_TIMEOUT) -> str:
        """A plain-text answer, such as a log read to its end."""
        response = await self._transport.request(
            "GET", path, params=params, headers={"Accept": "*/*"}, timeout=seconds
        )
        return response.body.decode("utf-8", "replace")


def with_preconditions(
    body: Mapping[str, Any] | Sequence[Mapping[str, Any]], kind: Patch, *, uid: str, resource_version: str
) -> Any:
    """A patch that fails on an object of another UID or version."""
    wanted = {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}
    if not wanted:
        return body
    if isinstance(body, Mapping):
        return {**body, "metadata": {**(body.get("metadata") or {}), **wanted}}
    tests = [{"op": "test", "path": f"/metadata/{key}", "value": value} for key, value in wanted.items()]
    return [*tests, *body]


def _write_params(dry_run: bool, field_manager: str) -> list[tuple[str, str]]:
    params = [("fieldManager", field_manager)] if field_manager else []
    return [*params, ("dryRun", "All")] if dry_run else params


def _selectors(labels: str, fields: str) -> list[tuple[str, str]]:
    return [(k, v) for k, v in (("labelSelector", labels), ("fieldSelector", fields)) if v]


def _object(body: bytes, path: str) -> Object:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ClusterError(
            path, f"the answer is not JSON ({error})", "Something stands between us and it."
        ) from None
    if not isinstance(document, dict):
        raise ClusterError(path, "the answer is no object", "Something stands between us and it.")
    return document
