"""What the inventory says, as frozen objects: the workloads of one namespace, what they depend on, and what a
change needs in this environment. Nothing here knows a particular namespace."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import Any

from posdeck.catalogue.policy import Policy
from posdeck.errors import UnknownNameError

__all__ = [
    "Catalogue",
    "Contact",
    "Criticality",
    "Environment",
    "ExternalSystem",
    "Flow",
    "Group",
    "HpaFact",
    "HpaMetric",
    "Policy",
    "Section",
    "ServiceFact",
    "ServiceLevel",
    "ServicePort",
    "Stage",
    "Telemetry",
    "Workflow",
    "Workload",
    "WorkloadState",
]

EMPTY: Mapping[str, Any] = MappingProxyType({})

# Ansible's and the shell's ways to name several things at once; "/" and white space name none exactly either
PATTERN_CHARACTERS = frozenset("*?[]{}():,;&!~%@|<>\"'`$\\/ \t\r\n")


class Criticality(StrEnum):
    """How much it matters when a workload is down, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 for critical, rising as it matters less: a sort key."""
        return list(Criticality).index(self)


class WorkloadState(StrEnum):
    """What the catalogue expects of a workload: at work, scaled to zero on purpose, or kept only for now."""

    ACTIVE = "active"
    ASLEEP = "asleep"
    LEGACY = "legacy"


@dataclass(frozen=True, slots=True)
class Workload:
    """One deployment. ``name`` is the exact short name (the inventory host), ``deployment`` the full name.
    ``label`` is for narrow columns and never accepted as a name. ``replicas`` is what the catalogue expects,
    ``minimum`` and ``maximum`` bound a scaling that counts as a mitigation. ``depends_on`` are external
    systems that the reference names, ``may_depend_on`` those that are likely but not stated."""

    name: str
    deployment: str
    purpose: str
    replicas: int
    minimum: int
    maximum: int
    label: str = ""
    category: str = ""  # the top group of its section tree: "consumers"
    section: str = ""  # the deepest group that is a section: "order_consumers"
    groups: tuple[str, ...] = ()  # every group it is in, without "all"
    tier: str = "standard"
    criticality: Criticality = Criticality.NORMAL
    state: WorkloadState = WorkloadState.ACTIVE
    recommended_replicas: int | None = None
    deployment_age_days: int | None = None  # of the deployment, not of its sleep
    hpa: str | None = None
    service: str | None = None
    depends_on: tuple[str, ...] = ()
    may_depend_on: tuple[str, ...] = ()
    sends_traces_to: str | None = None
    namespace: str = ""
    queue: str | None = None
    telemetry_source: str | None = None  # the name of one of the telemetry's further sources
    ports: Mapping[str, int] = field(default_factory=lambda: EMPTY, hash=False)
    queries: Mapping[str, str] = field(default_factory=lambda: EMPTY, hash=False)  # templates, see query()
    links: Mapping[str, str] = field(default_factory=lambda: EMPTY, hash=False)  # templates, see link()
    # simulated_* without the prefix; then all variables, merged as Ansible does
    simulated: Mapping[str, Any] = field(default_factory=lambda: EMPTY, hash=False)
    variables: Mapping[str, Any] = field(default_factory=lambda: EMPTY, hash=False, repr=False)

    @property
    def single_point_of_failure(self) -> bool:
        """Whether one replica is all that is expected."""
        return self.replicas == 1

    def query(self, measure: str) -> str | None:
        """The query for ``measure`` with $queue, $deployment, $namespace and $name put in; None when there is
        none or it needs a queue that is not named."""
        return self._filled(self.queries.get(measure))

    def link(self, title: str) -> str | None:
        """The address behind ``title`` with the same names put in, or None."""
        return self._filled(self.links.get(title))

    def _filled(self, template: str | None) -> str | None:
        if template is None:
            return None
        known = {"deployment": self.deployment, "name": self.name, "namespace": self.namespace}
        if self.queue is not None:
            known["queue"] = self.queue
        elif "queue" in Template(template).get_identifiers():
            return None
        return Template(template).safe_substitute(known)


@dataclass(frozen=True, slots=True)
class Group:
    """One inventory group. ``members`` holds every workload in it and in its children. ``order`` is None for
    a group that is not a section of the screen."""

    name: str
    title: str
    purpose: str = ""
    order: int | None = None
    children: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExternalSystem:
    """Something outside the namespace. ``dependants`` follows from depends_on, ``may_depend`` from
    may_depend_on; both are short names."""

    id: str
    title: str
    kind: str
    purpose: str = ""
    active: bool = True
    dependants: tuple[str, ...] = ()
    may_depend: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServicePort:
    """One port of a service."""

    port: int
    node_port: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class ServiceFact:
    """A service as the catalogue expects it."""

    name: str
    type: str
    ports: tuple[ServicePort, ...]
    purpose: str = ""
    cluster_ip: str | None = None


@dataclass(frozen=True, slots=True)
class HpaMetric:
    """One metric of an HPA. ``target`` is a percentage for Utilization, a quantity ("160Mi") for
    AverageValue."""

    resource: str
    type: str
    target: str


@dataclass(frozen=True, slots=True)
class HpaFact:
    """A HorizontalPodAutoscaler as the catalogue expects it; ``target`` is a deployment's full name."""

    name: str
    target: str
    minimum: int
    maximum: int
    metrics: tuple[HpaMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """Who is told: a role, never an invented person. ``reach`` is None until the team fills it in."""

    id: str
    title: str
    concerns: str = ""
    reach: str | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a flow. ``kind`` is system, group, workload or outcome; ``ref`` its id (the text itself
    for an outcome, which nothing in the cluster shows)."""

    kind: str
    ref: str
    title: str


@dataclass(frozen=True, slots=True)
class Flow:
    """A path through the system, in order."""

    id: str
    title: str
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A piece of the business and the workloads (short names) that carry it."""

    title: str
    workloads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """Something the team watches. Without a query there is no source, which is not the same as zero.

    ``objective`` is a bound of the value, an upper one unless ``at_least``. ``bad_ratio`` is a query with
    ``$window`` for the share of events (0 to 1) that were bad, ``target`` the share that shall be good (0.999).
    """

    id: str
    title: str
    unit: str = ""
    query: str | None = None
    objective: float | None = None
    at_least: bool = False
    bad_ratio: str | None = None
    target: float | None = None


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Where numbers come from. ``source`` is none, prometheus, rabbitmq, endpoint or external-metrics; ``via`` is direct,
    service, port-forward or embedded; ``reason`` says why there is none. Secrets are never here, only the paths
    of files. ``sources`` are further ones by name, which a workload chooses with ``telemetry_source``."""

    source: str = "none"
    reason: str = ""
    via: str = "direct"
    url: str | None = None
    service: str | None = None
    token_file: str | None = None
    ca_file: str | None = None
    username: str | None = None
    password_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    server_name: str | None = None
    vhost: str = "/"
    scrape_seconds: int = 60
    path: str = "/metrics"  # of an endpoint
    sources: Mapping[str, Telemetry] = field(default_factory=lambda: EMPTY, hash=False)


@dataclass(frozen=True, slots=True)
class Environment:
    """One folder of the inventory. ``accept`` is bound (only the cluster stored by binding) or embedded (only
    posdeck's own); ``context`` None accepts every context that leads to that cluster."""

    name: str
    title: str
    production: bool
    namespace: str
    accept: str
    context: str | None
    policy: Policy
    telemetry: Telemetry = Telemetry()
    namespace_title: str = ""
    namespace_purpose: str = ""
    namespace_age_days: int | None = None
    compliance: tuple[str, ...] = ()
    impact: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A group of the screen with the workloads listed under it (each workload is in exactly one section)."""

    group: Group
    workloads: tuple[Workload, ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole inventory of one environment. Mappings keep the inventory's order."""

    environment: Environment
    workloads: Mapping[str, Workload]  # by short name
    groups: Mapping[str, Group] = field(default_factory=lambda: EMPTY)
    systems: Mapping[str, ExternalSystem] = field(default_factory=lambda: EMPTY)
    services: Mapping[str, ServiceFact] = field(default_factory=lambda: EMPTY)
    hpas: Mapping[str, HpaFact] = field(default_factory=lambda: EMPTY)
    contacts: Mapping[str, Contact] = field(default_factory=lambda: EMPTY)
    flows: Mapping[str, Flow] = field(default_factory=lambda: EMPTY)
    workflows: tuple[Workflow, ...] = ()
    service_levels: Mapping[str, ServiceLevel] = field(default_factory=lambda: EMPTY)
    name_prefix: str = ""
    name_suffix: str = ""
    folder: Path = Path()
    digest: str = ""  # sha256 of the folder's files
    by_deployment: Mapping[str, Workload] = field(default_factory=lambda: EMPTY)
    simulated: Mapping[str, Any] = field(default_factory=lambda: EMPTY)  # simulated_* of group all

    @property
    def expected_pods(self) -> int:
        """How many pods the expected replicas make."""
        return sum(w.replicas for w in self.workloads.values())

    def workload(self, name: str) -> Workload:
        """The workload with exactly this short or full name; raises UnknownNameError, also for a pattern."""
        found = self.workloads.get(name) or self.by_deployment.get(name)
        if found:
            return found
        if not name.strip():
            raise UnknownNameError("deployment", "no name is given", self._try(name))
        if PATTERN_CHARACTERS & set(name) or name == "all":
            cause = "not one exact name; a pattern never chooses what is changed"
            raise UnknownNameError(repr(name), cause, self._try(name))
        group = self.groups.get(name)
        if group:
            raise UnknownNameError(
                name,
                f"a group of {len(group.members)} deployments; the name of one is asked for",
                f"It holds: {', '.join(group.members)}" if group.members else "It is empty",
            )
        raise UnknownNameError(
            name, f"no deployment of {self.environment.namespace} has this name", self._try(name)
        )

    def group(self, name: str) -> Group:
        """The group with exactly this name; raises UnknownNameError."""
        found = self.groups.get(name)
        if found:
            return found
        near = difflib.get_close_matches(name, self.groups, n=3, cutoff=0.5)
        hint = f"Did you mean {_alternatives(near)}?" if near else f"There are: {', '.join(self.groups)}"
        raise UnknownNameError(repr(name), "no group of the inventory has this name", hint)

    def workloads_in(self, group: str) -> tuple[Workload, ...]:
        """Every workload of the group and of its children; raises UnknownNameError."""
        return tuple(self.workloads[name] for name in self.group(group).members)

    def sections(self) -> tuple[Section, ...]:
        """The sections of the screen in their order, empty ones left out."""
        listed = sorted((g for g in self.groups.values() if g.order is not None), key=lambda g: g.order or 0)
        sections = (
            Section(g, tuple(w for w in self.workloads.values() if w.section == g.name)) for g in listed
        )
        return tuple(s for s in sections if s.workloads)

    def short_name(self, deployment: str) -> str:
        """The short name of a full one. A deployment that the catalogue does not know loses the common prefix
        and suffix, unless what remains is the short name of another."""
        known = self.by_deployment.get(deployment)
        if known:
            return known.name
        if (
            self.name_prefix
            and deployment.startswith(self.name_prefix)
            and deployment.endswith(self.name_suffix)
        ):
            short = deployment[len(self.name_prefix) : len(deployment) - len(self.name_suffix)]
            if short and short not in self.workloads:
                return short
        return deployment

    def suggestions(self, name: str) -> tuple[str, ...]:
        """Up to three short names that ``name`` may have meant, nearest first."""
        bare = name.removeprefix("deployment/").removeprefix("deployments/").strip().lower()
        bare = bare.removeprefix(self.name_prefix).removesuffix(self.name_suffix)
        if not bare:
            return ()
        exact = [w for w in self.workloads if w.lower() == bare]
        ending = [w for w in self.workloads if w.endswith(bare) and w not in exact]
        near = difflib.get_close_matches(bare, self.workloads, n=3, cutoff=0.6)
        return tuple(dict.fromkeys([*exact, *ending, *near]))[:3]

    def _try(self, name: str) -> str:
        found = self.suggestions(name)
        if found:
            return f"Did you mean {_alternatives(found)}?"
        return f"The names are: {', '.join(self.workloads)}"


def _alternatives(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last
