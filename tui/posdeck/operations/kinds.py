"""Any kind that the namespace may hold: found by name, listed as the server's own table prints it.

A table of Secrets or ConfigMaps holds names and counts, never values: only what the cells say is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from posdeck.cluster import resources
from posdeck.cluster.objects import Objects
from posdeck.cluster.resources import Resource
from posdeck.errors import ClusterError, PosdeckError, UnknownNameError
from posdeck.kubetext.fields import at, items, mapping

if TYPE_CHECKING:
    from posdeck.cluster.transport import Transport
    from posdeck.operations.workshop import Workshop
    from posdeck.redaction.redactor import Redactor

_BATCH = "batch"
_APPS = "apps"
_NET = "networking.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
# The kinds that people ask for by name; every other one is looked up in the server's discovery.
KNOWN: tuple[tuple[Resource, tuple[str, ...]], ...] = (
    (resources.PODS, ("pod", "po")),
    (resources.SERVICES, ("service", "svc")),
    (Resource("daemonsets", _APPS), ("daemonset", "ds")),
    (resources.DEPLOYMENTS, ("deployment", "deploy")),
    (resources.REPLICA_SETS, ("replicaset", "rs")),
    (Resource("statefulsets", _APPS), ("statefulset", "sts")),
    (resources.HPAS, ("horizontalpodautoscaler", "hpa")),
    (Resource("cronjobs", _BATCH), ("cronjob", "cj")),
    (Resource("jobs", _BATCH), ("job",)),
    (resources.EVENTS, ("event", "ev")),
    (resources.NODES, ("node", "no")),
    (resources.CONFIG_MAPS, ("configmap", "cm")),
    (resources.SECRETS, ("secret",)),
    (Resource("endpoints"), ("ep",)),
    (Resource("endpointslices", "discovery.k8s.io"), ("endpointslice",)),
    (Resource("ingresses", _NET), ("ingress", "ing")),
    (Resource("networkpolicies", _NET), ("networkpolicy", "netpol")),
    (Resource("persistentvolumeclaims"), ("persistentvolumeclaim", "pvc")),
    (Resource("serviceaccounts"), ("serviceaccount", "sa")),
    (Resource("resourcequotas"), ("resourcequota", "quota")),
    (Resource("limitranges"), ("limitrange", "limits")),
    (Resource("poddisruptionbudgets", "policy"), ("poddisruptionbudget", "pdb")),
    (Resource("roles", _RBAC), ("role",)),
    (Resource("rolebindings", _RBAC), ("rolebinding",)),
    (resources.LEASES, ("lease",)),
    (Resource("controllerrevisions", _APPS), ("controllerrevision",)),
)
ALL = (
    "pods",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "horizontalpodautoscalers",
    "cronjobs",
    "jobs",
)  # fmt: skip — what `kubectl get all` lists, in its order
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of the server's table; ``wide`` ones are shown by ``-o wide`` only."""

    name: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class TableRow:
    """One object: its name, labels and cells, one for each column."""

    name: str
    cells: tuple[str, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ServerTable:
    """What the server prints of one kind. ``problem`` says why there is none (forbidden, not served)."""

    kind: str  # plural, with its group where it is not the core group
    columns: tuple[TableColumn, ...] = ()
    rows: tuple[TableRow, ...] = ()
    problem: str = ""


class Kinds:
    """Kinds by the names that people give them. Discovery is asked once, when a name is not a known one."""

    def __init__(self) -> None:
        self._by_name: dict[str, Resource] = {}
        for resource, names in KNOWN:
            for name in (resource.plural, str(resource), *names):
                self._by_name.setdefault(name, resource)
        self._discovered = False

    def names(self) -> tuple[str, ...]:
        """Every kind's plural name that is known so far."""
        return tuple(sorted({r.plural for r in self._by_name.values()}))

    def known(self, name: str) -> Resource | None:
        """The kind of this name, without asking the server."""
        return self._by_name.get(name.lower())

    async def find(self, transport: Transport, name: str) -> Resource:
        """The kind of this name: plural, singular, short or with its group. Raises UnknownNameError, and the
        ClusterError tree when discovery fails."""
        wanted = name.lower()
        if wanted not in self._by_name and not self._discovered:
            for resource, names in await _discover(transport):
                for each in (resource.plural, str(resource), *names):
                    self._by_name.setdefault(each, resource)
            self._discovered = True
        if wanted not in self._by_name:
            raise UnknownNameError(f"kind {name}", "this cluster serves none of this name", "See :all.")
        return self._by_name[wanted]


async def read_table(workshop: Workshop, kinds: Kinds, kind: str, *, lifted: bool = False) -> ServerTable:
    """The server's table of one kind in the namespace; ``lifted`` leaves out the redaction. Raises
    UnknownNameError and the ClusterError tree."""
    resource = await kinds.find(workshop.transport, kind)
    document = await Objects(workshop.transport, workshop.target.namespace).table(resource)
    columns = tuple(
        TableColumn(str(c.get("name", "?")), wide=bool(c.get("priority")))
        for c in items(document.get("columnDefinitions"))
    )
    titles = tuple(column.name for column in columns)
    redactor = None if lifted or resource is resources.SECRETS else workshop.redactor
    rows = tuple(_row(each, titles, redactor) for each in items(document.get("rows")))
    return ServerTable(str(resource), columns, rows)


async def read_all(
    workshop: Workshop, kinds: Kinds, wanted: Iterable[str] = ALL, *, lifted: bool = False
) -> tuple[ServerTable, ...]:
    """The tables of ``kubectl get all``; a kind that cannot be read says why and the rest is there."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(kind: str) -> ServerTable:
        async with gate:
            try:
                return await read_table(workshop, kinds, kind, lifted=lifted)
            except ClusterError as problem:
                return ServerTable(kind, problem=str(problem))

    return tuple(await asyncio.gather(*(one(kind) for kind in wanted)))


def _row(row: Mapping[str, Any], titles: Sequence[str], redactor: Redactor | None) -> TableRow:
    """A title is to its cell what a key is to its value: a column "Phone" holds telephone numbers."""
    cells = ["" if cell is None else str(cell) for cell in row.get("cells") or ()]
    cells = [*cells, *[""] * len(titles)][: len(titles)]
    metadata = mapping(at(row, "object", "metadata"))
    labels = {str(k): str(v) for k, v in mapping(metadata.get("labels")).items()}
    if redactor is not None:
        cells = [str(redactor.value({t: c})[t]) for t, c in zip(titles, cells, strict=True)]
    return TableRow(str(metadata.get("name") or (cells[0] if cells else "?")), tuple(cells), labels)


async def _discover(transport: Transport) -> list[tuple[Resource, tuple[str, ...]]]:
    """Every kind with its other names: in two requests from a server that aggregates, else group by group."""
    found: list[tuple[Resource, tuple[str, ...]]] = []
    groups: list[tuple[str, str]] = [("", "v1")]
    for path in ("/api", "/apis"):
        response = await transport.request("GET", path, headers={"Accept": _DISCOVERY})
        document = _json(response.body)
        if document.get("kind") == "APIGroupDiscoveryList":
            found += [kind for group in items(document.get("items")) for kind in _aggregated(group)]
        elif path == "/apis":
            groups += [
                (str(g.get("name", "")), str(at(g, "preferredVersion", "version") or "v1"))
                for g in items(document.get("groups"))
            ]
    if found:
        return found
    gate = asyncio.Semaphore(_AT_ONCE)

    async def one(group: str, version: str) -> list[tuple[Resource, tuple[str, ...]]]:
        async with gate:
            path = f"/apis/{group}/{version}" if group else f"/api/{version}"
            try:
                document = _json((await transport.request("GET", path)).body)
            except PosdeckError:
                return []  # an aggregated API that is down hides only its own kinds
            return [
                _kind(group, version, each, str(each.get("name", "")), each.get("namespaced"))
                for each in items(document.get("resources"))
                if "/" not in str(each.get("name", "/")) and "list" in (each.get("verbs") or ())
            ]

    return [kind for kinds in await asyncio.gather(*(one(*g) for g in groups)) for kind in kinds]


def _aggregated(group: Mapping[str, Any]) -> list[tuple[Resource, tuple[str, ...]]]:
    name = str(at(group, "metadata", "name") or "")
    found: dict[str, tuple[Resource, tuple[str, ...]]] = {}
    for version in items(group.get("versions")):  # the preferred version comes first
        for each in items(version.get("resources")):
            plural = str(each.get("resource", ""))
            if plural and plural not in found and "list" in (each.get("verbs") or ()):
                scope = each.get("scope") == "Namespaced"
                found[plural] = _kind(name, str(version.get("version", "v1")), each, plural, scope)
    return list(found.values())


def _kind(
    group: str, version: str, each: Mapping[str, Any], plural: str, namespaced: object
) -> tuple[Resource, tuple[str, ...]]:
    singular = str(each.get("singularResource") or each.get("singularName") or "").lower()
    short = [str(s) for s in each.get("shortNames") or ()]
    return Resource(plural, group, version, namespaced=bool(namespaced)), tuple(
        n for n in (singular, *short) if n
    )


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        return mapping(orjson.loads(body))
    except orjson.JSONDecodeError:
        return {}
