"""Deployments, replica sets and HPAs as records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from posdeck.cluster.projected_containers import template_containers
from posdeck.cluster.projected_parts import (
    CHANGE_CAUSE,
    annotation_map,
    conditions,
    labels_of,
    owner_of,
    revision_of,
)
from posdeck.cluster.snapshot import Deployment, Hpa, HpaMetric, ReplicaSet
from posdeck.kubetext.ages import created, parse_time
from posdeck.kubetext.deployments import desired_replicas
from posdeck.kubetext.fields import at, integer, items, label_map, mapping, optional_integer, text
from posdeck.kubetext.hpas import hpa_text
from posdeck.kubetext.templates import restarted_at, template_digest

Raw = Mapping[str, Any]


def deployment(raw: Raw) -> Deployment:
    """One Deployment (apps/v1)."""
    metadata, spec, status = (mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    template = mapping(spec.get("template"))
    pod = mapping(template.get("spec"))
    rolling = mapping(at(spec, "strategy", "rollingUpdate"))
    config_maps, secrets = references(pod)
    return Deployment(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        generation=integer(metadata.get("generation")),
        observed_generation=integer(status.get("observedGeneration")),
        created=created(raw),
        desired=desired_replicas(raw),
        replicas=integer(status.get("replicas")),
        ready=integer(status.get("readyReplicas")),
        updated=integer(status.get("updatedReplicas")),
        available=integer(status.get("availableReplicas")),
        unavailable=integer(status.get("unavailableReplicas")),
        paused=spec.get("paused") is True,
        strategy=text(at(spec, "strategy", "type"), "RollingUpdate"),
        max_surge=_share(rolling.get("maxSurge")),
        max_unavailable=_share(rolling.get("maxUnavailable")),
        progress_deadline=optional_integer(spec.get("progressDeadlineSeconds")),
        min_ready_seconds=integer(spec.get("minReadySeconds")),
        grace_seconds=integer(pod.get("terminationGracePeriodSeconds"), 30),
        revision=revision_of(metadata),
        restarted_at=parse_time(restarted_at(template)),
        change_cause=label_map(metadata.get("annotations")).get(CHANGE_CAUSE, ""),
        template_hash=template_digest(template) if template else "",
        labels=labels_of(metadata.get("labels")),
        annotations=annotation_map(metadata.get("annotations")),
        selector=labels_of(at(spec, "selector", "matchLabels")),
        containers=template_containers(pod),
        conditions=conditions(status.get("conditions")),
        managers=spec_managers(metadata),
        config_maps=config_maps,
        secrets=secrets,
    )


def _share(value: object) -> str:
    """A count or a percentage; the server fills in 25% where none was given."""
    number = optional_integer(value)
    return str(number) if number is not None else text(value, "25%")


def replica_set(raw: Raw) -> ReplicaSet:
    """One ReplicaSet (apps/v1)."""
    metadata, spec, status = (mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    template = mapping(spec.get("template"))
    return ReplicaSet(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        created=created(raw),
        desired=desired_replicas(raw),
        replicas=integer(status.get("replicas")),
        ready=integer(status.get("readyReplicas")),
        available=integer(status.get("availableReplicas")),
        revision=revision_of(metadata),
        owner=owner_of(metadata),
        template_hash=template_digest(template) if template else "",
        restarted_at=parse_time(restarted_at(template)),
        change_cause=label_map(metadata.get("annotations")).get(CHANGE_CAUSE, ""),
        labels=labels_of(metadata.get("labels")),
        containers=template_containers(mapping(template.get("spec"))),
        conditions=conditions(status.get("conditions")),
    )


def hpa(raw: Raw) -> Hpa:
    """One HorizontalPodAutoscaler (autoscaling/v2)."""
    metadata, spec, status = (mapping(raw.get(part)) for part in ("metadata", "spec", "status"))
    words = hpa_text(raw)
    return Hpa(
        name=text(metadata.get("name")),
        uid=text(metadata.get("uid")),
        resource_version=text(metadata.get("resourceVersion")),
        created=created(raw),
        target_kind=text(at(spec, "scaleTargetRef", "kind")),
        target_name=text(at(spec, "scaleTargetRef", "name")),
        minimum=integer(spec.get("minReplicas"), 1),
        maximum=words.maximum,
        current=words.current,
        desired=optional_integer(status.get("desiredReplicas")),
        targets=words.targets,
        metrics=tuple(
            HpaMetric(
                type=metric.type,
                name=metric.name,
                target=metric.target,
                current=metric.current,
                target_kind=metric.target_kind,
                target_number=metric.target_number,
                current_number=metric.current_number,
                container=metric.container,
                described=metric.described,
            )
            for metric in words.metrics
        ),
        conditions=conditions(status.get("conditions")),
        last_scaled=parse_time(status.get("lastScaleTime")),
        scale_down_window=optional_integer(at(spec, "behavior", "scaleDown", "stabilizationWindowSeconds")),
        scale_up_window=optional_integer(at(spec, "behavior", "scaleUp", "stabilizationWindowSeconds")),
        labels=labels_of(metadata.get("labels")),
        annotations=annotation_map(metadata.get("annotations")),
        owner=owner_of(metadata),
    )


def spec_managers(metadata: Raw) -> tuple[str, ...]:
    """The field managers that own part of the spec, oldest first, each once."""
    owning = [
        (text(entry.get("time")), text(entry.get("manager")))
        for entry in items(metadata.get("managedFields"))
        if "f:spec" in mapping(entry.get("fieldsV1")) and text(entry.get("manager"))
    ]
    return tuple(dict.fromkeys(manager for _, manager in sorted(owning)))


def references(pod: Raw) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the config maps and of the secrets that a pod's containers and volumes refer to."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    for container in [*items(pod.get("initContainers")), *items(pod.get("containers"))]:
        for source in items(container.get("envFrom")):
            config_maps.add(text(at(source, "configMapRef", "name")))
            secrets.add(text(at(source, "secretRef", "name")))
        for variable in items(container.get("env")):
            config_maps.add(text(at(variable, "valueFrom", "configMapKeyRef", "name")))
            secrets.add(text(at(variable, "valueFrom", "secretKeyRef", "name")))
    for volume in items(pod.get("volumes")):
        for source in [volume, *items(at(volume, "projected", "sources"))]:
            config_maps.add(text(at(source, "configMap", "name")))
            secrets.add(text(at(source, "secret", "secretName")) or text(at(source, "secret", "name")))
    secrets.update(text(pull.get("name")) for pull in items(pod.get("imagePullSecrets")))
    return tuple(sorted(config_maps - {""})), tuple(sorted(secrets - {""}))
