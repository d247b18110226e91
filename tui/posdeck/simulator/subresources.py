"""The subresources that are more than a part of an object: scale, eviction, the service proxy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from posdeck.simulator.jsontree import dig
from posdeck.simulator.patches import json_patch, merge_patch
from posdeck.simulator.registry import DeleteOptions, Registry, Write
from posdeck.simulator.request import Target, is_dry_run, read_json, read_patch, write_options
from posdeck.simulator.resources import ENDPOINTS, PDBS, PODS, SERVICES, Resource
from posdeck.simulator.selectors import as_text, matches
from posdeck.simulator.status import StatusError, bad_request, invalid, method_not_allowed, outdated, success
from posdeck.simulator.workload_http import Workloads

Json = dict[str, Any]


def _answer(body: Json, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


def scale_of(obj: Json) -> Json:
    """The Scale of a workload."""
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {k: meta[k] for k in kept if k in meta},
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": {
            "replicas": dig(obj, "status", "replicas") or 0,
            "selector": as_text(obj["spec"]["selector"]),
        },
    }


class ScaleEndpoint:
    """``…/scale`` of deployments, replica sets and stateful sets."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Read or change the number of replicas."""
        resource = target.resource
        obj = self._registry.read(resource, target.namespace, target.name)
        if request.method == "GET":
            return _answer(scale_of(obj))
        if request.method == "PUT":
            wanted = await read_json(request)
        elif request.method == "PATCH":
            wanted = await self._patched(request, obj)
        else:
            raise method_not_allowed()
        obj = self._registry.read(resource, target.namespace, target.name)  # the body was awaited
        return _answer(scale_of(self._set(resource, obj, wanted, write_options(request))))

    async def _patched(self, request: web.Request, obj: Json) -> Any:
        kind, body = await read_patch(request)
        return json_patch(scale_of(obj), body) if kind == "json" else merge_patch(scale_of(obj), body)

    def _set(self, resource: Resource, obj: Json, wanted: Any, write: Write) -> Json:
        if not isinstance(wanted, dict):
            raise bad_request("the object provided is unrecognized (must be of type Scale)")
        replicas = dig(wanted, "spec", "replicas") or 0
        name = obj["metadata"]["name"]
        if not isinstance(replicas, int) or isinstance(replicas, bool):
            raise bad_request(
                'Scale in version "v1" cannot be handled as a Scale: spec.replicas is no number'
            )
        if replicas < 0:
            raise invalid(
                "Scale",
                "autoscaling",
                name,
                [
                    (
                        "spec.replicas",
                        "FieldValueInvalid",
                        f"Invalid value: {replicas}: must be greater than or equal to 0",
                    )
                ],
            )
        version = dig(wanted, "metadata", "resourceVersion")
        if version and version != obj["metadata"]["resourceVersion"]:
            raise outdated(resource.plural, resource.group, name)
        changed = {**obj, "spec": {**obj["spec"], "replicas": replicas}}
        write = replace(write, subresource="scale")
        return self._registry.update(resource, obj["metadata"]["namespace"], changed, write)


class EvictionEndpoint:
    """``…/pods/NAME/eviction``: a delete that disruption budgets may refuse."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def __call__(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Evict a pod."""
        if request.method != "POST":
            raise method_not_allowed()
        body = await read_json(request)
        pod = self._registry.read(PODS, target.namespace, target.name)
        for budget in self._registry.store.all(PDBS.key, target.namespace):
            mine = matches(budget["spec"].get("selector"), pod["metadata"].get("labels"))
            if mine and (dig(budget, "status", "disruptionsAllowed") or 0) < 1:
                raise _disrupts(budget)
        options = body.get("deleteOptions") or {}
        self._registry.delete(
            PODS,
            target.namespace,
            target.name,
            DeleteOptions(
                grace=options.get("gracePeriodSeconds"),
                uid=(options.get("preconditions") or {}).get("uid", ""),
                dry_run=is_dry_run(request.query, options),
            ),
        )
        return _answer(success(), 201)


def _disrupts(budget: Json) -> StatusError:
    """429: the budget has nothing left."""
    status = budget.get("status") or {}
    message = (
        f"The disruption budget {budget['metadata']['name']} needs {status.get('desiredHealthy', 0)} healthy pods "
        f"and has {status.get('currentHealthy', 0)} currently"
    )
    details = {"causes": [{"reason": "DisruptionBudget", "message": message}], "retryAfterSeconds": 10}
    text = "Cannot evict pod as it would violate the pod's disruption budget."
    return StatusError(429, "TooManyRequests", text, details)


class ServiceProxy:
    """``…/services/NAME:PORT/proxy/PATH``: a GET to one of the service's ready pods."""

    def __init__(self, registry: Registry, workloads: Workloads) -> None:
        self._registry = registry
        self._workloads = workloads

    async def __call__(self, request: web.Request, target: Target) -> web.StreamResponse:
        """Pass a request on."""
        if request.method != "GET":
            raise method_not_allowed()
        parts = target.name.split(":")
        name = parts[1] if len(parts) == 3 else parts[0]
        wanted = parts[-1] if len(parts) > 1 else ""
        service = self._registry.read(SERVICES, target.namespace, name)
        ports = service["spec"].get("ports") or []
        port = next((p for p in ports if wanted in ("", str(p["port"]), p.get("name"))), None)
        ready = self._ready(target.namespace, name)
        if port is None or not ready:
            why = f'no endpoints available for service "{target.name}"'
            raise StatusError(503, "ServiceUnavailable", why)
        number = port["targetPort"] if isinstance(port["targetPort"], int) else port["port"]
        pod = self._registry.read(PODS, target.namespace, ready[0])
        reply = self._workloads.answer(pod, number, "GET", target.tail)
        return web.Response(
            body=reply.body, status=reply.status, headers={"Content-Type": reply.content_type}
        )

    def _ready(self, namespace: str, name: str) -> list[str]:
        endpoints = self._registry.store.get(ENDPOINTS.key, namespace, name) or {}
        return [
            a["targetRef"]["name"] for s in endpoints.get("subsets") or () for a in s.get("addresses") or ()
        ]
