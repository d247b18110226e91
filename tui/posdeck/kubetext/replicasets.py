"""The cells of a replica set, one revision of a deployment, and of what else keeps a count of pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from posdeck.kubetext.deployments import desired_replicas
from posdeck.kubetext.fields import at, integer, items, mapping
from posdeck.kubetext.labels import containers_and_images, format_selector


@dataclass(frozen=True, slots=True)
class ReplicaSetText:
    """kubectl's cells of a replica set, apart from its age."""

    desired: int
    current: int
    ready: int
    containers: str
    images: str
    selector: str


def replica_set_text(replica_set: Mapping[str, Any]) -> ReplicaSetText:
    """DESIRED, CURRENT, READY and the wide cells (``printReplicaSet``). Never raises on odd objects."""
    spec, status = mapping(replica_set.get("spec")), mapping(replica_set.get("status"))
    names, images = containers_and_images(items(at(spec, "template", "spec", "containers")))
    return ReplicaSetText(
        desired=desired_replicas(replica_set),
        current=integer(status.get("replicas")),
        ready=integer(status.get("readyReplicas")),
        containers=names,
        images=images,
        selector=format_selector(spec.get("selector")),
    )
