"""KEDA's operator, as far as a queue needs it: a ScaledObject gets an HPA of its own with an external metric, conditions
that say whether it is ready, active, paused or on its fallback, and what its trigger reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from posdeck.simulator.jsontree import clone
from posdeck.simulator.queues import Queue
from posdeck.simulator.registry import DeleteOptions, Write
from posdeck.simulator.resources import DEPLOYMENTS, HPAS, SCALED_OBJECTS
from posdeck.simulator.status import StatusError
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import World, iso, owner_reference, set_condition

Json = dict[str, Any]
POLLING = 30.0  # seconds, KEDA's own default
PAUSED, PAUSED_REPLICAS = "autoscaling.keda.sh/paused", "autoscaling.keda.sh/paused-replicas"
NAME_LABEL = "scaledobject.keda.sh/name"
OPERATOR = Write("keda-operator")
SOURCE = "keda-operator"


class KedaController:
    """Looks after ScaledObjects; ``queues`` are what a rabbitmq trigger can read, by the name of their deployment."""

    name = "keda"

    def __init__(self, world: World, queues: Callable[[], Mapping[str, Queue]]) -> None:
        self._world = world
        self._queues = queues
        self._failures: dict[str, int] = {}  # uid -> looks in a row that brought nothing

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        if kind != SCALED_OBJECTS.key or change.type == "DELETED":
            return []
        old, new = change.previous, change.object
        if old is not None and (old["spec"], _notes(old)) == (new["spec"], _notes(new)):
            return []
        return [(new["metadata"]["namespace"], new["metadata"]["name"])]

    def reconcile(self, key: Key) -> float | None:
        scaled = self._world.store.get(SCALED_OBJECTS.key, *key)
        if scaled is None or scaled["metadata"].get("deletionTimestamp"):
            return None
        status: Json = clone(scaled.get("status") or {})
        if self._rival(scaled):
            name = scaled["spec"]["scaleTargetRef"]["name"]
            text = f"the workload '{name}' of type 'apps/v1.Deployment' is already managed by an HPA"
            self._condition(status, "Ready", "False", "ScaledObjectCheckFailed", text)
        elif _notes(scaled):
            self._pause(scaled, status)
        else:
            self._scale(scaled, status)
        self._world.write_status(SCALED_OBJECTS, scaled, status, OPERATOR)
        return float(scaled["spec"].get("pollingInterval") or POLLING)

    def value(self, namespace: str, name: str) -> float | None:
        """What the trigger of a ScaledObject reads now, or its fallback; None where it reads nothing."""
        scaled = self._world.store.get(SCALED_OBJECTS.key, namespace, name)
        if scaled is None:
            return None
        found = self._read(scaled)
        fallback = scaled["spec"].get("fallback")
        if found is None and fallback and self._failed(scaled) >= fallback.get("failureThreshold", 3):
            return float(fallback["replicas"]) * _target(scaled)
        return found

    def _rival(self, scaled: Json) -> bool:
        """Whether another HPA looks after the same deployment: KEDA's webhook would refuse that."""
        wanted = scaled["spec"]["scaleTargetRef"]["name"]
        return any(
            hpa["spec"]["scaleTargetRef"]["name"] == wanted
            and not any(
                o["uid"] == scaled["metadata"]["uid"] for o in hpa["metadata"].get("ownerReferences") or ()
            )
            for hpa in self._world.store.all(HPAS.key, scaled["metadata"]["namespace"])
        )

    def _pause(self, scaled: Json, status: Json) -> None:
        """Paused: the HPA goes, the number of replicas stays, or becomes the one that the annotation gives."""
        namespace, name = scaled["metadata"]["namespace"], _hpa_name(scaled)
        if self._world.store.get(HPAS.key, namespace, name) is not None:
            self._world.registry.delete(HPAS, namespace, name, DeleteOptions())
        self._condition(status, "Paused", "True", "ScaledObjectPaused", "ScaledObject is paused")
        self._condition(status, "Active", "Unknown", "ScaledObjectPaused", "ScaledObject is paused")
        wanted = (scaled["metadata"].get("annotations") or {}).get(PAUSED_REPLICAS, "")
        target = self._world.store.get(DEPLOYMENTS.key, namespace, scaled["spec"]["scaleTargetRef"]["name"])
        if wanted.isdigit() and target is not None and target["spec"].get("replicas") != int(wanted):
            self._world.change(
                DEPLOYMENTS, {**target, "spec": {**target["spec"], "replicas": int(wanted)}}, OPERATOR
            )
            status["pausedReplicaCount"] = int(wanted)

    def _scale(self, scaled: Json, status: Json) -> None:
        metric, found = _metric(scaled), self._read(scaled)
        uid = scaled["metadata"]["uid"]
        self._failures[uid] = 0 if found is not None else self._failures.get(uid, 0) + 1
        status["externalMetricNames"] = [metric]
        status["hpaName"] = _hpa_name(scaled)
        status["scaleTargetKind"] = "apps/v1.Deployment"
        healthy = {
            "numberOfFailures": self._failures[uid],
            "status": "Happy" if found is not None else "Failing",
        }
        status["health"] = {metric: healthy}
        self._condition(status, "Paused", "False", "", "")
        if found is None:
            text = "Triggers defined in ScaledObject are not working correctly"
            self._condition(status, "Ready", "False", "TriggerError", text)
            self._world.recorder.record(
                scaled, "Warning", "KEDAScalerFailed", f"error inspecting rabbitMQ: {text}", source=SOURCE
            )
        else:
            text = "ScaledObject is defined correctly and is ready for scaling"
            self._condition(status, "Ready", "True", "ScaledObjectReady", text)
        if found:
            status["lastActiveTime"] = iso(self._world.clock.now())
            text = "Scaling is performed because triggers are active"
            self._condition(status, "Active", "True", "ScalerActive", text)
        else:
            text = "Scaling is not performed because triggers are not active"
            self._condition(status, "Active", "False", "ScalerNotActive", text)
        fallback = scaled["spec"].get("fallback") or {}
        if fallback and self._failures[uid] >= int(fallback.get("failureThreshold", 3)):
            text = "At least one trigger is falling back on this scaled object"
            self._condition(status, "Fallback", "True", "FallbackExists", text)
        else:
            text = "No fallbacks are active on this scaled object"
            self._condition(status, "Fallback", "False", "NoFallbackFound", text)
        self._hpa(scaled, metric)

    def _condition(self, status: Json, kind: str, state: str, reason: str, message: str) -> None:
        new = {"type": kind, "status": state, "reason": reason, "message": message}
        status["conditions"] = set_condition(status.get("conditions") or [], new, self._world.now_text())

    def _read(self, scaled: Json) -> float | None:
        """Messages of the queue, those in consumers' hands too unless the trigger leaves them out."""
        wanted = scaled["spec"]["triggers"][0].get("metadata") or {}
        for queue in self._queues().values():
            if queue.seed.name == wanted.get("queueName"):
                only = str(wanted.get("excludeUnacknowledged", "")).lower() == "true"
                return float(queue.ready if only else queue.ready + queue.unacked)
        return None

    def _failed(self, scaled: Json) -> int:
        return self._failures.get(scaled["metadata"]["uid"], 0)

    def _hpa(self, scaled: Json, metric: str) -> None:
        namespace, spec = scaled["metadata"]["namespace"], scaled["spec"]
        behaviour = ((spec.get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}).get("behavior")
        external = {
            "metric": {"name": metric, "selector": {"matchLabels": {NAME_LABEL: scaled["metadata"]["name"]}}},
            "target": {"type": "AverageValue", "averageValue": str(int(_target(scaled)))},
        }
        wanted: Json = {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": spec["scaleTargetRef"]["name"],
            },
            "minReplicas": max(1, int(spec.get("minReplicaCount") or 0)),
            "maxReplicas": int(spec.get("maxReplicaCount") or 100),
            "metrics": [{"type": "External", "external": external}],
            **({"behavior": behaviour} if behaviour else {}),
        }
        there = self._world.store.get(HPAS.key, namespace, _hpa_name(scaled))
        if there is None:
            labels = {"app.kubernetes.io/managed-by": "keda-operator", NAME_LABEL: scaled["metadata"]["name"]}
            owners = [owner_reference(scaled)]
            meta = {"name": _hpa_name(scaled), "labels": labels, "ownerReferences": owners}
            body = {"apiVersion": HPAS.api_version, "kind": HPAS.kind, "metadata": meta, "spec": wanted}
            try:
                self._world.registry.create(HPAS, namespace, body, OPERATOR)
            except StatusError as error:
                if error.code not in (403, 404, 409):
                    raise
        elif any(there["spec"].get(k) != v for k, v in wanted.items()):
            self._world.change(HPAS, {**there, "spec": wanted}, OPERATOR)


def _notes(scaled: Json) -> tuple[str, ...]:
    """The annotations that pause it; falsy where none does."""
    notes = scaled["metadata"].get("annotations") or {}
    paused, replicas = str(notes.get(PAUSED, "")).lower(), str(notes.get(PAUSED_REPLICAS, ""))
    return (paused, replicas) if paused == "true" or replicas else ()


def _hpa_name(scaled: Json) -> str:
    config = (scaled["spec"].get("advanced") or {}).get("horizontalPodAutoscalerConfig") or {}
    return str(config.get("name") or f"keda-hpa-{scaled['metadata']['name']}")


def _metric(scaled: Json) -> str:
    trigger = scaled["spec"]["triggers"][0]
    queue = str((trigger.get("metadata") or {}).get("queueName", "")).replace(".", "-").replace("/", "-")
    return f"s0-{trigger.get('type', '')}-{queue}"


def _target(scaled: Json) -> float:
    try:
        return max(1.0, float((scaled["spec"]["triggers"][0].get("metadata") or {}).get("value", "20")))
    except (TypeError, ValueError):
        return 20.0
