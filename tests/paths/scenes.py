"""What each shipped runbook needs before it can be carried out: its parameters, and a cluster in which its acts have
something to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

EMPTY: Mapping[str, Any] = MappingProxyType({})


def full(short: str) -> str:
    """The deployment's name of one of the backend's workloads."""
    return f"spc--pos--be--{short}--prod"


@dataclass(frozen=True)
class Scene:
    """``params`` as somebody gives them; ``first`` are merge patches by deployment, made before each path;
    ``pod_of`` names the deployment one of whose pods is the parameter ``pod``."""

    params: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    first: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: EMPTY)
    pod_of: str = ""
    needs_keda: bool = False
    scaled: str = ""  # a deployment that a ScaledObject scales before each path


_RELEASED = {"spec": {"template": {"metadata": {"annotations": {"tests/release": "next"}}}}}
_TWO = {"spec": {"replicas": 2}}

SCENES: Mapping[str, Scene] = MappingProxyType(
    {
        "add-disruption-budget": Scene(
            {"workload": "consumer-default"}, first={full("consumer-default"): _TWO}
        ),
        "add-queue-autoscaling": Scene(
            {"consumer": "consumer-orders-bulk-upload", "queue": "pos.bulk", "authentication": "broker"},
            needs_keda=True,
        ),
        "bulk-upload-delays": Scene({"consumer": "consumer-orders-bulk-upload"}),
        "consumer-not-processing": Scene({"consumer": "consumer-order"}),
        "delete-pod": Scene({"workload": "app"}, pod_of=full("app")),
        "hpa-not-scaling": Scene({"workload": "app"}),
        "main-api-issues": Scene(),
        "order-processing-issues": Scene(),
        "pause-queue-autoscaling": Scene(
            {"consumer": "consumer-orders-bulk-upload"},
            needs_keda=True,
            scaled=full("consumer-orders-bulk-upload"),
        ),
        "pause-rollout": Scene({"workload": "app"}),
        "raise-collector": Scene(),
        "raise-critical-consumers": Scene({"consumer": "consumer-order"}),
        "rate-card-issues": Scene(),
        "restart-all-consumers": Scene(),
        "restart-collector": Scene(),
        "restart-consumer": Scene({"consumer": "consumer-customer"}),
        "restart-cron": Scene(),
        "restart-main-api": Scene(),
        "restart-nginx": Scene(),
        "restart-worker": Scene({"worker": "wrk--batch-publisher"}),
        "resume-rollout": Scene({"workload": "app"}, first={full("app"): {"spec": {"paused": True}}}),
        "retire-worker": Scene({"worker": "wrk--sync-patient"}),
        "review-legacy-nginx": Scene(),
        "roll-back": Scene({"workload": "consumer-default"}, first={full("consumer-default"): _RELEASED}),
        "scale-workload": Scene({"workload": "consumer-lis-patient", "replicas": "2"}),
        "scaled-to-zero-investigation": Scene({"worker": "wrk--sync-patient"}),
        "set-hpa-bounds": Scene({"workload": "app", "maximum": "20"}),
        "tracing-issues": Scene(),
        "vip-peak": Scene({"consumer": "consumer-orders-bulk-upload-vip1"}),
    }
)
