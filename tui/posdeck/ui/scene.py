"""One moment as the rows see it: the view, the time, the catalogue's names, and joins that rows share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from posdeck.cluster.snapshot import Deployment, FeedState, Hpa, Kind, Pod, Snapshot, Usage
from posdeck.kubetext.ages import human_duration
from posdeck.operations.view import Problem, Severity, Surroundings, View
from posdeck.ui.wall import EMPTY_WALL, Wall


@dataclass(frozen=True, slots=True)
class Load:
    """What a workload uses. ``None`` where nothing was measured; shares are percent of request and limit."""

    cpu: float | None = None
    memory: int | None = None
    cpu_of_request: float | None = None
    memory_of_limit: float | None = None


class Joins:
    """Pods by deployment, and load; made once for each pair of pods and replica sets. ``owners`` says which
    deployment a replica set belongs to, by UID; it stays the same object as long as it says the same."""

    def __init__(self, snapshot: Snapshot, previous: Joins | None = None) -> None:
        self.snapshot = snapshot
        self.owners = _owners(snapshot, previous)
        self._selecting: _Selecting | None = None
        self.whole = _whole(snapshot)  # whether every pod is here, so that sums over them mean something
        self._pods: dict[str, list[Pod]] | None = None
        self._loads: dict[str, Load] = {}

    def fits(self, snapshot: Snapshot) -> bool:
        """Whether these joins still hold for ``snapshot``."""
        mine = self.snapshot
        return (
            mine.pods is snapshot.pods
            and mine.replica_sets is snapshot.replica_sets
            and mine.deployments is snapshot.deployments
            and mine.pod_usage is snapshot.pod_usage
            and self.whole == _whole(snapshot)
        )

    def pods(self, deployment: str) -> list[Pod]:
        """The pods of the deployment with this full name."""
        if self._pods is None:
            self._pods = self._join()
        return self._pods.get(deployment, [])

    def deployment_of(self, pod: Pod) -> str:
        """The full name of the pod's deployment; empty when it has none that is known."""
        if self.owners:
            return self.owners.get(pod.owner.uid, "") if pod.owner else ""
        if self._selecting is None:
            self._selecting = _Selecting(self.snapshot)
        return self._selecting.deployment_of(pod)

    def load(self, deployment: Deployment) -> Load:
        """The sum of what the deployment's measured pods use; nothing while pods are still missing."""
        if not self.whole:
            return Load()
        found = self._loads.get(deployment.name)
        if found is None:
            found = load_of(self.pods(deployment.name), self.snapshot.pod_usage)
            self._loads[deployment.name] = found
        return found

    def _join(self) -> dict[str, list[Pod]]:
        joined: dict[str, list[Pod]] = {}
        for pod in self.snapshot.pods.values():
            if owner := self.deployment_of(pod):
                joined.setdefault(owner, []).append(pod)
        return joined


def _whole(snapshot: Snapshot) -> bool:
    feed = snapshot.feed(Kind.PODS)
    unread = feed.state in {FeedState.FORBIDDEN, FeedState.ABSENT} or (
        feed.state is FeedState.CONNECTING and feed.confirmed_at is None
    )
    return not unread and feed.total is None


def _owners(snapshot: Snapshot, previous: Joins | None) -> Mapping[str, str]:
    before = previous.snapshot if previous is not None else None
    if (
        previous is not None
        and before is not None
        and before.replica_sets is snapshot.replica_sets
        and before.deployments is snapshot.deployments
    ):
        return previous.owners
    names = {d.uid: d.name for d in snapshot.deployments.values()}
    owners = {
        rs.uid: names[rs.owner.uid]
        for rs in snapshot.replica_sets.values()
        if rs.owner and rs.owner.uid in names
    }
    return previous.owners if previous is not None and previous.owners == owners else owners


class _Selecting:
    """Where replica sets may not be read, the selector is the next best witness. Each deployment is found by one
    label of its selector, so that ten thousand pods need not be held against every deployment."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._by_label: dict[tuple[str, str], list[tuple[int, Deployment]]] = {}
        for place, deployment in enumerate(snapshot.deployments.values()):
            for label in list(deployment.selector.items())[:1]:
                self._by_label.setdefault(label, []).append((place, deployment))

    def deployment_of(self, pod: Pod) -> str:
        """The first deployment, in the snapshot's order, whose whole selector fits; empty when none does."""
        fitting = [
            (place, deployment.name)
            for label in pod.labels.items()
            for place, deployment in self._by_label.get(label, ())
            if all(pod.labels.get(k) == v for k, v in deployment.selector.items())
        ]
        return min(fitting)[1] if fitting else ""


def load_of(pods: list[Pod], usage: Mapping[str, Usage]) -> Load:
    """Sum usage, and compare with requests and limits only over pods that have both."""
    measured = [(pod, usage[pod.name]) for pod in pods if pod.name in usage]
    if not measured:
        return Load()
    requested = [(u.cpu, p.resources.cpu_request) for p, u in measured]
    limited = [(u.memory, p.resources.memory_limit) for p, u in measured]
    return Load(
        cpu=sum(u.cpu for _, u in measured),
        memory=sum(u.memory for _, u in measured),
        cpu_of_request=_share([(used, of) for used, of in requested if of], len(requested)),
        memory_of_limit=_share([(used, of) for used, of in limited if of], len(limited)),
    )


def _share(pairs: list[tuple[float, float]] | list[tuple[int, int]], expected: int) -> float | None:
    if not pairs or len(pairs) != expected:
        return None
    return 100.0 * sum(used for used, _ in pairs) / sum(of for _, of in pairs)


class Scene:
    """Everything that a row may look at; a new one for each view, cheap to make."""

    def __init__(
        self, view: View, now: datetime, wall: Wall = EMPTY_WALL, previous: Scene | None = None
    ) -> None:
        self.view = view
        self.snapshot = view.snapshot
        self.now = now
        self.wall = wall
        kept: Joins | None = previous.joins if previous is not None else None
        self.joins: Joins = (
            kept if kept is not None and kept.fits(view.snapshot) else Joins(view.snapshot, kept)
        )
        self._worst: dict[tuple[str, str], Problem] | None = None
        self._hpas: dict[str, Hpa] | None = None

    def since(self, moment: datetime | None) -> str:
        """How long ago, as kubectl says it; ``?`` when it is not known."""
        return "?" if moment is None else human_duration((self.now - moment).total_seconds())

    def clock(self, moment: datetime | None) -> str:
        """The time of day in UTC; with its date when it is not today's."""
        if moment is None:
            return "?"
        there = moment.astimezone(UTC)
        return there.strftime("%H:%M:%S" if there.date() == self.now.date() else "%m-%d %H:%M")

    def minute(self, moment: datetime | None) -> str:
        """The time of day to the minute, or the day when it is not today's."""
        if moment is None:
            return "?"
        there = moment.astimezone(UTC)
        return there.strftime("%H:%M" if there.date() == self.now.date() else "%m-%d")

    def hpa_for(self, deployment: str) -> Hpa | None:
        """The HPA that scales this deployment."""
        if self._hpas is None:
            self._hpas = {
                hpa.target_name: hpa for hpa in self.snapshot.hpas.values() if hpa.target_kind == "Deployment"
            }
        return self._hpas.get(deployment)

    def trouble(self, kind: str, name: str) -> Severity | None:
        """The worst severity among the problems (not the risks) that concern this object."""
        found = self.finding(kind, name)
        return found.severity if found is not None else None

    def finding(self, kind: str, name: str) -> Problem | None:
        """The worst problem that concerns this object: its own, or one that its pods or workload are part of."""
        if self._worst is None:
            rank = list(Severity)
            worst: dict[tuple[str, str], Problem] = {}
            for problem in self.view.problems:
                for at in _concerned(problem):
                    known = worst.get(at)
                    if known is None or rank.index(problem.severity) < rank.index(known.severity):
                        worst[at] = problem
            self._worst = worst
        return self._worst.get((kind.lower(), name))


def _concerned(problem: Problem) -> set[tuple[str, str]]:
    own = (problem.object_kind.lower(), problem.object_name)
    pods = {("pod", name) for name in problem.pods}
    return {own} | pods | {("deployment", name) for name in problem.workloads}


def empty_scene(surroundings: Surroundings, now: datetime) -> Scene:
    """The scene before the first data."""
    return Scene(View(snapshot=Snapshot(), surroundings=surroundings), now)
