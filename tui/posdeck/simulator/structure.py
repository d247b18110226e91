"""Which lists of the API are maps or sets, and by which keys: patches and field ownership both depend on it.

From the ``patchMergeKey`` and ``listMapKey`` marks of the API's Go types, by field name; the same name means the
same thing in every kind we serve but for ``ports``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
Path = tuple[str, ...]  # field names from the root; elements of lists add none

_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")

_MERGE_KEYS: Mapping[str, str] = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "env": "name",
    "volumes": "name", "volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name",
    "conditions": "type", "hostAliases": "ip", "topologySpreadConstraints": "topologyKey",
    "ownerReferences": "uid", "addresses": "type", "schedulingGates": "name", "resourceClaims": "name",
    "secrets": "name", "podIPs": "ip", "hostIPs": "ip",
}  # fmt: skip

_MAP_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",), "initContainers": ("name",), "ephemeralContainers": ("name",), "env": ("name",),
    "volumes": ("name",), "volumeMounts": ("mountPath",), "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",), "conditions": ("type",), "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"), "ownerReferences": ("uid",),
    "addresses": ("type",), "schedulingGates": ("name",), "resourceClaims": ("name",), "podIPs": ("ip",),
    "hostIPs": ("ip",),
}  # fmt: skip

_SETS = frozenset({"finalizers"})
_ATOMIC = frozenset({"selector", "nodeSelector", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fieldRef",
                     "labelSelector", "loadBalancer", "involvedObject"})  # fmt: skip


def strategic_key(path: Path) -> str | None:
    """The merge key of the list at ``path`` for a strategic merge patch; None where a list is replaced."""
    name = path[-1] if path else ""
    if name == "ports":
        if "containers" in path[-2:-1] or path[-2:-1] == ("initContainers",):
            return "containerPort"
        return "port" if path[:1] == ("spec",) else None
    if name == "conditions" and path[:-1] != ("status",):
        return None
    if name == "addresses" and path[:-1] != ("status",):
        return None
    return _MERGE_KEYS.get(name)


def is_set(path: Path) -> bool:
    """Whether the list at ``path`` is a set of scalars."""
    return bool(path) and path[-1] in _SETS


def map_keys(path: Path) -> tuple[str, ...] | None:
    """The keys that identify an element of the list at ``path`` for field ownership; None for a plain list."""
    name = path[-1] if path else ""
    if name == "ports":
        if path[-2:-1] and path[-2] in _CONTAINERS:
            return ("containerPort", "protocol")
        return ("port", "protocol") if path == ("spec", "ports") else None
    if name in ("conditions", "addresses") and path[:-1] != ("status",):
        return None
    return _MAP_KEYS.get(name)


def is_atomic(path: Path) -> bool:
    """Whether the object at ``path`` is owned and replaced as a whole."""
    return bool(path) and path[-1] in _ATOMIC and path[0] == "spec"


def element_key(item: Any, keys: tuple[str, ...]) -> tuple[tuple[str, Any], ...] | None:
    """The identity of a list's element; None when it lacks a key (``protocol`` defaults to TCP)."""
    if not isinstance(item, dict):
        return None
    found = []
    for key in keys:
        value = item.get(key, "TCP" if key == "protocol" else None)
        if value is None:
            return None
        found.append((key, value))
    return tuple(found)
