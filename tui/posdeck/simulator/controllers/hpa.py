"""The HorizontalPodAutoscaler (autoscaling/v2): readings, decision, limits, conditions and events."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from posdeck.kubetext.quantities import number
from posdeck.simulator.controllers.replicaset import is_active, is_ready
from posdeck.simulator.jsontree import clone, dig
from posdeck.simulator.registry import Write
from posdeck.simulator.resources import DEPLOYMENTS, HPAS, PODS
from posdeck.simulator.selectors import matches
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import World, iso, set_condition

Json = dict[str, Any]

SOURCE = "horizontal-pod-autoscaler"
SYNC_SECONDS = 15.0
TOLERANCE = 0.1
SCALE_DOWN_WINDOW = 300


class Usage(NamedTuple):
    """What metrics-server last measured of a pod: cores and bytes."""

    cpu: float
    memory: int


class Reading(NamedTuple):
    """One metric: what it proposes, its currentMetrics entry, how messages name it; ``error`` when unreadable."""

    proposal: int
    current: Json | None
    named: str
    error: str = ""
    reason: str = ""


Measure = Callable[[Json], Usage | None]
External = Callable[
    [str, str], float | None
]  # namespace and name of a ScaledObject -> what its trigger reads


class HpaController:
    """Sizes deployments. ``measure(pod)`` is None while there is no reading of the pod."""

    name = "hpa"

    def __init__(self, world: World, measure: Measure, external: External) -> None:
        self._world = world
        self._external = external
        self._measure = measure
        self._proposals: dict[str, list[tuple[float, int]]] = {}  # uid -> (moment, unlimited proposal)
        self._changes: dict[str, list[tuple[float, int]]] = {}  # uid -> (moment, replicas added or removed)

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        if kind != HPAS.key:
            return []
        same = change.previous is not None and change.previous["spec"] == change.object["spec"]
        meta = change.object["metadata"]
        return [] if same or change.type == "DELETED" else [(meta["namespace"], meta["name"])]

    def reconcile(self, key: Key) -> float | None:
        hpa = self._world.store.get(HPAS.key, *key)
        if hpa is None:
            return None
        status = self._decide(hpa)
        self._world.write_status(HPAS, hpa, status)
        return SYNC_SECONDS

    def _condition(self, status: Json, kind: str, *, ok: bool, reason: str, message: str) -> None:
        new = {"type": kind, "status": "True" if ok else "False", "reason": reason, "message": message}
        status["conditions"] = set_condition(status.get("conditions") or [], new, self._world.now_text())

    def _warn(self, hpa: Json, reason: str, message: str) -> None:
        self._world.recorder.record(hpa, "Warning", reason, message, source=SOURCE)

    def _decide(self, hpa: Json) -> Json:
        status: Json = clone(hpa.get("status") or {})
        target = self._target(hpa, status)
        if target is None:
            return status
        wanted = int(target["spec"].get("replicas", 1))
        status["currentReplicas"] = int(dig(target, "status", "replicas") or 0)
        if wanted == 0:
            message = "scaling is disabled since the replica count of the target is zero"
            self._condition(status, "ScalingActive", ok=False, reason="ScalingDisabled", message=message)
            status["desiredReplicas"] = 0
            return status
        best = self._best(hpa, status, self._readings(hpa, target, wanted), wanted)
        if best is None:
            return status
        desired = self._limited(hpa, status, wanted, best.proposal)
        status["desiredReplicas"] = desired
        if desired != wanted:
            self._rescale(hpa, status, target, desired, best.named)
        return status

    def _target(self, hpa: Json, status: Json) -> Json | None:
        """The deployment to size; None, said in ``status``, when there is none."""
        reference = hpa["spec"]["scaleTargetRef"]
        target = self._world.store.get(DEPLOYMENTS.key, hpa["metadata"]["namespace"], reference["name"])
        if reference.get("kind") != "Deployment" or target is None:
            missing = f'deployments.apps "{reference["name"]}" not found'
            message = f"the HPA controller was unable to get the target's current scale: {missing}"
            self._condition(status, "AbleToScale", ok=False, reason="FailedGetScale", message=message)
            self._warn(hpa, "FailedGetScale", missing)
            return None
        message = "the HPA controller was able to get the target's current scale"
        self._condition(status, "AbleToScale", ok=True, reason="SucceededGetScale", message=message)
        return target

    def _best(self, hpa: Json, status: Json, readings: list[Reading], wanted: int) -> Reading | None:
        """The reading that decides: the largest proposal, but never downwards while one cannot be read."""
        good, bad = [r for r in readings if not r.error], [r for r in readings if r.error]
        status["currentMetrics"] = [r.current for r in readings if r.current is not None] or None
        if bad:
            self._warn(hpa, bad[0].reason, bad[0].error)
        best = max(good, key=lambda r: r.proposal, default=None)
        if best is None or (bad and best.proposal < wanted):
            first = bad[0]
            message = f"the HPA was unable to compute the replica count: {first.error}"
            self._condition(status, "ScalingActive", ok=False, reason=first.reason, message=message)
            count = f"invalid metrics ({len(bad)} invalid out of {len(readings)})"
            self._warn(hpa, "FailedComputeMetricsReplicas", f"{count}, first error is: {first.error}")
            return None
        message = f"the HPA was able to successfully calculate a replica count from {best.named}"
        self._condition(status, "ScalingActive", ok=True, reason="ValidMetricFound", message=message)
        return best

    def _readings(self, hpa: Json, target: Json, wanted: int) -> list[Reading]:
        pods = [
            pod
            for pod in self._world.store.all(PODS.key, hpa["metadata"]["namespace"])
            if is_active(pod) and matches(target["spec"]["selector"], pod["metadata"].get("labels"))
        ]
        made = []
        for metric in hpa["spec"].get("metrics") or ():
            kind = metric.get("type", "")
            if kind in ("Resource", "ContainerResource"):
                source = metric.get("resource") or metric.get("containerResource") or {}
                made.append(self._resource(kind, source, target, pods, wanted))
            elif kind == "External":
                made.append(self._external_metric(hpa, metric.get("external") or {}, wanted))
            else:
                text = f"unable to get {kind.lower()} metric: no metrics returned from the custom metrics API"
                made.append(Reading(0, None, kind, text, f"FailedGet{kind}Metric"))
        return made

    def _external_metric(self, hpa: Json, source: Json, wanted: int) -> Reading:
        """A number of KEDA's, divided by the replicas: the target is always an average."""
        name = dig(source, "metric", "name") or ""
        labels = dig(source, "metric", "selector", "matchLabels") or {}
        goal = number(dig(source, "target", "averageValue") or "0") or 1.0
        total = self._external(hpa["metadata"]["namespace"], labels.get("scaledobject.keda.sh/name", ""))
        if total is None:
            text = f"unable to get external metric {hpa['metadata']['namespace']}/{name}: no metric was read"
            return Reading(0, None, name, text, "FailedGetExternalMetric")
        ratio = total / (goal * wanted)
        proposal = wanted if abs(ratio - 1) <= TOLERANCE else math.ceil(total / goal - 1e-9)
        current = {"averageValue": f"{round(total * 1000 / wanted)}m"}
        entry = {"type": "External", "external": {"metric": source["metric"], "current": current}}
        return Reading(proposal, entry, f"external metric {name}")

    def _resource(self, kind: str, source: Json, target: Json, pods: list[Json], wanted: int) -> Reading:
        name, goal = source.get("name", ""), source.get("target") or {}
        reason = f"FailedGet{kind}Metric" if kind == "Resource" else "FailedGetContainerResourceMetric"
        failed = (
            f"failed to get {name} utilization: "
            if "averageUtilization" in goal
            else f"failed to get {name} usage: "
        )
        readings = [(pod, self._measure(pod)) for pod in pods if is_ready(pod)]
        measured = [
            (pod, u.cpu if name == "cpu" else float(u.memory)) for pod, u in readings if u is not None
        ]
        if not measured or name not in ("cpu", "memory"):
            text = (
                f"{failed}unable to get metrics for resource {name}: no metrics returned from resource "
                "metrics API"
            )
            return Reading(0, None, name, text, reason)
        total = sum(value for _, value in measured)
        average = total / len(measured)
        current: Json = {"averageValue": _quantity(name, average)}
        if "averageUtilization" in goal:
            requested = sum(_requested(pod, name) for pod, _ in measured)
            if any(_requested(pod, name) == 0 for pod, _ in measured):
                first = measured[0][0]
                text = (
                    f"{failed}missing request for {name} in container "
                    f"{first['spec']['containers'][0]['name']} of Pod {first['metadata']['name']}"
                )
                return Reading(0, None, name, text, reason)
            utilization = int(total * 100 / requested)
            current["averageUtilization"] = utilization
            ratio, named = (
                utilization / goal["averageUtilization"],
                f"{name} resource utilization (percentage of request)",
            )
        else:
            asked = number(goal.get("averageValue") or goal.get("value") or "0") or 1.0
            ratio, named = average / asked, f"{name} resource"
        proposal = wanted if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * len(measured) - 1e-9)
        if len(measured) < wanted and proposal != wanted:
            proposal = max(proposal, wanted) if ratio > 1 else proposal
        label = "resource" if kind == "Resource" else "containerResource"
        extra = {"container": source["container"]} if "container" in source else {}
        return Reading(proposal, {"type": kind, label: {"name": name, "current": current, **extra}}, named)

    def _limited(self, hpa: Json, status: Json, current: int, proposal: int) -> int:
        """The proposal after stabilisation, speed limits and bounds, with the conditions that say which applied."""
        spec, uid, now = hpa["spec"], hpa["metadata"]["uid"], self._world.clock.monotonic()
        lowest, highest = spec.get("minReplicas", 1), spec["maxReplicas"]
        stable = self._stabilised(hpa, uid, current, proposal, now)
        reason = "ScaleDownStabilized" if stable > proposal else "ReadyForNewScale"
        message = (
            "recent recommendations were higher than current one, applying the highest recent recommendation"
            if stable > proposal
            else "recommended size matches current size"
        )
        self._condition(status, "AbleToScale", ok=True, reason=reason, message=message)
        allowed = self._speed(hpa, uid, current, stable, now)
        within = "the desired count is within the acceptable range"
        limited, reason, message = False, "DesiredWithinRange", within
        if stable < lowest:
            limited, reason = True, "TooFewReplicas"
            message = "the desired replica count is less than the minimum replica count"
        elif stable > highest:
            limited, reason = True, "TooManyReplicas"
            message = "the desired replica count is more than the maximum replica count"
        elif allowed != stable:
            limited, reason = True, "ScaleUpLimit" if stable > current else "ScaleDownLimit"
            message = "the desired replica count is changing faster than the maximum scale rate"
        self._condition(status, "ScalingLimited", ok=limited, reason=reason, message=message)
        return int(max(lowest, min(highest, allowed)))

    def _stabilised(self, hpa: Json, uid: str, current: int, proposal: int, now: float) -> int:
        down = dig(hpa, "spec", "behavior", "scaleDown", "stabilizationWindowSeconds")
        up = dig(hpa, "spec", "behavior", "scaleUp", "stabilizationWindowSeconds") or 0
        down = SCALE_DOWN_WINDOW if down is None else down
        past = self._proposals.setdefault(uid, [(now, current)])
        past.append((now, proposal))
        self._proposals[uid] = past = [(t, p) for t, p in past if now - t <= max(down, up, 1)]
        floor = max((p for t, p in past if now - t < down), default=proposal)
        ceiling = min((p for t, p in past if now - t < up), default=proposal)
        result = current
        result = max(result, min(proposal, ceiling)) if proposal > current else result
        return min(result, max(proposal, floor)) if proposal < current else result

    def _speed(self, hpa: Json, uid: str, current: int, wanted: int, now: float) -> int:
        """As far towards ``wanted`` as the scaling policies allow."""
        if wanted == current:
            return current
        up = wanted > current
        rules = dig(hpa, "spec", "behavior", "scaleUp" if up else "scaleDown") or {}
        if rules.get("selectPolicy") == "Disabled":
            return current
        policies = rules.get("policies") or (
            [
                {"type": "Pods", "value": 4, "periodSeconds": 15},
                {"type": "Percent", "value": 100, "periodSeconds": 15},
            ]
            if up
            else [{"type": "Percent", "value": 100, "periodSeconds": 15}]
        )
        history = self._changes.get(uid, [])
        limits = []
        for policy in policies:
            moved = sum(d for t, d in history if now - t < policy["periodSeconds"] and (d > 0) == up)
            start = current - moved
            step = policy["value"] if policy["type"] == "Pods" else start * policy["value"] / 100
            limits.append(math.ceil(start + step) if up else math.floor(start - step))
        furthest = max if (up == (rules.get("selectPolicy", "Max") == "Max")) else min
        limit = furthest(limits)
        return int(min(wanted, max(limit, current)) if up else max(wanted, min(limit, current)))

    def _rescale(self, hpa: Json, status: Json, target: Json, after: int, named: str) -> None:
        before = target["spec"].get("replicas", 1)
        changed = {**target, "spec": {**target["spec"], "replicas": after}}
        self._world.change(DEPLOYMENTS, changed, Write("kube-controller-manager"))
        why = f"{named} above target" if after > before else "All metrics below target"
        self._world.recorder.record(
            hpa, "Normal", "SuccessfulRescale", f"New size: {after}; reason: {why}", source=SOURCE
        )
        self._condition(
            status,
            "AbleToScale",
            ok=True,
            reason="SucceededRescale",
            message=f"the HPA controller was able to update the target scale to {after}",
        )
        status["lastScaleTime"] = iso(self._world.clock.now())
        now, uid = self._world.clock.monotonic(), hpa["metadata"]["uid"]
        past = [(t, d) for t, d in self._changes.get(uid, []) if now - t < 1800]
        self._changes[uid] = [*past, (now, after - before)]


def _requested(pod: Json, name: str) -> float:
    return sum(number(dig(c, "resources", "requests", name)) or 0.0 for c in pod["spec"]["containers"])


def _quantity(name: str, value: float) -> str:
    return f"{round(value * 1000)}m" if name == "cpu" else str(round(value))
