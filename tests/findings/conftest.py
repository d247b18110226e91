"""The reference namespace in health, as raw API objects that a test may break before they are projected."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import ManualClock
from posdeck.cluster.projection import project
from posdeck.cluster.snapshot import Feed, FeedState, Kind, Snapshot
from posdeck.findings.consumer_facts import NOTHING_ELSE, ConsumerFacts, OtherFacts
from posdeck.findings.engine import Engine
from posdeck.findings.model import Finding, Report
from posdeck.telemetry.reading import Reading

ROOT = Path(__file__).resolve().parents[2]
START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
APP = "spc--pos--be--app--prod"
ORDER = "spc--pos--be--consumer-order--prod"
POS_ORDER = "spc--pos--be--consumer-pos-order--prod"
BULK = "spc--pos--be--consumer-orders-bulk-upload--prod"
COLLECTOR = "spc-pos-otel-collector"

Raw = dict[str, Any]
FIELDS = {
    Kind.PODS: "pods",
    Kind.DEPLOYMENTS: "deployments",
    Kind.REPLICA_SETS: "replica_sets",
    Kind.HPAS: "hpas",
    Kind.SERVICES: "services",
    Kind.EVENTS: "events",
    Kind.NODES: "nodes",
    Kind.POD_METRICS: "pod_usage",
    Kind.NODE_METRICS: "node_usage",
}


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


LONG_AGO = stamp(START - timedelta(days=10))


def condition(kind: str, status: str, reason: str = "", message: str = "", changed: str = LONG_AGO) -> Raw:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": changed,
    }


def deployment(name: str, replicas: int) -> Raw:
    container = {
        "name": "app",
        "image": f"registry.example/{name}:1.0",
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    }
    return {
        "metadata": {
            "name": name,
            "uid": f"d-{name}",
            "resourceVersion": "1",
            "generation": 1,
            "creationTimestamp": LONG_AGO,
            "annotations": {"deployment.kubernetes.io/revision": "1"},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "progressDeadlineSeconds": 600,
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "readyReplicas": replicas,
            "updatedReplicas": replicas,
            "availableReplicas": replicas,
            "conditions": [
                condition("Available", "True", "MinimumReplicasAvailable"),
                condition("Progressing", "True", "NewReplicaSetAvailable"),
            ],
        },
    }


def replica_set(name: str, replicas: int, revision: int = 1) -> Raw:
    return {
        "metadata": {
            "name": f"{name}-rs{revision}",
            "uid": f"rs{revision}-{name}",
            "creationTimestamp": LONG_AGO,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [
                {
                    "kind": "Deployment",
                    "name": name,
                    "uid": f"d-{name}",
                    "controller": True,
                    "apiVersion": "apps/v1",
                }
            ],
        },
        "spec": {"replicas": replicas, "template": {"metadata": {"labels": {"app": name}}, "spec": {}}},
        "status": {"replicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas},
    }


def pod(deployment_name: str, number: int, revision: int = 1, node: str = "") -> Raw:
    name = f"{deployment_name}-rs{revision}-{number}"
    image = f"registry.example/{deployment_name}:1.0"
    return {
        "metadata": {
            "name": name,
            "uid": f"p-{name}",
            "creationTimestamp": LONG_AGO,
            "labels": {"app": deployment_name},
            "ownerReferences": [
                {
                    "kind": "ReplicaSet",
                    "name": f"{deployment_name}-rs{revision}",
                    "uid": f"rs{revision}-{deployment_name}",
                    "controller": True,
                    "apiVersion": "apps/v1",
                }
            ],
        },
        "spec": {"nodeName": node or f"node-{number % 3}", "containers": [{"name": "app", "image": image}]},
        "status": {
            "phase": "Running",
            "conditions": [
                condition(kind, "True")
                for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")
            ],
            "containerStatuses": [
                {
                    "name": "app",
                    "image": image,
                    "imageID": f"{image}@sha256:aa",
                    "ready": True,
                    "started": True,
                    "restartCount": 0,
                    "state": {"running": {"startedAt": LONG_AGO}},
                }
            ],
        },
    }


def hpa() -> Raw:
    return {
        "metadata": {"name": APP, "uid": "hpa", "creationTimestamp": LONG_AGO},
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": APP, "apiVersion": "apps/v1"},
            "minReplicas": 2,
            "maxReplicas": 15,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 85}},
                },
            ],
        },
        "status": {
            "currentReplicas": 2,
            "desiredReplicas": 2,
            "currentMetrics": [
                {
                    "type": "Resource",
                    "resource": {"name": "cpu", "current": {"averageUtilization": 37, "averageValue": "37m"}},
                }
            ],
            "conditions": [
                condition("AbleToScale", "True", "ReadyForNewScale"),
                condition("ScalingActive", "True", "ValidMetricFound"),
                condition("ScalingLimited", "False", "DesiredWithinRange"),
            ],
        },
    }


class Namespace:
    """Raw objects by kind and name, a clock, and one engine that assesses them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.raw: dict[Kind, dict[str, Any]] = {kind: {} for kind in Kind}
        self.feeds = {kind: Feed(kind, FeedState.LIVE, START, START) for kind in Kind}
        self.clock = ManualClock(START)
        self.engine = Engine(catalogue, self.clock)
        self.consumers: dict[str, ConsumerFacts] = {}
        self.other: OtherFacts = NOTHING_ELSE
        self._fill()
        self.healthy_queues()

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def ago(self, seconds: float) -> str:
        return stamp(self.now - timedelta(seconds=seconds))

    def _fill(self) -> None:
        for workload in self.catalogue.workloads.values():
            self.put(Kind.DEPLOYMENTS, deployment(workload.deployment, workload.replicas))
            self.put(Kind.REPLICA_SETS, replica_set(workload.deployment, workload.replicas))
            for number in range(workload.replicas):
                self.put_pod(pod(workload.deployment, number))
            if workload.service:
                self.put(
                    Kind.SERVICES,
                    {
                        "metadata": {"name": workload.service, "uid": f"s-{workload.service}"},
                        "spec": {
                            "type": "NodePort",
                            "selector": {"app": workload.deployment},
                            "ports": [{"port": 80}],
                        },
                    },
                )
        self.put(Kind.HPAS, hpa())
        for number in range(3):
            ready = [condition("Ready", "True"), condition("MemoryPressure", "False")]
            self.put(Kind.NODES, {"metadata": {"name": f"node-{number}"}, "status": {"conditions": ready}})

    def put(self, kind: Kind, raw: Raw) -> Raw:
        self.raw[kind][raw["metadata"]["name"]] = raw
        return raw

    def put_pod(self, raw: Raw, cpu: str = "50m") -> Raw:
        name = raw["metadata"]["name"]
        usage = {"cpu": cpu, "memory": "90Mi"}
        self.put(
            Kind.POD_METRICS, {"metadata": {"name": name}, "containers": [{"name": "app", "usage": usage}]}
        )
        return self.put(Kind.PODS, raw)

    def healthy_queues(self) -> None:
        for workload in self.catalogue.workloads.values():
            if "consumers" in workload.groups:
                self.queue(workload.name)
        self.queue("wrk--batch-publisher", waiting=0.0)

    def queue(self, name: str, **numbers: float | datetime | None) -> None:
        usual: dict[str, Any] = {
            "waiting": 3.0, "unacknowledged": 2.0, "connected": 1.0, "rate_in": 4.0, "rate_out": 4.0,
            "redelivered_rate": 0.0, "error_rate": 0.1,
        }  # fmt: skip
        idle = numbers.pop("idle_since", None)
        readings = {k: Reading(v, source="test") for k, v in (usual | numbers).items()}
        self.consumers[name] = ConsumerFacts(name, idle_since=idle, **readings)  # type: ignore[arg-type]

    def pods_of(self, name: str) -> list[Raw]:
        return [p for p in self.raw[Kind.PODS].values() if p["metadata"]["labels"].get("app") == name]

    def snapshot(self) -> Snapshot:
        found: dict[str, dict[str, Any]] = {}
        for kind, field in FIELDS.items():
            projected = {name: project(kind, copy.deepcopy(raw)) for name, raw in self.raw[kind].items()}
            found[field] = {name: each for name, each in projected.items() if each is not None}
        return Snapshot(revision=1, taken_at=self.now, feeds=dict(self.feeds), **found)

    def assess(self) -> Report:
        return self.engine.assess(self.snapshot(), self.consumers, self.now, self.other)

    async def after(self, seconds: float, step: float = 15.0) -> Report:
        """Assess now and every ``step`` seconds until ``seconds`` have passed; the last report."""
        report, left = self.assess(), seconds
        while left > 0:
            await self.clock.advance(min(step, left))
            left -= step
            report = self.assess()
        return report

    # ways to break it

    def short_of_pods(self, name: str, available: int, seconds_ago: float = 120.0) -> None:
        status = self.raw[Kind.DEPLOYMENTS][name]["status"]
        status.update(availableReplicas=available, readyReplicas=available)
        if available == 0:
            status["conditions"][0] = condition(
                "Available", "False", "MinimumReplicasUnavailable", changed=self.ago(seconds_ago)
            )

    def container_waits(self, raw: Raw, reason: str, message: str = "", *, last: Raw | None = None) -> None:
        status = raw["status"]["containerStatuses"][0]
        status.update(ready=False, started=False, restartCount=3 if last else 0)
        status["state"] = {"waiting": {"reason": reason, "message": message}}
        if last:
            status["lastState"] = {"terminated": last}
        self.unready(raw)

    def unready(self, raw: Raw, seconds_ago: float = 120.0) -> None:
        for each in raw["status"]["conditions"]:
            if each["type"] in ("Ready", "ContainersReady"):
                each.update(
                    status="False", reason="ContainersNotReady", lastTransitionTime=self.ago(seconds_ago)
                )


def ids(findings: tuple[Finding, ...]) -> set[tuple[str, str]]:
    return {(f.id, f.short) for f in findings}


def everything(report: Report) -> set[str]:
    return {f.id for f in (*report.findings, *report.folded)}


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return read_catalogue(ROOT / "inventory" / "simulated")


@pytest.fixture
def namespace(catalogue: Catalogue) -> Namespace:
    return Namespace(catalogue)
