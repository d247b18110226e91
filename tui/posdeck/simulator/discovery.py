"""Discovery: which groups, versions and kinds there are, in the old form and in the aggregated one."""

from __future__ import annotations

from typing import Any

from posdeck.simulator.resources import RESOURCES, Resource, group_versions
from posdeck.simulator.status import no_such_path

Json = dict[str, Any]

VERSION: Json = {
    "major": "1",
    "minor": "36",
    "gitVersion": "v1.36.3+posdeck-embedded",
    "gitCommit": "0000000000000000000000000000000000000000",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "embedded",
}


def _group_version(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def core_versions() -> Json:
    """``/api``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def _group(name: str) -> Json:
    versions = [
        {"groupVersion": _group_version(g, v), "version": v} for g, v in group_versions() if g == name
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def groups() -> Json:
    """``/apis``."""
    names = [g for g, _ in group_versions() if g]
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name) for name in dict.fromkeys(names)],
    }


def group(name: str) -> Json:
    """``/apis/NAME``. Raises 404."""
    if not name or name not in {g for g, _ in group_versions()}:
        raise no_such_path()
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def _subresources(resource: Resource) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    """(name, group, version, kind, verbs) of each."""
    found = [(n, resource.group, resource.version, kind, verbs) for n, kind, verbs in resource.subresources]
    if resource.status:
        found.append(("status", resource.group, resource.version, resource.kind, ("get", "patch", "update")))
    if resource.scale:
        found.append(("scale", "autoscaling", "v1", "Scale", ("get", "patch", "update")))
    return sorted(found)


def resources(group_name: str, version: str) -> Json:
    """``/api/v1`` and ``/apis/GROUP/VERSION``. Raises 404."""
    found = [r for r in RESOURCES if (r.group, r.version) == (group_name, version)]
    if not found:
        raise no_such_path()
    rows: list[Json] = []
    for resource in found:
        row: Json = {
            "name": resource.plural,
            "singularName": resource.singular,
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": list(resource.verbs),
        }
        if resource.short:
            row["shortNames"] = list(resource.short)
        if resource.categories:
            row["categories"] = list(resource.categories)
        rows.append(row)
        for name, g, v, kind, verbs in _subresources(resource):
            sub: Json = {
                "name": f"{resource.plural}/{name}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": kind,
                "verbs": list(verbs),
            }
            if (g, v) != (group_name, version):
                sub |= {"group": g, "version": v}
            rows.append(sub)
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": _group_version(group_name, version),
        "resources": rows,
    }


def _aggregated(resource: Resource) -> Json:
    item: Json = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short:
        item["shortNames"] = list(resource.short)
    if resource.categories:
        item["categories"] = list(resource.categories)
    if subresources := _subresources(resource):
        item["subresources"] = [
            {
                "subresource": name,
                "responseKind": {"group": g, "version": v, "kind": kind},
                "verbs": list(verbs),
            }
            for name, g, v, kind, verbs in subresources
        ]
    return item


def aggregated(*, core: bool, version: str) -> Json:
    """``/api`` and ``/apis`` for a client that accepts an APIGroupDiscoveryList."""
    names = [""] if core else list(dict.fromkeys(g for g, _ in group_versions() if g))
    items = []
    for name in names:
        versions = [
            {
                "version": v,
                "freshness": "Current",
                "resources": [_aggregated(r) for r in RESOURCES if (r.group, r.version) == (g, v)],
            }
            for g, v in group_versions()
            if g == name
        ]
        items.append({"metadata": {"name": name, "creationTimestamp": None}, "versions": versions})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": items,
    }
