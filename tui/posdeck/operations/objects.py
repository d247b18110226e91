"""Single objects for people to read: as the server has them, with the values of Secrets left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posdeck.cluster import resources
from posdeck.cluster.objects import Objects
from posdeck.cluster.resources import Resource
from posdeck.errors import UnknownNameError
from posdeck.operations.workshop import Workshop

KINDS: Mapping[str, Resource] = {
    "pod": resources.PODS,
    "deployment": resources.DEPLOYMENTS,
    "replicaset": resources.REPLICA_SETS,
    "horizontalpodautoscaler": resources.HPAS,
    "hpa": resources.HPAS,
    "service": resources.SERVICES,
    "event": resources.EVENTS,
    "node": resources.NODES,
    "configmap": resources.CONFIG_MAPS,
    "secret": resources.SECRETS,
}


async def read_object(workshop: Workshop, kind: str, name: str) -> Mapping[str, Any]:
    """One object, read afresh. Raises UnknownNameError for a kind that is not read, and the ClusterError tree."""
    key = kind.lower()
    resource = KINDS.get(key) or KINDS.get(key.removesuffix("s"))
    if resource is None:
        raise UnknownNameError(
            f"kind {kind}", "is not one that posdeck reads", f"It reads: {', '.join(KINDS)}."
        )
    found = await Objects(workshop.transport, workshop.target.namespace).get(resource, name)
    if resource is resources.SECRETS:
        hidden = dict.fromkeys(found.get("data") or {}, "(not shown)")
        return {**found, "data": hidden, "stringData": {}}
    redacted: Mapping[str, Any] = workshop.redactor.value(found)
    return redacted
