"""A workload that has been scaled to zero for long: perhaps nobody needs it any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from posdeck.catalogue.model import WorkloadState
from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment at zero that the catalogue expects there, or does not know."""
    for deployment in situation.snapshot.deployments.values():
        workload = situation.workload(deployment.name)
        if deployment.desired > 0 or (workload is not None and workload.state is WorkloadState.ACTIVE):
            continue
        since = _asleep_since(situation, deployment)
        days = int((situation.seconds_since(since) or 0.0) // 86400)
        age = situation.seconds_since(deployment.created)
        yield about_deployment(
            situation,
            "workload-asleep",
            deployment.name,
            Severity.RISK,
            f"scaled to zero for {days} days or more" if days else "scaled to zero, since when is not known",
            since=since,
            evidence=(
                ("spec.replicas", "0"),
                ("age of the deployment", f"{int(age // 86400)} days" if age is not None else "not said"),
                ("catalogue", workload.state.value if workload else "not in the catalogue"),
            ),
            likely="perhaps deprecated: to be reviewed and removed",
        )


def _asleep_since(situation: Situation, deployment: Deployment) -> datetime | None:
    """Since when at least: its conditions and replica sets have not changed since."""
    known = [c.changed_at for c in deployment.conditions if c.changed_at is not None]
    known += [rs.created for rs in situation.sets_of(deployment.name) if rs.created is not None]
    return max(known) if known else None


RULE = Rule("workload-asleep", find, (Kind.DEPLOYMENTS,))
