"""The HTTP face of the embedded cluster: who asks, what for, and the answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from aiohttp import web

from posdeck.clock import Clock
from posdeck.simulator import access, discovery, openapi, views, watch
from posdeck.simulator.access import Identity
from posdeck.simulator.listing import Pages
from posdeck.simulator.registry import Patch, Registry
from posdeck.simulator.request import (
    Target,
    Wanted,
    flag,
    negotiate,
    parse_path,
    read_delete_options,
    read_json,
    read_patch,
    write_options,
)
from posdeck.simulator.resources import ACCESS_REVIEWS, PODS, RULES_REVIEWS, SUBJECT_REVIEWS
from posdeck.simulator.status import (
    StatusError,
    bad_request,
    method_not_allowed,
    no_such_path,
    success,
    unauthorized,
)

Json = dict[str, Any]
Handler = Callable[[web.Request, Target], Awaitable[web.StreamResponse]]
Virtual = Callable[[str], list[Json]]  # namespace -> objects that exist only when they are asked for

_log = logging.getLogger(__name__)
_METHODS = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}


def answer(body: Any, status: int = 200) -> web.Response:
    """A JSON response."""
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


class Api:
    """Requests in, responses out. ``subresources`` serve what is more than an object: {(plural, name): handler};
    ``virtual`` gives the objects of kinds that are not stored; ``telemetry`` answers below a first part of the path
    that is no API of Kubernetes."""

    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        *,
        identities: Mapping[str, Identity],
        subresources: Mapping[tuple[str, str], Handler],
        virtual: Mapping[str, Virtual],
        telemetry: Mapping[str, Callable[[web.Request], Awaitable[web.StreamResponse]]],
    ) -> None:
        self._registry = registry
        self._store = registry.store
        self._clock = clock
        self._identities = identities
        self._subresources = subresources
        self._virtual = virtual
        self._telemetry = telemetry
        self._pages = Pages(registry.store)
        self.requests = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Every request. Failures become Status objects."""
        self.requests += 1
        try:
            identity = self._authenticated(request)
            return await self._route(request, identity)
        except StatusError as error:
            response = answer(error.status(), error.code)
            if error.code == 401:
                response.headers["WWW-Authenticate"] = "Bearer"
            return response
        except web.HTTPException:
            raise
        except ConnectionError:
            raise
        except Exception as error:
            _log.exception("the embedded cluster failed on %s %s", request.method, request.path)
            failure = StatusError(
                500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}"
            )
            return answer(failure.status(), 500)

    def _authenticated(self, request: web.Request) -> Identity:
        # A page in a browser could reach a loopback port under a name of its own; only our own names are served.
        host = request.host.rpartition(":")[0] or request.host
        if host not in ("127.0.0.1", "localhost"):
            raise StatusError(403, "Forbidden", f"this cluster answers on 127.0.0.1 only, not as {host!r}")
        identity = access.authenticate(self._identities, request.headers.get("Authorization", ""))
        if identity is None:
            raise unauthorized()
        return identity

    async def _route(self, request: web.Request, identity: Identity) -> web.StreamResponse:
        path = request.path.rstrip("/") or "/"
        if (source := self._telemetry.get(f"/{path.split('/')[1]}")) is not None:
            return await source(request)
        if (document := self._document(request, path)) is not None:
            return document
        target = parse_path(path)
        verb = self._verb(request, target)
        access.check(identity, verb, target)
        if target.subresource:
            return await self._subresource(request, target)
        if target.resource in (ACCESS_REVIEWS, RULES_REVIEWS, SUBJECT_REVIEWS):
            return await self._review(request, target, identity)
        if target.resource.key in self._virtual:
            return self._measured(request, target)
        if verb not in target.resource.verbs:
            raise method_not_allowed()
        return await self._perform(verb, request, target)

    def _document(self, request: web.Request, path: str) -> web.Response | None:
        """Discovery, OpenAPI and health; None when the path is none of these."""
        parts = path.strip("/").split("/")
        match parts:
            case ["version"]:
                return answer(discovery.VERSION)
            case ["readyz" | "livez" | "healthz", *_]:
                return web.Response(text="ok")
            case ["api"] | ["apis"]:
                if version := negotiate(request).aggregated:
                    response = answer(discovery.aggregated(core=parts == ["api"], version=version))
                    form = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
                    response.headers["Content-Type"] = form
                    return response
                return answer(discovery.core_versions() if parts == ["api"] else discovery.groups())
            case ["api", version]:
                return answer(discovery.resources("", version))
            case ["apis", group]:
                return answer(discovery.group(group))
            case ["apis", group, version]:
                return answer(discovery.resources(group, version))
            case ["openapi", "v2"]:
                return answer(openapi.swagger())
            case ["openapi", "v3"]:
                return answer(openapi.index())
            case ["openapi", "v3", *rest]:
                return answer(openapi.document("/".join(rest)))
            case [""]:
                return answer({"paths": ["/api", "/apis", "/openapi/v3", "/readyz", "/version"]})
        return None

    @staticmethod
    def _verb(request: web.Request, target: Target) -> str:
        verb = _METHODS.get(request.method)
        if verb is None:
            raise method_not_allowed()
        if verb == "get" and flag(request.query, "watch") and not target.subresource:
            return "watch"
        if not target.name and verb in ("get", "delete"):
            return {"get": "list", "delete": "deletecollection"}[verb]
        if (verb == "create") == bool(target.name) and not target.subresource:
            raise method_not_allowed()
        return verb

    async def _perform(self, verb: str, request: web.Request, target: Target) -> web.StreamResponse:
        wanted = negotiate(request)
        resource, now = target.resource, self._clock.now()
        if verb == "watch":
            made = watch.Watch(self._store, self._clock, target, request.query, wanted)
            return await watch.serve(request, made)
        if verb == "list":
            objects, meta = self._pages.page(target, request.query)
            return answer(views.many(resource, objects, meta, wanted, now))
        if verb == "get":
            obj = self._registry.read(resource, target.namespace, target.name)
        elif verb == "delete":
            return await self._delete(request, target)
        elif verb == "deletecollection":
            return await self._delete_collection(request, target)
        else:
            obj = await self._write(verb, request, target)
        return answer(views.one(resource, obj, wanted, now), 201 if verb == "create" else 200)

    async def _write(self, verb: str, request: web.Request, target: Target) -> Json:
        stored = views.storage(target.resource)
        if verb == "patch":
            kind, body = await read_patch(request)
            write = replace(write_options(request), subresource=target.subresource)
            if kind == "apply" and not request.query.get("fieldManager"):
                raise bad_request(
                    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required '
                    "for apply patch"
                )
            if stored is not target.resource and isinstance(body, dict):
                body = views.inward(target.resource, {"apiVersion": target.resource.api_version, **body})
            return self._registry.patch(stored, target.namespace, target.name, Patch(kind, body), write)
        body = await read_json(request)
        write = replace(write_options(request), subresource=target.subresource)
        if not isinstance(body, dict):
            raise bad_request("the object provided is unrecognized")
        if stored is not target.resource:
            body = views.inward(target.resource, body)
        if verb == "create":
            if not target.namespace and target.resource.namespaced:
                raise method_not_allowed()
            return self._registry.create(stored, target.namespace, body, write)
        named = (body.get("metadata") or {}).get("name")
        if named != target.name:
            raise bad_request(
                f"the name of the object ({named}) does not match the name on the URL ({target.name})"
            )
        return self._registry.update(stored, target.namespace, body, write)

    async def _delete(self, request: web.Request, target: Target) -> web.Response:
        options = await read_delete_options(request)
        resource = target.resource
        obj, gone = self._registry.delete(views.storage(resource), target.namespace, target.name, options)
        if gone and resource is not PODS:
            details = {"name": target.name, "kind": resource.plural, "uid": obj["metadata"]["uid"]}
            return answer(success({**details, "group": resource.group} if resource.group else details))
        return answer(views.outward(resource, obj))

    async def _delete_collection(self, request: web.Request, target: Target) -> web.Response:
        options = await read_delete_options(request)
        if target.resource.namespaced and not target.namespace:
            raise method_not_allowed()
        objects, meta = self._pages.page(target, {k: v for k, v in request.query.items() if "Selector" in k})
        for obj in objects:
            self._registry.delete(
                views.storage(target.resource), target.namespace, obj["metadata"]["name"], options
            )
        return answer(views.many(target.resource, objects, meta, Wanted(), self._clock.now()))

    async def _subresource(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource == "status" and target.resource.status:
            if request.method in ("PUT", "PATCH"):
                return answer(await self._write(_METHODS[request.method], request, target))
            return answer(self._registry.read(target.resource, target.namespace, target.name))
        handler = self._subresources.get((target.resource.plural, target.subresource))
        if handler is None and target.resource.scale:
            handler = self._subresources.get(("*", target.subresource))
        if handler is None:
            raise no_such_path()
        return await handler(request, target)

    async def _review(self, request: web.Request, target: Target, identity: Identity) -> web.Response:
        body = await read_json(request)
        if not isinstance(body, dict):
            raise bad_request("the object provided is unrecognized")
        if target.resource is SUBJECT_REVIEWS:
            return answer(access.subject_review(identity), 201)
        made = access.access_review if target.resource is ACCESS_REVIEWS else access.rules_review
        return answer(made(identity, body), 201)

    def _measured(self, request: web.Request, target: Target) -> web.Response:
        """Metrics, which are made when they are asked for."""
        from posdeck.simulator.selectors import both
        from posdeck.simulator.status import not_found

        if request.method != "GET" or flag(request.query, "watch"):
            raise method_not_allowed()
        objects = self._virtual[target.resource.key](target.namespace)
        if target.name:
            found = next((obj for obj in objects if obj["metadata"]["name"] == target.name), None)
            if found is None:
                raise not_found(target.resource.plural, target.resource.group, target.name)
            return answer(found)
        test = both(request.query.get("labelSelector", ""), request.query.get("fieldSelector", ""), "metrics")
        objects = [obj for obj in objects if test is None or test(obj)]
        wanted = negotiate(request)
        return answer(views.many(target.resource, objects, {}, wanted, self._clock.now()))
