"""Everything that a rule may look at, in one place, with the questions that many rules ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from posdeck.catalogue.model import Catalogue, Criticality, Workload, WorkloadState
from posdeck.cluster.snapshot import Deployment, Event, Feed, FeedState, Kind, Pod, ReplicaSet, Snapshot
from posdeck.findings.consumer_facts import NOTHING_ELSE, ConsumerFacts, OtherFacts
from posdeck.findings.history import History
from posdeck.findings.index import Index
from posdeck.findings.model import Severity
from posdeck.findings.signbook import SignBook

UNSEEN = (FeedState.CONNECTING, FeedState.FORBIDDEN, FeedState.ABSENT)


@dataclass(frozen=True, slots=True)
class Situation:
    """One moment as the rules see it."""

    catalogue: Catalogue
    snapshot: Snapshot
    consumers: Mapping[str, ConsumerFacts]
    now: datetime
    history: History
    index: Index
    signs: SignBook
    other: OtherFacts = NOTHING_ELSE

    def seconds_since(self, moment: datetime | None) -> float | None:
        """How long ago ``moment`` was, never below 0; None when it is not known."""
        return None if moment is None else max(0.0, (self.now - moment).total_seconds())

    def workload(self, deployment: str) -> Workload | None:
        """The catalogue's entry of a deployment (full name)."""
        return self.catalogue.by_deployment.get(deployment)

    def short(self, deployment: str) -> str:
        """What people call a deployment."""
        return self.catalogue.short_name(deployment)

    def deployment(self, short: str) -> Deployment | None:
        """The deployment of a workload by its short name, if the cluster has it."""
        workload = self.catalogue.workloads.get(short)
        return self.snapshot.deployments.get(workload.deployment) if workload else None

    def pods_of(self, deployment: str) -> Sequence[Pod]:
        """The pods of a deployment (full name)."""
        return self.index.pods_of.get(deployment, ())

    def sets_of(self, deployment: str) -> Sequence[ReplicaSet]:
        """Its replica sets, newest revision first."""
        return self.index.sets_of.get(deployment, ())

    def warnings(self, kind: str, name: str) -> Sequence[Event]:
        """The warning events about an object."""
        return self.index.warnings.get((kind, name), ())

    def unseen(self, kinds: Sequence[Kind]) -> Feed | None:
        """The first of these feeds that holds nothing to judge by."""
        feeds = (self.snapshot.feed(kind) for kind in kinds)
        return next((feed for feed in feeds if feed.state in UNSEEN or feed.total is not None), None)

    def sees(self, kind: Kind) -> bool:
        """Whether the objects of this kind are there to judge by."""
        return self.unseen((kind,)) is None

    def wanted(self) -> Iterator[Deployment]:
        """The deployments that want at least one pod."""
        return (d for d in self.snapshot.deployments.values() if d.desired > 0)

    def severity(self, deployment: str, *, down: bool) -> Severity:
        """How bad trouble with a deployment is: critical when one that matters is down altogether."""
        workload = self.workload(deployment)
        matters = workload is not None and workload.criticality in (Criticality.CRITICAL, Criticality.HIGH)
        return Severity.CRITICAL if down and matters else Severity.WARNING

    def is_down(self, deployment: str) -> bool:
        """Whether a deployment that wants pods has none available."""
        found = self.snapshot.deployments.get(deployment)
        return found is not None and found.desired > 0 and found.available <= 0

    def members(self, group: str) -> tuple[Workload, ...]:
        """The active workloads of an inventory group; none when there is no such group."""
        found = self.catalogue.groups.get(group)
        names = found.members if found else ()
        workloads = (self.catalogue.workloads[name] for name in names if name in self.catalogue.workloads)
        return tuple(w for w in workloads if w.state is not WorkloadState.ASLEEP)

    def params(self, deployment: str) -> dict[str, str]:
        """The runbook parameters that a deployment fills: workload, and consumer or worker by its category."""
        workload = self.workload(deployment)
        if workload is None:
            return {}
        singular = workload.category.removesuffix("s")
        return {"workload": workload.name} | ({singular: workload.name} if singular else {})
