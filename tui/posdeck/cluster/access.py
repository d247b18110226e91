"""What we may do, asked beforehand (SelfSubjectAccessReview): nothing is tried just to see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import orjson

from posdeck.cluster.resources import ACCESS_REVIEWS, Resource
from posdeck.cluster.transport import Transport
from posdeck.errors import ClusterError


@dataclass(frozen=True, slots=True)
class Permission:
    """One thing to do: an RBAC verb on a resource, perhaps on one object or a subresource of it."""

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        what = self.resource.plural + (f"/{self.subresource}" if self.subresource else "")
        what += f".{self.resource.group}" if self.resource.group else ""
        what += f" {self.name}" if self.name else ""
        return f"{self.verb} {what}" + (f" in {self.namespace}" if self.namespace else "")


@dataclass(frozen=True, slots=True)
class Access:
    """The answer. ``reason`` is the authorizer's, often empty."""

    permission: Permission
    allowed: bool
    reason: str = ""


async def review(transport: Transport, permission: Permission) -> Access:
    """Whether we may; the authorizer's answer now, not a promise. Raises the ClusterError tree."""
    wanted = permission
    attributes = {
        "verb": wanted.verb,
        "group": wanted.resource.group,
        "version": wanted.resource.version,
        "resource": wanted.resource.plural,
        "subresource": wanted.subresource,
        "name": wanted.name,
        "namespace": wanted.namespace if wanted.resource.namespaced else "",
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
    }
    path = ACCESS_REVIEWS.path()
    response = await transport.request("POST", path, body=orjson.dumps(body))
    try:
        status = orjson.loads(response.body)["status"]
        allowed = status["allowed"] is True and status.get("denied") is not True
        return Access(wanted, allowed, str(status.get("reason") or status.get("evaluationError") or ""))
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        raise ClusterError(path, "the access review has no answer in it", "See the server's log.") from None


async def review_all(transport: Transport, permissions: Iterable[Permission]) -> list[Access]:
    """The answers to several questions, asked at once, in order. Raises the ClusterError tree."""
    return list(await asyncio.gather(*(review(transport, permission) for permission in permissions)))
