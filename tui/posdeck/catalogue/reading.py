"""From an inventory folder to a Catalogue, every reference in it checked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from posdeck.catalogue.environment import (
    HIGHEST_PORT,
    SHARED_NAMES,
    object_name,
    read_contacts,
    read_environment,
    read_hpas,
    read_service_levels,
    read_services,
)
from posdeck.catalogue.fields import REQUIRED, Fields, frozen
from posdeck.catalogue.inventory import Inventory, InventoryHost, read_inventory
from posdeck.catalogue.model import (
    Catalogue,
    Criticality,
    ExternalSystem,
    Flow,
    Group,
    Stage,
    Workflow,
    Workload,
    WorkloadState,
)
from posdeck.errors import ContentError

SIMULATED = "simulated_"
WORKLOAD_NAMES = (
    "deployment", "purpose", "label", "replicas", "minimum", "maximum", "recommended_replicas", "tier",
    "criticality", "state", "deployment_age_days", "hpa", "service", "depends_on", "may_depend_on",
    "sends_traces_to", "ports", "queue", "queries", "links", "telemetry_source",
)  # fmt: skip


def read_catalogue(folder: Path) -> Catalogue:
    """Read the inventory folder of one environment; raises ContentError with file and line."""
    inventory = read_inventory(folder)
    shared = Fields("group all", inventory.shared, inventory.folder.resolve(), 0)
    _refuse_misplaced(inventory)
    sections = _section_orders(shared, inventory)
    workloads = {h.name: _workload(h, inventory, sections) for h in inventory.hosts.values()}
    by_deployment = _by_deployment(workloads, inventory)
    contacts = read_contacts(shared)
    services = read_services(shared)
    hpas = read_hpas(shared, by_deployment)
    systems = _systems(shared, workloads)
    groups = _groups(shared, inventory)
    environment = read_environment(shared, contacts)
    sources = environment.telemetry.sources
    _check_references(inventory, workloads, systems=systems, services=services, hpas=hpas, sources=sources)
    return Catalogue(
        environment=environment,
        workloads=MappingProxyType(workloads),
        groups=MappingProxyType(groups),
        systems=MappingProxyType(systems),
        services=MappingProxyType(services),
        hpas=MappingProxyType(hpas),
        contacts=MappingProxyType(contacts),
        flows=MappingProxyType(_flows(shared, workloads, groups, systems)),
        workflows=_workflows(shared, workloads),
        service_levels=MappingProxyType(read_service_levels(shared)),
        name_prefix=shared.text("name_prefix", ""),
        name_suffix=shared.text("name_suffix", ""),
        folder=inventory.folder,
        digest=inventory.digest,
        by_deployment=MappingProxyType(by_deployment),
        simulated=_simulated(shared),
    )


def _refuse_misplaced(inventory: Inventory) -> None:
    """A shared name below all would be read by playbooks and not by posdeck; a near miss of a name by
    neither."""
    for group in inventory.groups.values():
        if group.name != "all":
            for name, value in {**group.inline, **group.files}.items():
                if name in SHARED_NAMES:
                    raise ContentError(
                        value.path, value.line, f"{name} belongs to group all only", "Move it there."
                    )
    known = (*WORKLOAD_NAMES, *SHARED_NAMES)
    for host in inventory.hosts.values():
        for name, value in host.variables.items():
            shared = inventory.shared.get(name)
            if name in SHARED_NAMES and value is not shared:
                raise ContentError(
                    value.path, value.line, f"{name} belongs to group all only", "Move it there."
                )
            if name in known or name.startswith(("ansible_", SIMULATED)):
                continue
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.84)
            if near:
                raise ContentError(
                    value.path,
                    value.line,
                    f"{name} is not known",
                    f"Did you mean {near[0]}? Rename it if not.",
                )


def _section_orders(shared: Fields, inventory: Inventory) -> dict[str, int]:
    orders = {}
    for name, fields in shared.each("group_facts"):
        fields.only(("title", "purpose", "order"))
        if name not in inventory.groups:
            raise shared.within("group_facts").wrong(name, f"there is no group {name}")
        order = fields.whole("order", None)
        if order is not None:
            orders[name] = order
    return orders


def _workload(host: InventoryHost, inventory: Inventory, sections: Mapping[str, int]) -> Workload:
    fields = Fields(host.name, host.variables, host.path, host.line)
    replicas = fields.whole("replicas")
    minimum = fields.whole("minimum", min(1, replicas))
    maximum = fields.whole("maximum", replicas)
    if not minimum <= replicas <= maximum:
        cause = f"expects {replicas} replicas, outside its minimum {minimum} and maximum {maximum}"
        raise fields.wrong("replicas", cause)
    state = WorkloadState(fields.choice("state", WorkloadState, "active"))
    if state is WorkloadState.ASLEEP and replicas:
        raise fields.wrong("replicas", f"is asleep and yet expects {replicas} replicas")
    category, section = _place(host, inventory, sections)
    return Workload(
        name=host.name,
        deployment=object_name(fields, "deployment"),
        purpose=fields.text("purpose"),
        replicas=replicas,
        minimum=minimum,
        maximum=maximum,
        label=fields.text("label", host.name),
        category=category,
        section=section,
        groups=tuple(host.groups),
        tier=fields.text("tier", "standard"),
        criticality=Criticality(fields.choice("criticality", Criticality, "normal")),
        state=state,
        recommended_replicas=fields.whole("recommended_replicas", None, least=1),
        deployment_age_days=fields.whole("deployment_age_days", None),
        hpa=fields.text("hpa", None),
        service=fields.text("service", None),
        depends_on=fields.names("depends_on"),
        may_depend_on=fields.names("may_depend_on"),
        sends_traces_to=fields.text("sends_traces_to", None),
        ports=MappingProxyType(
            {p: fields.within("ports").whole(p, least=1, most=HIGHEST_PORT) for p in fields.within("ports")}
        ),
        namespace=fields.text("kube_namespace", ""),
        queue=fields.text("queue", None),
        telemetry_source=fields.text("telemetry_source", None),
        queries=_texts(fields, "queries"),
        links=_texts(fields, "links"),
        simulated=_simulated(fields),
        variables=frozen({name: value.value for name, value in host.variables.items()}),
    )


def _place(host: InventoryHost, inventory: Inventory, sections: Mapping[str, int]) -> tuple[str, str]:
    """The deepest group that is a section, and the section at the top of its line."""
    listed = [g for g in host.groups if g in sections]
    if not listed:
        cause = f"{host.name}: is in no group that group_facts gives an order"
        raise ContentError(host.path, host.line, cause, "Put it into a section.")
    deepest = max(inventory.groups[g].depth for g in listed)
    ends = [g for g in listed if inventory.groups[g].depth == deepest]
    if len(ends) > 1:
        cause = f"{host.name}: is in two sections, {' and '.join(ends)}"
        raise ContentError(host.path, host.line, cause, "Leave it in one.")
    return min(listed, key=lambda g: (inventory.groups[g].depth, sections[g])), ends[0]


def _texts(fields: Fields, name: str) -> Mapping[str, str]:
    inner = fields.within(name)
    return MappingProxyType({key: str(inner.text(key, REQUIRED)) for key in inner})


def _simulated(fields: Fields) -> Mapping[str, object]:
    found = {n.removeprefix(SIMULATED): frozen(fields.raw(n)) for n in fields if n.startswith(SIMULATED)}
    return MappingProxyType(found)


def _by_deployment(workloads: Mapping[str, Workload], inventory: Inventory) -> dict[str, Workload]:
    found: dict[str, Workload] = {}
    for workload in workloads.values():
        host = inventory.hosts[workload.name]
        place = host.variables["deployment"]
        other = found.get(workload.deployment)
        if other:
            cause = f"{workload.name}: {workload.deployment} is the deployment of {other.name} already"
            raise ContentError(place.path, place.line, cause)
        namesake = workloads.get(workload.deployment)
        if namesake and namesake is not workload:
            cause = f"{workload.name}: its deployment {workload.deployment} is the short name of another"
            raise ContentError(place.path, place.line, cause, "One name would mean two deployments.")
        found[workload.deployment] = workload
    return found


def _groups(shared: Fields, inventory: Inventory) -> dict[str, Group]:
    facts = dict(shared.each("group_facts"))
    found = {}
    for group in inventory.groups.values():
        members = tuple(inventory.members(group.name))
        if group.name == "all" or (group.name == "ungrouped" and not members):
            continue
        said = facts.get(group.name)
        found[group.name] = Group(
            name=group.name,
            title=said.text("title") if said else group.name.replace("_", " ").capitalize(),
            purpose=said.text("purpose", "") if said else "",
            order=said.whole("order", None) if said else None,
            children=tuple(group.children),
            members=members,
        )
    return found


def _systems(shared: Fields, workloads: Mapping[str, Workload]) -> dict[str, ExternalSystem]:
    found = {}
    for key, fields in shared.each("external_systems"):
        fields.only(("title", "kind", "purpose", "state"))
        found[key] = ExternalSystem(
            id=key,
            title=fields.text("title"),
            kind=fields.text("kind"),
            purpose=fields.text("purpose", ""),
            active=fields.choice("state", ("active", "inactive"), "active") == "active",
            dependants=tuple(w.name for w in workloads.values() if key in w.depends_on),
            may_depend=tuple(w.name for w in workloads.values() if key in w.may_depend_on),
        )
    return found


def _check_references(
    inventory: Inventory,
    workloads: Mapping[str, Workload],
    *,
    systems: Iterable[str],
    services: Iterable[str],
    hpas: Iterable[str],
    sources: Iterable[str],
) -> None:
    for workload in workloads.values():
        host = inventory.hosts[workload.name]
        fields = Fields(host.name, host.variables, host.path, host.line)
        wanted: tuple[tuple[str, Iterable[str], Iterable[str], str], ...] = (
            ("depends_on", workload.depends_on, systems, "external_systems"),
            ("may_depend_on", workload.may_depend_on, systems, "external_systems"),
            ("service", filter(None, [workload.service]), services, "services"),
            ("hpa", filter(None, [workload.hpa]), hpas, "hpas"),
            ("sends_traces_to", filter(None, [workload.sends_traces_to]), workloads, "the hosts"),
            ("telemetry_source", filter(None, [workload.telemetry_source]), sources, "telemetry.sources"),
        )
        for name, references, known, where in wanted:
            for reference in references:
                if reference not in known:
                    there = f"There are: {', '.join(known)}." if list(known) else "It is empty."
                    cause = f"{name} names {reference}, which is not among {where}"
                    raise fields.wrong(name, cause, there)


def _flows(
    shared: Fields,
    workloads: Mapping[str, Workload],
    groups: Mapping[str, Group],
    systems: Mapping[str, ExternalSystem],
) -> dict[str, Flow]:
    titles: dict[str, Mapping[str, str]] = {
        "workload": {w.name: w.name for w in workloads.values()},
        "group": {g.name: g.title for g in groups.values()},
        "system": {s.id: s.title for s in systems.values()},
    }
    found = {}
    for key, fields in shared.each("flows"):
        fields.only(("title", "stages"))
        stages = []
        for row in fields.rows("stages"):
            row.only(("workload", "group", "system", "outcome"))
            kinds = list(row)
            if len(kinds) != 1:
                raise ContentError(row.path, row.line, f"{row.what}: a stage names one thing")
            kind, ref = kinds[0], row.text(kinds[0])
            if kind != "outcome" and ref not in titles[kind]:
                raise row.wrong(kind, f"there is no {kind} {ref}")
            stages.append(Stage(kind, ref, ref if kind == "outcome" else titles[kind][ref]))
        found[key] = Flow(key, fields.text("title"), tuple(stages))
    return found


def _workflows(shared: Fields, workloads: Mapping[str, Workload]) -> tuple[Workflow, ...]:
    found = []
    for fields in shared.rows("workflows"):
        fields.only(("title", "workloads"))
        names = fields.names("workloads")
        for name in names:
            if name not in workloads:
                raise fields.wrong("workloads", f"there is no workload {name}")
        found.append(Workflow(fields.text("title"), names))
    return tuple(found)
