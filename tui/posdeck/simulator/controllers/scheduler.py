"""Places pods on nodes: the one with the fewest pods that fits their requests and that takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from posdeck.kubetext.quantities import cpu_cores, memory_bytes
from posdeck.simulator.jsontree import dig
from posdeck.simulator.registry import Write
from posdeck.simulator.resources import NODES, PODS
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import World, set_condition

Json = dict[str, Any]

SOURCE = "default-scheduler"
RETRY_SECONDS = 8.0


def requests_of(pod: Json) -> tuple[float, int]:
    """(cores, bytes) that a pod's containers request together."""
    cpu, memory = 0.0, 0
    for container in pod["spec"].get("containers") or ():
        wanted = dig(container, "resources", "requests") or {}
        cpu += cpu_cores(wanted.get("cpu")) or 0.0
        memory += memory_bytes(wanted.get("memory")) or 0
    return cpu, memory


def _tolerated(node: Json, pod: Json) -> bool:
    tolerations = pod["spec"].get("tolerations") or []
    taints = list(node["spec"].get("taints") or [])
    if node["spec"].get("unschedulable"):
        taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
    for taint in taints:
        if taint.get("effect") == "PreferNoSchedule":
            continue
        if not any(_tolerates(t, taint) for t in tolerations):
            return False
    return True


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"]) and toleration.get("value", "") == taint.get(
        "value", ""
    )


class Scheduler:
    """The scheduler. It keeps each node's sum of requests, so that placing many pods stays cheap."""

    name = "scheduler"

    def __init__(self, world: World) -> None:
        self._world = world
        self._used: dict[str, list[float]] = {}  # node -> [cores, bytes, pods]

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        if kind != PODS.key:
            return []
        gone = change.type == "DELETED"
        before = change.previous["spec"].get("nodeName") if change.previous else None
        after = None if gone else change.object["spec"].get("nodeName")
        if before != after:
            self._count(before, change.object, -1)
            self._count(after, change.object, 1)
        meta = change.object["metadata"]
        waiting = not gone and not after and "deletionTimestamp" not in meta
        return [(meta["namespace"], meta["name"])] if waiting else []

    def _count(self, node: str | None, pod: Json, sign: int) -> None:
        if node:
            cpu, memory = requests_of(pod)
            used = self._used.setdefault(node, [0.0, 0.0, 0.0])
            for index, amount in enumerate((cpu, memory, 1)):
                used[index] += sign * amount

    def used(self, node: str) -> tuple[float, float, float]:
        """(cores, bytes, pods) requested on a node."""
        cpu, memory, pods = self._used.get(node, [0.0, 0.0, 0.0])
        return cpu, memory, pods

    def reconcile(self, key: Key) -> float | None:
        pod = self._world.store.get(PODS.key, *key)
        if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
            return None
        if pod["spec"].get("schedulingGates"):
            self._condition(
                pod, "False", "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"
            )
            return None
        problems: dict[str, int] = {}
        nodes = self._world.store.all(NODES.key)
        fitting = []
        for node in nodes:
            problem = self._problem(node, pod)
            if problem:
                problems[problem] = problems.get(problem, 0) + 1
            else:
                fitting.append(node)
        if not fitting:
            why = ", ".join(f"{count} {text}" for text, count in sorted(problems.items()))
            message = f"0/{len(nodes)} nodes are available: {why or 'no nodes'}."
            self._condition(pod, "False", "Unschedulable", message)
            self._world.recorder.record(pod, "Warning", "FailedScheduling", message, source=SOURCE)
            return RETRY_SECONDS
        chosen = min(fitting, key=lambda n: (self.used(n["metadata"]["name"])[2], n["metadata"]["name"]))
        self._bind(pod, chosen["metadata"]["name"])
        return None

    def _problem(self, node: Json, pod: Json) -> str:
        name = node["metadata"]["name"]
        ready: Json = next((c for c in dig(node, "status", "conditions") or () if c["type"] == "Ready"), {})
        if not _tolerated(node, pod) or ready.get("status") != "True":
            return "node(s) were unschedulable"
        wanted = pod["spec"].get("nodeSelector") or {}
        labels = node["metadata"].get("labels") or {}
        if any(labels.get(k) != v for k, v in wanted.items()):
            return "node(s) didn't match Pod's node affinity/selector"
        room = dig(node, "status", "allocatable") or {}
        cpu, memory = requests_of(pod)
        used = self.used(name)
        if used[0] + cpu > (cpu_cores(room.get("cpu")) or 0.0) + 1e-9:
            return "Insufficient cpu"
        if used[1] + memory > (memory_bytes(room.get("memory")) or 0):
            return "Insufficient memory"
        if used[2] + 1 > int(room.get("pods", 110)):
            return "Too many pods"
        return ""

    def _bind(self, pod: Json, node: str) -> None:
        placed = {**pod, "spec": {**pod["spec"], "nodeName": node}}
        bound = self._world.change(PODS, placed, Write("kube-scheduler"))
        self._condition(bound, "True", "", "")
        meta = pod["metadata"]
        self._world.recorder.record(
            pod,
            "Normal",
            "Scheduled",
            f"Successfully assigned {meta['namespace']}/{meta['name']} to {node}",
            source=SOURCE,
        )

    def _condition(self, pod: Json, state: str, reason: str, message: str) -> None:
        new: Json = {"type": "PodScheduled", "status": state, "lastProbeTime": None}
        if reason:
            new |= {"reason": reason, "message": message}
        new = {k: v for k, v in new.items() if v is not None}
        conditions = set_condition(dig(pod, "status", "conditions") or [], new, self._world.now_text())
        self._world.write_status(
            PODS, pod, {**pod["status"], "conditions": conditions}, Write("kube-scheduler")
        )
