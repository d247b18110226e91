"""The one list of drills: a fault, what posdeck should say of it, which runbook answers it, and what cures it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Cure(StrEnum):
    """What may be done about it; OUTSIDE is done by others: the database, a partner, the platform team."""

    RESTART = "restart"
    ROLL_BACK = "roll back"
    SCALE_UP = "scale up"
    DELETE_POD = "delete the pod"
    RESUME = "resume the rollout"
    OUTSIDE = "mended outside the namespace"


@dataclass(frozen=True, slots=True)
class Drill:
    """``signs`` are findings of which any tells of the fault, ``runbooks`` those of which each is a right answer,
    ``target`` a workload by its short name ("" for the whole namespace), ``wrong`` something that does not help.
    Signs and runbooks follow the procedures, never what happens to come out."""

    name: str
    title: str
    fault: str
    target: str
    signs: frozenset[str]
    runbooks: frozenset[str]
    cure: Cure
    wrong: Cure
    happened: str
    procedure: str
    parameters: Mapping[str, float] = field(default_factory=dict)
    system: str = ""  # the outside system that is to be named, by its id in the inventory


CONSUMER = frozenset({"consumer-not-processing"})
ORDERS = CONSUMER | {"order-processing-issues"}
API = frozenset({"main-api-issues"})
HPA = frozenset({"hpa-not-scaling"})
TRACING = frozenset({"tracing-issues"})
BACK = frozenset({"roll-back"})
OUTSIDE_ADVICE = (
    "Do not restart: nothing in the namespace is at fault. Tell whoever runs it, and watch it come back."
)


def _stalled(name: str, title: str, target: str, fault: str, happened: str) -> Drill:
    return Drill(
        name, title, fault, target,
        frozenset({"queue-without-consumer", "consumer-not-processing", "bulk-upload-delayed", "sync-interrupted"}),
        CONSUMER, Cure.RESTART, Cure.SCALE_UP, happened,
        "Look at pods, log and queue: ready, silent, nothing acknowledged. Restart the consumer, watch the queue drain.",
    )  # fmt: skip


def _release(name: str, title: str, fault: str, target: str, signs: str, happened: str) -> Drill:
    return Drill(
        name, title, fault, target, frozenset(signs.split()), BACK, Cure.ROLL_BACK, Cure.RESTART, happened,
        "Look at pods and rollout: the new revision fails, the old one worked. Roll back; do not restart.",
    )  # fmt: skip


DRILLS: tuple[Drill, ...] = (
    _stalled(
        "consumer-channel-closed", "Orders pile up", "consumer-order", "consumer-channel-closed",
        "The broker closed the channel and the program did not open it again.",
    ),
    _stalled(
        "consumer-hung", "Single orders pile up", "consumer-pos-order", "consumer-hung",
        "The program hangs with messages in its hands.",
    ),
    _stalled(
        "customer-sync-stopped", "Customers are not kept in step", "consumer-customer", "consumer-channel-closed",
        "The customer consumer lost its channel.",
    ),
    _stalled(
        "auto-answer-stopped", "Answers are not corrected", "consumer-auto-change-answer-na", "consumer-hung",
        "The consumer that corrects answers hangs.",
    ),
    Drill(
        "one-pod-hung", "One upload pod of three does nothing", "one-pod-hung", "consumer-orders-bulk-upload",
        frozenset({"pod-hung", "consumer-lag-growing", "bulk-upload-delayed"}),
        frozenset({"bulk-upload-delays", "delete-pod"}), Cure.DELETE_POD, Cure.SCALE_UP,
        "One of three pods hangs with messages in its hands; two cannot carry the load.",
        "Compare the pods: one uses no CPU. Delete that pod; its replacement works.",
    ),
    Drill(
        "uploads-surge", "Many uploads at once", "arrival-surge", "consumer-orders-bulk-upload",
        frozenset({"consumer-lag-growing", "bulk-upload-delayed"}),
        frozenset({"bulk-upload-delays"}), Cure.OUTSIDE, Cure.RESTART,
        "Three times as many files as usual were uploaded.",
        "Look at every tier: all work, one falls behind. Scale it up within its maximum; a restart costs time.",
        {"factor": 3.0},
    ),
    Drill(
        "vip-uploads-delayed", "VIP uploads wait", "heavy-files", "consumer-orders-bulk-upload-vip1",
        frozenset({"consumer-lag-growing", "bulk-upload-delayed"}),
        frozenset({"bulk-upload-delays", "vip-peak"}), Cure.OUTSIDE, Cure.RESTART,
        "A VIP customer uploads very large files; each takes several times as long.",
        "Look at every tier: only VIP 1 falls behind, and it works. Scale that tier up until it has caught up.",
    ),
    Drill(
        "orders-too-many", "Orders faster than they are processed", "arrival-surge", "consumer-order",
        frozenset({"consumer-lag-growing"}), frozenset({"scale-workload", "order-processing-issues"}),
        Cure.OUTSIDE, Cure.RESTART,
        "Four times as many orders as usual arrive.",
        "The consumer works at full speed and falls behind: add replicas.",
        {"factor": 4.0},
    ),
    Drill(
        "lis-silent", "Patients are not kept in step", "partner-silent", "consumer-lis-patient",
        frozenset({"consumer-not-processing", "sync-interrupted"}), CONSUMER, Cure.OUTSIDE, Cure.RESTART,
        "The laboratory system does not answer; the consumer waits for it.",
        "The log says that the partner times out. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "rate-cards-rejected", "Rate cards are rejected", "messages-rejected", "consumer-rate-card-bulk-upload",
        frozenset({"rate-card-errors", "consumer-errors"}), frozenset({"rate-card-issues"}),
        Cure.OUTSIDE, Cure.RESTART,
        "A rate card that does not pass validation was uploaded.",
        "Find the file in the log, have it taken back; a restart only reads it again.",
    ),
    Drill(
        "poison-messages", "Orders come back again and again", "poison-messages", "consumer-order",
        frozenset({"messages-redelivered", "consumer-errors"}), CONSUMER, Cure.OUTSIDE, Cure.RESTART,
        "Messages that the program cannot handle go back to the queue and come again.",
        "Redeliveries are high while acknowledgements go on. Have the messages moved aside; do not restart.",
    ),
    Drill(
        "publisher-silent", "No batch jobs", "publisher-silent", "wrk--batch-publisher",
        frozenset({"publisher-silent"}), frozenset({"restart-worker", "order-processing-issues"}),
        Cure.RESTART, Cure.SCALE_UP,
        "The publisher lost its lease and waits for ever.",
        "Orders are processed, jobs are not published. Restart the publisher.",
    ),
    _release(
        "broken-image", "A release that cannot be pulled", "broken-image", "app",
        "pod-image-missing rollout-stuck", "The release names an image that does not exist; old pods still serve.",
    ),
    _release(
        "broken-image-consumer", "A consumer release that cannot be pulled", "broken-image", "consumer-default",
        "pod-image-missing rollout-stuck", "The release names an image that does not exist.",
    ),
    _release(
        "crash-after-release", "A release that crashes", "crash-after-release", "app",
        "pod-crash-looping rollout-stuck", "The program of the new release ends soon after its start.",
    ),
    _release(
        "out-of-memory", "A release that is killed", "out-of-memory", "consumer-customer",
        "pod-out-of-memory pod-crash-looping rollout-stuck", "The release lowered the memory limit too far.",
    ),
    _release(
        "config-missing", "A release that lacks its configuration", "config-missing", "app",
        "pod-config-missing rollout-stuck", "The release wants a Secret that was never created.",
    ),
    _release(
        "too-large", "A release that fits nowhere", "too-large", "app",
        "pod-pending rollout-stuck", "The release requests more than any node has.",
    ),
    _release(
        "never-ready", "A release that never becomes ready", "never-ready", "consumer-pos-order",
        "pod-not-ready rollout-stuck deployment-degraded", "The readiness probe of the release never answers.",
    ),
    _release(
        "probe-failing", "A release that is restarted again and again", "probe-failing", "consumer-default",
        "pod-probe-failing restarts-rising pod-crash-looping", "The release is too slow for its liveness probe.",
    ),
    Drill(
        "requests-missing", "The autoscaler has nothing to measure against", "requests-missing", "app",
        frozenset({"hpa-target-without-requests", "hpa-without-metrics"}), HPA, Cure.ROLL_BACK, Cure.RESTART,
        "The release dropped the resource requests.",
        "The HPA says that a request is missing. Put the requests back, or roll back.",
    ),
    Drill(
        "hpa-at-maximum", "More load than the autoscaler may carry", "arrival-surge", "app",
        frozenset({"hpa-at-maximum"}), HPA | {"main-api-issues"}, Cure.OUTSIDE, Cure.RESTART,
        "The API gets so many requests that the maximum of replicas does not suffice.",
        "The HPA is at its maximum and wants more. Raise the maximum if the nodes have room.",
        {"factor": 40.0},
    ),
    Drill(
        "autoscaler-fought", "Replicas come and go", "scaled-by-hand", "app",
        frozenset({"hpa-fights-scaling"}), HPA, Cure.OUTSIDE, Cure.RESTART,
        "A script that somebody left running sets the API to one replica again and again.",
        "The replicas turn up and down while the load does not. Find who writes spec.replicas (its field manager says "
        "so), and have it stopped; a restart changes nothing.",
    ),
    Drill(
        "metrics-absent", "The autoscaler is blind", "metrics-absent", "",
        frozenset({"metrics-absent", "hpa-without-metrics"}), HPA, Cure.OUTSIDE, Cure.RESTART,
        "The metrics API has no readings.",
        "The HPA cannot read its metrics, and no pod has a reading. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "quota-exhausted", "A pod that may not be created", "quota-exhausted", "consumer-orders-bulk-upload",
        frozenset({"quota-exhausted"}), frozenset({""}), Cure.OUTSIDE, Cure.RESTART,
        "The quota of the namespace is used up; a pod that went is not replaced.",
        "The replica set says that the quota is exceeded. Have it raised; a restart only costs more pods.",
    ),
    Drill(
        "database-outage", "Everything stops at once", "database-outage", "",
        frozenset({"dependency-down", "order-flow-blocked", "api-not-answering"}), ORDERS | API,
        Cure.OUTSIDE, Cure.RESTART,
        "The database refuses connections.",
        "Many workloads fail within a minute, and every log names the database. " + OUTSIDE_ADVICE,
        system="database",
    ),
    Drill(
        "queue-outage", "No consumer is connected", "queue-outage", "",
        frozenset({"dependency-down", "order-flow-blocked", "queue-without-consumer", "api-not-answering"}),
        ORDERS | API, Cure.OUTSIDE, Cure.RESTART,
        "The message queue refuses connections.",
        "Every consumer lost its channel at the same moment. " + OUTSIDE_ADVICE,
        system="queue",
    ),
    Drill(
        "requests-slow", "The API is slow", "requests-slow", "app",
        frozenset({"api-slow"}), API, Cure.OUTSIDE, Cure.RESTART,
        "Something before or behind the API takes its time; its own pods are idle.",
        "Response times are high, CPU is not, nothing was released. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "requests-failing", "Requests to the API fail", "requests-failing", "app",
        frozenset({"api-not-answering"}), API, Cure.OUTSIDE, Cure.RESTART,
        "A partner of the API answers with errors.",
        "The log names the partner. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "service-without-endpoints", "Nobody reaches the API", "service-without-endpoints", "app",
        frozenset({"service-without-endpoints"}), API, Cure.OUTSIDE, Cure.RESTART,
        "Somebody changed the selector of the service.",
        "The pods are ready and the service selects none of them. Have the selector put right.",
    ),
    Drill(
        "collector-refusing", "Traces are refused", "collector-refusing", "otel-collector",
        frozenset({"collector-refusing"}), TRACING | {"restart-collector"}, Cure.RESTART, Cure.OUTSIDE,
        "The collector's memory limiter holds spans off.",
        "The collector refuses spans and its memory is full. Restart it.",
    ),
    Drill(
        "export-failing", "Traces do not arrive", "export-failing", "otel-collector",
        frozenset({"collector-export-failing"}), TRACING, Cure.OUTSIDE, Cure.RESTART,
        "The tracing backend takes nothing.",
        "The collector accepts spans and cannot hand them on. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "scaled-to-zero", "A consumer was switched off", "scaled-to-zero", "consumer-lis-patient",
        frozenset({"workload-stopped", "queue-without-consumer"}), frozenset({"scale-workload"}),
        Cure.SCALE_UP, Cure.RESTART,
        "Somebody scaled the consumer to zero.",
        "The deployment wants no pod although it should be at work. Scale it back up.",
    ),
    Drill(
        "rollout-paused", "A release that is stuck half-way", "rollout-paused", "consumer-order",
        frozenset({"rollout-paused"}), frozenset({"resume-rollout"}), Cure.RESUME, Cure.DELETE_POD,
        "Somebody paused the rollout and left it so.",
        "The rollout is paused with old pods in place. Ask who paused it, then resume it.",
    ),
    Drill(
        "stuck-terminating", "A pod that does not go", "stuck-terminating", "consumer-orders-bulk-upload",
        frozenset({"pod-stuck-terminating"}), frozenset({"delete-pod", ""}), Cure.OUTSIDE, Cure.RESTART,
        "A finalizer that nobody serves holds the pod.",
        "The pod is past its grace period; its finalizer names who must let it go.",
    ),
    Drill(
        "no-room", "A pod that finds no node", "no-room", "consumer-customer",
        frozenset({"pod-pending"}), frozenset({""}), Cure.OUTSIDE, Cure.RESTART,
        "Every node is closed to new pods.",
        "The scheduler says why. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "node-not-ready", "A node is gone", "node-not-ready", "app",
        frozenset({"node-not-ready"}), frozenset({""}), Cure.OUTSIDE, Cure.RESTART,
        "A node is no longer heard of; its pods are not ready.",
        "All that fails runs on one node. " + OUTSIDE_ADVICE,
    ),
    Drill(
        "node-pressure", "A node drives pods out", "node-pressure", "consumer-orders-bulk-upload",
        frozenset({"node-pressure", "pod-evicted"}), frozenset({""}), Cure.OUTSIDE, Cure.RESTART,
        "A node is short of memory and evicted a pod.",
        "The node is under pressure; the evicted pod was replaced elsewhere. " + OUTSIDE_ADVICE,
    ),
)  # fmt: skip
