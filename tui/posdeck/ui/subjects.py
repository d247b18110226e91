"""From a selected row to what it stands for: its object, its deployment, its pods."""

from __future__ import annotations

from typing import Any

from posdeck.cluster.snapshot import Deployment, Event, Hpa, Node, Pod, ReplicaSet, Service
from posdeck.operations.front import RunbookSummary
from posdeck.operations.view import ActionSummary, ConsumerView, Problem, SessionSummary
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject

_RESOURCES = {
    "Pod": "pods",
    "Deployment": "deployments",
    "ReplicaSet": "replicasets",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
    "Service": "services",
    "Node": "nodes",
}


def subject_of(key: str, item: Any, scene: Scene) -> Subject | None:
    """What the row ``key`` with ``item`` stands for."""
    if isinstance(item, Pod):
        return pod_subject(item, scene)
    if isinstance(item, Deployment):
        return deployment_subject(item.name, scene)
    if isinstance(item, ConsumerView):
        return deployment_subject(scene.wall.full(key), scene)
    if isinstance(item, Problem):
        return _problem_subject(item, scene)
    if isinstance(item, Event):
        return _object_subject(item.about_kind, item.about_name, scene)
    if isinstance(item, Hpa):
        return _with_deployment("horizontalpodautoscalers", item.name, item.target_name, scene)
    if isinstance(item, ReplicaSet):
        owner = item.owner.name if item.owner else ""
        return _with_deployment("replicasets", item.name, owner, scene)
    if isinstance(item, Service):
        wanted = item.selector.items()
        owner = next(
            (
                scene.joins.deployment_of(pod)
                for pod in scene.snapshot.pods.values()
                if wanted and all(pod.labels.get(k) == v for k, v in wanted)
            ),
            "",
        )
        return _with_deployment("services", item.name, owner, scene)
    if isinstance(item, Node):
        return Subject("nodes", item.name)
    if isinstance(item, RunbookSummary):
        return Subject("", "", runbook=item.id)
    if isinstance(item, ActionSummary):
        return Subject("", "", record=item.record_id)
    if isinstance(item, SessionSummary):
        return Subject("", "", session=item.id)
    return None


def pod_subject(pod: Pod, scene: Scene) -> Subject:
    """A pod, with its deployment where that is known."""
    owner = scene.joins.deployment_of(pod)
    return Subject("pods", pod.name, owner, scene.wall.short(owner) if owner else "", (pod.name,))


def deployment_subject(full: str, scene: Scene) -> Subject:
    """A deployment with its pods."""
    return _with_deployment("deployments", full, full, scene)


def object_subject(plural: str, name: str, scene: Scene) -> Subject:
    """Any object by its kind's plural name (with its group, as ``jobs.batch``) and its own name."""
    kind = _camel(plural.partition(".")[0])
    if kind in _RESOURCES:
        return _object_subject(kind, name, scene)
    return Subject(plural, name)


def _with_deployment(resource: str, name: str, deployment: str, scene: Scene) -> Subject:
    pods = tuple(sorted(pod.name for pod in scene.joins.pods(deployment)))
    return Subject(resource, name, deployment, scene.wall.short(deployment) if deployment else "", pods)


def _object_subject(kind: str, name: str, scene: Scene) -> Subject:
    if kind == "Pod" and name in scene.snapshot.pods:
        return pod_subject(scene.snapshot.pods[name], scene)
    if kind == "Deployment":
        return deployment_subject(name, scene)
    if kind == "HorizontalPodAutoscaler" and name in scene.snapshot.hpas:
        hpa = scene.snapshot.hpas[name]
        return _with_deployment("horizontalpodautoscalers", name, hpa.target_name, scene)
    return Subject(_RESOURCES.get(kind, kind.lower()), name)


def _problem_subject(problem: Problem, scene: Scene) -> Subject:
    found = _object_subject(_camel(problem.object_kind), problem.object_name, scene)
    return Subject(
        found.resource,
        found.name,
        found.deployment,
        found.short,
        found.pods,
        problem=problem,
        params=problem.params,
    )


def _camel(kind: str) -> str:
    known = {name.lower(): name for name in _RESOURCES} | {
        "hpa": "HorizontalPodAutoscaler",
        "rs": "ReplicaSet",
    }
    known |= {plural: name for name, plural in _RESOURCES.items()}
    return known.get(kind.lower(), kind)
