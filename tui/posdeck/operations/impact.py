"""Whom an act is going to hit, and who else has a hand in its object: computed from the live state when the plan is
shown, with ``?`` for what is not known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from posdeck.kubetext.labels import selects

if TYPE_CHECKING:
    from posdeck.catalogue.model import ExternalSystem, Workload
    from posdeck.cluster.snapshot import Deployment, Snapshot
    from posdeck.operations.acting import PlannedWrite
    from posdeck.operations.workshop import Workshop

REPLACES = frozenset({"rollout-restart", "rollout-undo"})
FILES = "files"  # the kind of external system that uploads come from
# who reverts what others change: by field manager, then by label or annotation; the words are for people
_MANAGERS = (
    ("argocd", "Argo CD"),
    ("argo-cd", "Argo CD"),
    ("kustomize-controller", "Flux"),
    ("flux", "Flux"),
    ("helm", "Helm"),
    ("keda", "KEDA"),
)
_MARKS = (
    ("argocd.argoproj.io/", "Argo CD"),
    ("kustomize.toolkit.fluxcd.io/", "Flux"),
    ("helm.toolkit.fluxcd.io/", "Flux"),
    ("meta.helm.sh/", "Helm"),
)
_MANAGED_BY = "app.kubernetes.io/managed-by"


def hits_of(workshop: Workshop, planned: PlannedWrite) -> tuple[str, ...]:
    """What the act will be felt as; nothing for what ends no pod."""
    snapshot = workshop.feed.snapshot
    if planned.write.resource.kind == "Pod":
        return tuple(_one_pod(workshop, snapshot, planned.write.name))
    deployment = snapshot.deployments.get(planned.write.name)
    if planned.write.resource.kind != "Deployment" or deployment is None:
        return ()
    if planned.write.act.id in REPLACES:
        return (_replacement(snapshot, deployment), *_felt(workshop, deployment))
    fewer = _fewer(planned)
    if fewer is None:
        return ()
    before, after = fewer
    ends = f"{before - after} of {before} pods end, {deployment.grace_seconds} s grace each"
    rest = "nothing is left to serve" if after == 0 else f"{after} go on"
    return (f"{ends}; {rest}", *_felt(workshop, deployment))


def _fewer(planned: PlannedWrite) -> tuple[int, int] | None:
    """Replicas before and after, where they become fewer."""
    change = next((c for c in planned.changes if c.path == "/spec/replicas"), None)
    if change is None or not isinstance(change.before, int) or not isinstance(change.after, int):
        return None
    return (change.before, change.after) if change.after < change.before else None


def _one_pod(workshop: Workshop, snapshot: Snapshot, name: str) -> Iterator[str]:
    pod = snapshot.pods.get(name)
    owner = next(
        (d for d in snapshot.deployments.values() if pod is not None and pod in snapshot.pods_of(d)), None
    )
    if pod is None or owner is None:
        yield "this pod; whether others do its work: ?"
        return
    others = sum(1 for p in snapshot.pods_of(owner) if p.is_ready and p.name != name)
    yield f"this pod, {owner.grace_seconds} s grace; {others} of {owner.desired} ready without it"
    yield from _felt(workshop, owner)


def _felt(workshop: Workshop, deployment: Deployment) -> Iterator[str]:
    """Budget, messages and uploads of a deployment whose pods end."""
    yield _budget(workshop, deployment)
    workload = workshop.catalogue.by_deployment.get(deployment.name)
    if workload is None:
        return
    reading = workshop.readings(workload.name) if workload.queue else None
    if reading is not None:
        pending = reading.unacknowledged
        count = f"{pending.value:.0f}" if pending.value is not None else "?"
        yield f"{count} unacknowledged message{'' if count == '1' else 's'} will be delivered again"
    files = [s.title for s in _sources(workshop, workload)]
    if files:
        yield f"uploads in flight ({', '.join(files)}) begin anew; rows that were taken may come twice"


def _sources(workshop: Workshop, workload: Workload) -> list[ExternalSystem]:
    systems = workshop.catalogue.systems
    return [systems[name] for name in workload.depends_on if name in systems and systems[name].kind == FILES]


def _budget(workshop: Workshop, deployment: Deployment) -> str:
    budgets = workshop.budgets()
    if budgets is None:
        return "disruption budget: ? (budgets were not read)"
    pods = workshop.feed.snapshot.pods_of(deployment)
    labels = pods[0].labels if pods else deployment.selector
    found = [budget for budget in budgets if selects(budget.selector, labels)]
    if not found:
        return "no disruption budget"
    words = (f"{b.name} allows {b.allowed} now, {b.healthy} of {b.wanted} healthy" for b in found)
    return f"disruption budget {'; '.join(words)}; only evictions ask it"


def _replacement(snapshot: Snapshot, deployment: Deployment) -> str:
    pods = snapshot.pods_of(deployment)
    if deployment.strategy == "Recreate":
        return f"all {len(pods)} pods go before new ones come: nothing serves meanwhile"
    ready = sum(1 for p in pods if p.is_ready)
    unavailable = _rounded(deployment.max_unavailable, deployment.desired)
    down = "?" if unavailable is None else str(unavailable)
    replaced = (
        "its only pod is replaced"
        if len(pods) == deployment.desired == 1
        else f"{len(pods)} of {deployment.desired} pods are replaced one after the other"
    )
    return (
        f"{replaced}, {ready} ready now, "
        f"at most {down} missing at a time, {deployment.grace_seconds} s grace each"
    )


def _rounded(value: str, replicas: int) -> int | None:
    """maxUnavailable as a number of pods (a percentage is rounded down)."""
    if value.endswith("%") and value[:-1].isdigit():
        return replicas * int(value[:-1]) // 100
    return int(value) if value.isdigit() else None


def warnings_of(workshop: Workshop, writes: tuple[PlannedWrite, ...]) -> tuple[str, ...]:
    """Who else would set back what these acts write, and what is not live at this moment."""
    snapshot = workshop.feed.snapshot
    found: list[str] = []
    for planned in writes:
        deployment = snapshot.deployments.get(planned.write.name)
        owners = owners_of(deployment) if deployment is not None else ()
        if owners:
            found.append(
                f"{planned.write.short} is also managed by {', '.join(owners)}, which may revert this"
            )
        if planned.write.act.id == "scale":
            found += _autoscaled(workshop, planned.write.name)
    stale = [f.kind.value for f in snapshot.feeds.values() if f.state.value == "stale"]
    if stale:
        found.append(f"not live: {', '.join(stale)}")
    return tuple(found)


def _autoscaled(workshop: Workshop, name: str) -> Iterator[str]:
    for hpa in workshop.feed.snapshot.hpas.values():
        if hpa.target_name == name:
            yield f"HPA {hpa.name} sets the replicas ({hpa.minimum} to {hpa.maximum}) and will override this"
    for scaler in workshop.scalers().objects:
        if scaler.target_name == name:
            yield (
                f"KEDA's ScaledObject {scaler.name} sets the replicas ({scaler.minimum} to {scaler.maximum}) "
                "and will override this"
            )


def owners_of(deployment: Deployment) -> tuple[str, ...]:
    """The tools that manage a deployment, by its field managers, labels and annotations, in the order found."""
    found = [word for manager in deployment.managers for part, word in _MANAGERS if part in manager.lower()]
    marks: Mapping[str, str] = {**deployment.labels, **deployment.annotations}
    found += [word for key in marks for prefix, word in _MARKS if key.startswith(prefix)]
    by = marks.get(_MANAGED_BY, "")
    found += [word for part, word in _MANAGERS if part in by.lower()]
    return tuple(dict.fromkeys(found))
