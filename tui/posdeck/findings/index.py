"""Which pod belongs to which deployment, and which warnings are about what: looked up by many rules, so worked out
once for each snapshot, and only again when the objects changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from posdeck.cluster.snapshot import Deployment, Event, Pod, ReplicaSet, Snapshot


@dataclass(slots=True)
class Index:
    """Look-ups over one snapshot. Treat as frozen once built."""

    pods_of: Mapping[str, Sequence[Pod]] = field(default_factory=dict)  # by deployment name
    sets_of: Mapping[str, Sequence[ReplicaSet]] = field(default_factory=dict)  # newest revision first
    deployment_of: Mapping[str, str] = field(default_factory=dict)  # by pod name
    warnings: Mapping[tuple[str, str], Sequence[Event]] = field(default_factory=dict)  # by kind and name
    alike: Mapping[frozenset[tuple[str, str]], Sequence[Pod]] = field(default_factory=dict)  # by their labels


class Indexer:
    """Builds an Index and keeps the parts whose objects are still the same."""

    def __init__(self) -> None:
        self._index = Index()
        self._workloads: tuple[object, object, object] | None = None
        self._events: object = None
        self._pods: object = None

    def index(self, snapshot: Snapshot) -> Index:
        """The index of ``snapshot``."""
        workloads = (snapshot.pods, snapshot.replica_sets, snapshot.deployments)
        if self._workloads is None or any(
            a is not b for a, b in zip(workloads, self._workloads, strict=True)
        ):
            sets = _sets(snapshot)
            pods, owners = _pods(snapshot, sets)
            alike = _alike(snapshot) if self._pods is not snapshot.pods else self._index.alike
            self._index = Index(self._same(pods), sets, owners, self._index.warnings, alike)
            self._pods = snapshot.pods
            self._workloads = workloads
        if self._events is not snapshot.events:
            self._index = replace(self._index, warnings=_warnings(snapshot))
            self._events = snapshot.events
        return self._index

    def _same(self, pods: dict[str, list[Pod]]) -> dict[str, Sequence[Pod]]:
        """The lists as they were where their pods are the very same, so that what was worked out of them holds."""
        before = self._index.pods_of
        return {
            name: known if (known := before.get(name)) == found else found for name, found in pods.items()
        }


def _alike(snapshot: Snapshot) -> dict[frozenset[tuple[str, str]], list[Pod]]:
    found: dict[frozenset[tuple[str, str]], list[Pod]] = {}
    for pod in snapshot.pods.values():
        found.setdefault(frozenset(pod.labels.items()), []).append(pod)
    return found


def _sets(snapshot: Snapshot) -> dict[str, list[ReplicaSet]]:
    names = {deployment.uid: name for name, deployment in snapshot.deployments.items() if deployment.uid}
    found: dict[str, list[ReplicaSet]] = {}
    for each in snapshot.replica_sets.values():
        if each.owner is not None and each.owner.uid in names:
            found.setdefault(names[each.owner.uid], []).append(each)
    for each_list in found.values():
        each_list.sort(key=lambda rs: rs.revision or 0, reverse=True)
    return found


def _pods(
    snapshot: Snapshot, sets: Mapping[str, Sequence[ReplicaSet]]
) -> tuple[dict[str, list[Pod]], dict[str, str]]:
    by_uid = {each.uid: name for name, owned in sets.items() for each in owned if each.uid}
    pods: dict[str, list[Pod]] = {}
    owners: dict[str, str] = {}
    for pod in snapshot.pods.values():
        owner = pod.owner
        if owner is None or owner.kind != "ReplicaSet":
            continue
        name = by_uid.get(owner.uid)
        if name is None:  # replica sets may be forbidden: their names are the deployment's with a hash
            guess = owner.name.rpartition("-")[0]
            name = guess if _selects(snapshot.deployments.get(guess), pod) else None
        if name is not None:
            pods.setdefault(name, []).append(pod)
            owners[pod.name] = name
    return pods, owners


def _selects(deployment: Deployment | None, pod: Pod) -> bool:
    return deployment is not None and all(pod.labels.get(k) == v for k, v in deployment.selector.items())


def _warnings(snapshot: Snapshot) -> dict[tuple[str, str], list[Event]]:
    found: dict[tuple[str, str], list[Event]] = {}
    for event in snapshot.events.values():
        if event.type == "Warning":
            found.setdefault((event.about_kind, event.about_name), []).append(event)
    return found
