"""The one list of findings that a runbook may name as a trigger.

Runbooks and findings do not know each other: a runbook names a finding by its id, the rules produce findings
under these ids, and ``operations`` joins the two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FindingId:
    """A finding's stable id, and what it says in one line."""

    id: str
    says: str


FINDINGS: tuple[FindingId, ...] = (
    # the main API
    FindingId("api-not-answering", "the main API does not answer, or answers with errors"),
    FindingId("api-slow", "the main API answers slower than its objective"),
    FindingId("deployment-unavailable", "a deployment has no available pod"),
    FindingId("deployment-degraded", "a deployment has fewer ready pods than it wants"),
    FindingId("rollout-stuck", "a rollout does not progress"),
    FindingId("rollout-paused", "a rollout was paused and left so"),
    FindingId("deployment-missing", "a deployment that should be at work does not exist"),
    FindingId("workload-stopped", "a workload that should be at work is scaled to zero"),
    FindingId("pods-not-created", "the API server refuses to create a deployment's pods"),
    FindingId("controller-silent", "the cluster does not take up a change of a deployment"),
    FindingId("service-without-endpoints", "a service has no ready pod behind it"),
    # pods
    FindingId("pod-crash-looping", "a container ends again and again"),
    FindingId("pod-out-of-memory", "a container was killed for using too much memory"),
    FindingId("pod-image-missing", "an image cannot be pulled"),
    FindingId("pod-not-ready", "a pod runs and is not ready"),
    FindingId("pod-pending", "a pod cannot be placed on a node"),
    FindingId("pod-hung", "one pod of several does nothing while its siblings work"),
    FindingId("pod-stuck-terminating", "a pod is being deleted for longer than its grace period"),
    FindingId("pod-config-missing", "a ConfigMap or Secret that a pod needs is missing"),
    FindingId("pod-start-failed", "a container cannot be created, or takes too long to be"),
    FindingId("pod-evicted", "a node ended a pod"),
    FindingId(
        "pod-probe-failing", "a liveness or startup probe fails and the kubelet restarts the container"
    ),
    FindingId("restarts-rising", "containers restart more often than before"),
    # consumers and queues
    FindingId("consumer-not-processing", "a consumer acknowledges nothing while messages wait"),
    FindingId("consumer-lag-growing", "messages arrive faster than a consumer takes them"),
    FindingId("consumer-errors", "a consumer logs errors well above its usual rate"),
    FindingId("queue-without-consumer", "a queue has messages and nobody consuming it"),
    FindingId("messages-redelivered", "messages come back again and again"),
    FindingId("bulk-upload-delayed", "bulk uploads wait longer than usual"),
    FindingId("order-flow-blocked", "orders arrive and are not processed"),
    FindingId("sync-interrupted", "a data sync or a validation does not work"),
    FindingId("rate-card-errors", "rate cards are rejected or not applied"),
    FindingId("publisher-silent", "the batch publisher publishes nothing"),
    # autoscaling
    FindingId("hpa-at-maximum", "an HPA is held at its maximum and wants more"),
    FindingId("hpa-without-metrics", "an HPA has no reading for a metric"),
    FindingId("hpa-cannot-scale", "an HPA cannot read or change the scale of its target"),
    FindingId("hpa-not-scaling", "an HPA's metric is above its target and nothing happens"),
    FindingId("hpa-target-without-requests", "an HPA's target does not request what is measured"),
    FindingId("hpa-fights-scaling", "an HPA and somebody else set the replicas of one deployment"),
    FindingId("metrics-absent", "the metrics API is not there"),
    FindingId("quota-exhausted", "a quota keeps pods from being created"),
    FindingId("disruption-budget-blocked", "a disruption budget allows no disruption"),
    FindingId("node-pressure", "a node with pods of the namespace is short of memory, disk or process ids"),
    FindingId("node-not-ready", "a node with pods of the namespace does not answer"),
    FindingId("warning-events-burst", "many warnings about one object within minutes"),
    FindingId("credential-expiring", "a certificate or token is about to end"),
    # observability
    FindingId("collector-down", "the trace collector has no ready pod"),
    FindingId("collector-refusing", "the trace collector refuses or drops spans"),
    FindingId("collector-export-failing", "the trace collector cannot hand on what it accepted"),
    # outside
    FindingId("dependency-down", "an external system that workloads need does not answer"),
    # risks, not incidents
    FindingId("workload-asleep", "a workload has been scaled to zero for long"),
    FindingId("workload-legacy", "a workload is marked as legacy"),
    FindingId("single-replica", "a critical workload runs with a single replica"),
    FindingId("no-disruption-budget", "a workload of several replicas has no disruption budget"),
    FindingId("no-autoscaler", "a workload with changing load has a fixed number of replicas"),
    FindingId("hpa-headroom", "an HPA's maximum is close to the most that was needed"),
    FindingId("collector-alone", "a single pod collects every trace"),
    FindingId("replicas-on-one-node", "all replicas of a workload run on one node"),
    FindingId("no-limits", "a container has no memory limit, or requests nothing"),
    FindingId("image-differs", "replicas of one revision run different images"),
    FindingId("catalogue-drift", "the cluster differs from the catalogue"),
)

FINDING_IDS: frozenset[str] = frozenset(finding.id for finding in FINDINGS)
