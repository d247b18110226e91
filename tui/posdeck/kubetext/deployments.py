"""READY and the other counts of a deployment, and what ``kubectl rollout status`` would say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posdeck.kubetext.fields import at, integer, items, mapping, name_of, text
from posdeck.kubetext.labels import containers_and_images, selector_text

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DeploymentText:
    """kubectl's cells of a deployment, apart from its age."""

    ready: str  # "2/3"
    up_to_date: int
    available: int
    containers: str
    images: str
    selector: str


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far a rollout is. ``failed`` is set when its progress deadline has passed."""

    done: bool
    message: str
    failed: bool = False


def desired_replicas(obj: Object) -> int:
    """``spec.replicas``; one where it is left out, as the server defaults it."""
    return integer(at(obj, "spec", "replicas"), 1)


def deployment_text(deployment: Object) -> DeploymentText:
    """READY, UP-TO-DATE, AVAILABLE and the wide cells (``printDeployment``). Never raises on odd objects."""
    spec, status = mapping(deployment.get("spec")), mapping(deployment.get("status"))
    names, images = containers_and_images(items(at(spec, "template", "spec", "containers")))
    selector = selector_text(spec.get("selector"))
    return DeploymentText(
        ready=f"{integer(status.get('readyReplicas'))}/{desired_replicas(deployment)}",
        up_to_date=integer(status.get("updatedReplicas")),
        available=integer(status.get("availableReplicas")),
        containers=names,
        images=images,
        selector="<invalid>" if selector is None else selector,
    )


def rollout(deployment: Object) -> Rollout:
    """What ``kubectl rollout status`` says, by the rules of its status viewer for deployments."""
    status, name = mapping(deployment.get("status")), name_of(deployment)
    if integer(at(deployment, "metadata", "generation")) > integer(status.get("observedGeneration")):
        return Rollout(False, "Waiting for deployment spec update to be observed...")
    conditions = items(status.get("conditions"))
    if any(
        c.get("type") == "Progressing" and text(c.get("reason")) == "ProgressDeadlineExceeded"
        for c in conditions
    ):
        return Rollout(False, f'deployment "{name}" exceeded its progress deadline', failed=True)
    desired = desired_replicas(deployment)
    replicas, updated = integer(status.get("replicas")), integer(status.get("updatedReplicas"))
    available = integer(status.get("availableReplicas"))
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < desired:
        return Rollout(False, f"{waiting}{updated} out of {desired} new replicas have been updated...")
    if replicas > updated:
        return Rollout(False, f"{waiting}{replicas - updated} old replicas are pending termination...")
    if available < updated:
        return Rollout(False, f"{waiting}{available} of {updated} updated replicas are available...")
    return Rollout(True, f'deployment "{name}" successfully rolled out')
