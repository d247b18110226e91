"""Which pod belongs to which deployment, and which warnings are about what: looked up by many rules, so kept from one
snapshot to the next and changed only where the objects did."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from posdeck.cluster.snapshot import Deployment, Event, Owner, Pod, ReplicaSet, Snapshot
from posdeck.findings.pod_changes import PodChanges

_Key = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class Batch:
    """Pods of one owner with the same labels: whose they are and who selects them is the same for all of them."""

    labels: frozenset[tuple[str, str]]
    owner: Owner | None
    pods: dict[str, Pod] = field(default_factory=dict)
    deployment: str | None = None
    latest_labels: Mapping[str, str] | None = None  # of the pod that came last: shared between most of them
    _any_ready: bool | None = None  # None until it is asked for again

    def touch(self) -> None:
        """Note that pods came, went or changed."""
        self._any_ready = None

    @property
    def any_ready(self) -> bool:
        """Whether at least one of them is ready."""
        if self._any_ready is None:
            self._any_ready = any(pod.is_ready for pod in self.pods.values())
        return self._any_ready


@dataclass(slots=True)
class Index:
    """Look-ups over the latest snapshot. A sequence of ``pods_of`` is the same object as long as its pods are."""

    pods_of: dict[str, Sequence[Pod]] = field(default_factory=dict)  # by deployment name
    sets_of: Mapping[str, Sequence[ReplicaSet]] = field(default_factory=dict)  # newest revision first
    warnings: Mapping[tuple[str, str], Sequence[Event]] = field(default_factory=dict)  # by kind and name
    batch_of: dict[str, Batch] = field(default_factory=dict)  # by pod name
    batches: Collection[Batch] = ()

    def deployment_of(self, pod: str) -> str | None:
        """The deployment that a pod belongs to, by their names."""
        batch = self.batch_of.get(pod)
        return batch.deployment if batch is not None else None


class Indexer:
    """Keeps one Index up to date."""

    def __init__(self) -> None:
        self._index = Index()
        self._batches: dict[_Key, Batch] = {}
        self._index.batches = self._batches.values()
        self._latest: dict[str, Batch] = {}  # of each owner: the next pod of it is most likely alike
        self._touched: set[str] = set()  # deployments whose pods are no longer those of ``pods_of``
        self._workloads: tuple[object, object] | None = None
        self._events: object = None
        self._names: dict[str, str] = {}  # of the deployments, by the uid of a replica set of theirs

    def index(self, snapshot: Snapshot, changes: PodChanges) -> tuple[Index, Collection[str]]:
        """The index of ``snapshot``, which differs from the one before by ``changes``; and the names of the pods,
        beside these, that belong to another deployment than before."""
        moved: list[str] = []
        workloads = (snapshot.replica_sets, snapshot.deployments)
        if self._workloads is None or any(
            a is not b for a, b in zip(workloads, self._workloads, strict=True)
        ):
            self._index.sets_of = _sets(snapshot)
            self._names = {rs.uid: n for n, owned in self._index.sets_of.items() for rs in owned if rs.uid}
            moved = self._assign_again(snapshot)
            self._workloads = workloads
        for before, pod in changes.now:
            self._take(before, pod, snapshot)
        for pod in changes.gone:
            self._drop(pod)
        self._gather()
        if self._events is not snapshot.events:
            self._index.warnings = _warnings(snapshot)
            self._events = snapshot.events
        return self._index, moved

    def _take(self, before: Pod | None, pod: Pod, snapshot: Snapshot) -> None:
        owner = pod.owner
        batch = self._latest.get(owner.uid) if owner is not None else None
        # equal owners and labels are the same objects, as long as there are not too many of them
        if batch is None or batch.owner is not owner or batch.latest_labels is not pod.labels:
            batch = self._batch(owner, pod, snapshot)
        if before is not None:
            old = self._index.batch_of[pod.name]
            if old is not batch:
                self._leave(old, pod.name)
        batch.pods[pod.name] = pod
        batch.touch()
        self._index.batch_of[pod.name] = batch
        if batch.deployment is not None:
            self._touched.add(batch.deployment)

    def _batch(self, owner: Owner | None, pod: Pod, snapshot: Snapshot) -> Batch:
        labels = frozenset(pod.labels.items())
        uid, name = (owner.uid, owner.name) if owner is not None else ("", "")
        key = (uid, name, labels)
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = Batch(labels, owner)
            batch.deployment = self._deployment(batch, snapshot)
        batch.latest_labels = pod.labels
        self._latest[uid] = batch
        return batch

    def _drop(self, pod: Pod) -> None:
        self._leave(self._index.batch_of.pop(pod.name), pod.name)

    def _leave(self, batch: Batch, name: str) -> None:
        del batch.pods[name]
        batch.touch()
        if batch.deployment is not None:
            self._touched.add(batch.deployment)
        if not batch.pods:
            uid, owner = (batch.owner.uid, batch.owner.name) if batch.owner is not None else ("", "")
            del self._batches[(uid, owner, batch.labels)]
            if self._latest.get(uid) is batch:
                del self._latest[uid]

    def _assign_again(self, snapshot: Snapshot) -> list[str]:
        """Look up every batch's deployment anew; the pods of those where it is another."""
        moved: list[str] = []
        for batch in self._batches.values():
            name = self._deployment(batch, snapshot)
            if name != batch.deployment:
                self._touched.update(each for each in (name, batch.deployment) if each is not None)
                batch.deployment = name
                moved += batch.pods
        return moved

    def _deployment(self, batch: Batch, snapshot: Snapshot) -> str | None:
        owner = batch.owner
        if owner is None or owner.kind != "ReplicaSet":
            return None
        name = self._names.get(owner.uid)
        if name is None:  # replica sets may be forbidden: their names are the deployment's with a hash
            guess = owner.name.rpartition("-")[0]
            name = guess if _selects(snapshot.deployments.get(guess), batch) else None
        return name

    def _gather(self) -> None:
        """The pods of each deployment that gained, lost or changed some."""
        if not self._touched:
            return
        found: dict[str, list[Pod]] = {}
        for batch in self._batches.values():
            if batch.deployment in self._touched:
                found.setdefault(batch.deployment, []).extend(batch.pods.values())
        for name in self._touched:
            if name in found:
                self._index.pods_of[name] = found[name]
            else:
                self._index.pods_of.pop(name, None)
        self._touched.clear()


def _sets(snapshot: Snapshot) -> dict[str, list[ReplicaSet]]:
    names = {deployment.uid: name for name, deployment in snapshot.deployments.items() if deployment.uid}
    found: dict[str, list[ReplicaSet]] = {}
    for each in snapshot.replica_sets.values():
        if each.owner is not None and each.owner.uid in names:
            found.setdefault(names[each.owner.uid], []).append(each)
    for each_list in found.values():
        each_list.sort(key=lambda rs: rs.revision or 0, reverse=True)
    return found


def _selects(deployment: Deployment | None, batch: Batch) -> bool:
    return deployment is not None and batch.labels.issuperset(deployment.selector.items())


def _warnings(snapshot: Snapshot) -> dict[tuple[str, str], list[Event]]:
    found: dict[tuple[str, str], list[Event]] = {}
    for event in snapshot.events.values():
        if event.type == "Warning":
            found.setdefault((event.about_kind, event.about_name), []).append(event)
    return found
