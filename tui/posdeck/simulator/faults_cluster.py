"""Faults of the cluster and of hands: nodes, quotas, pods that do not go, selectors and replica counts changed."""

from __future__ import annotations

from datetime import datetime

from posdeck.simulator.faults_model import Effect, Json, Kind
from posdeck.simulator.jsontree import clone
from posdeck.simulator.registry import DeleteOptions, Write
from posdeck.simulator.resources import DEPLOYMENTS, NODES, PODS, RESOURCE_QUOTAS, SERVICES
from posdeck.simulator.world import KUBELET, set_condition

SOMEBODY = Write("kubectl-edit")
FINALIZER = "storage.example/detach"


class Cluster(Effect):
    """What these effects have in common: reading and changing objects of the namespace."""

    def pods(self) -> list[Json]:
        """The pods of the target, by name."""
        return sorted(self.scene.pods(self.fault.target).values(), key=lambda p: str(p["metadata"]["name"]))

    def node_of_target(self) -> Json:
        """The node of the target's first pod."""
        return self.scene.world.registry.read(NODES, "", self.pods()[0]["spec"]["nodeName"])

    def condition(self, node: str, kind: str, status: str, reason: str, message: str) -> None:
        """Set a condition of a node."""
        world = self.scene.world
        now = world.now_text()
        raw = world.registry.read(NODES, "", node)
        new = {"type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": now}
        conditions = set_condition(raw["status"]["conditions"], new, now)
        world.write_status(NODES, raw, {**raw["status"], "conditions": conditions}, KUBELET)

    def delete(self, pod: Json) -> None:
        """Delete a pod as somebody or a node would."""
        meta = pod["metadata"]
        self.scene.world.registry.delete(PODS, meta["namespace"], meta["name"], DeleteOptions())


class StuckTerminating(Cluster):
    """A pod is deleted and a finalizer that nobody serves holds it. Ends when it has gone."""

    def begin(self) -> None:
        pod = clone(self.pods()[0])
        self.uid = pod["metadata"]["uid"]
        pod["metadata"]["finalizers"] = [FINALIZER]
        self.delete(self.scene.world.change(PODS, pod, Write("storage-operator")))

    def cured(self) -> bool:
        return self.uid not in self.scene.pods(self.fault.target)

    def end(self) -> None:
        found = self.scene.pods(self.fault.target).get(self.uid)
        if found is not None:
            freed = clone(found)
            freed["metadata"]["finalizers"] = []
            freed["metadata"]["deletionGracePeriodSeconds"] = 0
            self.scene.world.change(PODS, freed, Write("storage-operator"))


class NoRoom(Cluster):
    """Every node is closed to new pods, and one of the target's is driven out. Ends when a node takes pods."""

    def begin(self) -> None:
        self._set(closed=True)
        self.delete(self.pods()[0])

    def _set(self, *, closed: bool) -> None:
        for node in self.scene.world.store.all(NODES.key):
            changed = clone(node)
            changed["spec"]["unschedulable"] = closed
            self.scene.world.change(NODES, changed, Write("node-upgrade"))

    def cured(self) -> bool:
        return not all(n["spec"].get("unschedulable") for n in self.scene.world.store.all(NODES.key))

    def end(self) -> None:
        self._set(closed=False)


class NodeNotReady(Cluster):
    """The node of the target's first pod is no longer heard of; its pods are not ready. Ends when it is back."""

    def begin(self) -> None:
        self.node = self.node_of_target()["metadata"]["name"]
        self.condition(
            self.node, "Ready", "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
        )
        self._pods(ready=False)

    def tick(self, now: datetime) -> None:
        self._pods(ready=False)

    def _pods(self, *, ready: bool) -> None:
        world = self.scene.world
        for pod in world.store.all(PODS.key):
            if pod["spec"].get("nodeName") != self.node or "conditions" not in (pod.get("status") or {}):
                continue
            new: Json = {"type": "Ready", "status": "True" if ready else "False"}
            if not ready:
                new["reason"] = "NodeNotReady"
            conditions = set_condition(pod["status"]["conditions"], new, world.now_text())
            world.write_status(
                PODS, pod, {**pod["status"], "conditions": conditions}, Write("node-controller")
            )

    def end(self) -> None:
        self.condition(self.node, "Ready", "True", "KubeletReady", "kubelet is posting ready status")
        self._pods(ready=True)


class NodePressure(Cluster):
    """The node of the target's first pod runs short of memory and evicts that pod. Ends when it has room again."""

    def begin(self) -> None:
        pod = self.pods()[0]
        self.node = pod["spec"]["nodeName"]
        self.condition(
            self.node,
            "MemoryPressure",
            "True",
            "KubeletHasInsufficientMemory",
            "kubelet has insufficient memory",
        )
        message = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 61Mi."
        world = self.scene.world
        world.recorder.record(pod, "Warning", "Evicted", message, source="kubelet", host=self.node)
        status = {**pod["status"], "phase": "Failed", "reason": "Evicted", "message": message}
        new = {"type": "Ready", "status": "False", "reason": "PodFailed"}
        status["conditions"] = set_condition(status["conditions"], new, world.now_text())
        world.write_status(PODS, pod, status, KUBELET)

    def end(self) -> None:
        self.condition(self.node, "MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet is well")


class QuotaExhausted(Cluster):
    """The namespace's quota is used up: a pod that goes is not replaced. Ends when the quota is raised or removed."""

    NAME = "namespace-pods"

    def begin(self) -> None:
        world = self.scene.world
        self.limit = len(world.store.all(PODS.key, self.scene.seed.namespace)) - 1
        quota = {"metadata": {"name": self.NAME}, "spec": {"hard": {"pods": str(self.limit)}}}
        world.registry.create(RESOURCE_QUOTAS, self.scene.seed.namespace, quota, SOMEBODY)
        self.delete(self.pods()[0])

    def hard(self) -> int | None:
        """What the quota allows now."""
        found = self.scene.world.store.get(RESOURCE_QUOTAS.key, self.scene.seed.namespace, self.NAME)
        return int(found["spec"]["hard"]["pods"]) if found else None

    def refuses(self, pod: Json) -> str:
        used, hard = len(self.scene.world.store.all(PODS.key, self.scene.seed.namespace)), self.hard()
        if hard is None or used < hard:
            return ""
        return f"exceeded quota: {self.NAME}, requested: pods=1, used: pods={used}, limited: pods={hard}"

    def cured(self) -> bool:
        hard = self.hard()
        return hard is None or hard > self.limit

    def end(self) -> None:
        if self.hard() is not None:
            self.scene.world.store.remove(RESOURCE_QUOTAS.key, self.scene.seed.namespace, self.NAME)


class WrongSelector(Cluster):
    """Somebody changed a service's selector: nothing is behind it, and no request arrives. Ends when it selects the
    pods again."""

    def begin(self) -> None:
        self._select({"app": f"{self.fault.target}-v2"})

    def _service(self) -> Json:
        name = next(s.name for s in self.scene.seed.services if s.deployment == self.fault.target)
        return self.scene.world.registry.read(SERVICES, self.scene.seed.namespace, name)

    def _select(self, selector: dict[str, str]) -> None:
        service = clone(self._service())
        self._before = service["spec"]["selector"]
        service["spec"]["selector"] = selector
        self.scene.world.change(SERVICES, service, SOMEBODY)

    def cured(self) -> bool:
        selector = self._service()["spec"]["selector"].items()
        return any(all(pod["metadata"]["labels"].get(k) == v for k, v in selector) for pod in self.pods())

    def end(self) -> None:
        self._select(dict(self._before))


class ScaledToZero(Cluster):
    """Somebody scaled a workload to zero that should be at work. Ends when it wants a pod again."""

    def begin(self) -> None:
        self._scale(0)

    def _deployment(self) -> Json:
        return self.scene.world.registry.read(DEPLOYMENTS, self.scene.seed.namespace, self.fault.target)

    def _scale(self, replicas: int) -> None:
        deployment = clone(self._deployment())
        self._wanted = deployment["spec"]["replicas"]
        deployment["spec"]["replicas"] = replicas
        self.scene.world.change(DEPLOYMENTS, deployment, SOMEBODY)

    def cured(self) -> bool:
        return int(self._deployment()["spec"]["replicas"]) > 0

    def end(self) -> None:
        self._scale(self._wanted)


class ScaledByHand(Cluster):
    """A script that somebody left running sets one replica twice a minute or so, and the autoscaler puts its own number
    back. Ends when somebody stops the script."""

    EVERY = 37  # seconds; at another moment between two looks of the autoscaler each time
    WRITER = Write("night-job")

    def begin(self) -> None:
        self._since = 0

    def tick(self, now: datetime) -> None:
        if self._since % self.EVERY == 0:
            registry = self.scene.world.registry
            deployment = clone(registry.read(DEPLOYMENTS, self.scene.seed.namespace, self.fault.target))
            deployment["spec"]["replicas"] = 1
            self.scene.world.change(DEPLOYMENTS, deployment, self.WRITER)
        self._since += 1


class RolloutPaused(Cluster):
    """Somebody paused a rollout half-way and left it so. Ends when it is resumed."""

    def begin(self) -> None:
        deployment = clone(self._deployment())
        deployment["spec"]["paused"] = True
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        container["image"] = container["image"].rpartition(":")[0] + ":1.43.2"
        self.scene.world.change(DEPLOYMENTS, deployment, SOMEBODY)

    def _deployment(self) -> Json:
        return self.scene.world.registry.read(DEPLOYMENTS, self.scene.seed.namespace, self.fault.target)

    def cured(self) -> bool:
        return not self._deployment()["spec"].get("paused")

    def end(self) -> None:
        deployment = clone(self._deployment())
        deployment["spec"]["paused"] = False
        self.scene.world.change(DEPLOYMENTS, deployment, SOMEBODY)


KINDS: tuple[Kind, ...] = tuple(
    Kind(name, summary, effect, needs_target=True)
    for name, summary, effect in (
        ("stuck-terminating", "a deleted pod does not go", StuckTerminating),
        ("no-room", "no node takes new pods, and one pod was driven out", NoRoom),
        ("node-not-ready", "a node is no longer heard of", NodeNotReady),
        ("node-pressure", "a node is short of memory and evicts a pod", NodePressure),
        ("quota-exhausted", "the quota keeps a pod from being replaced", QuotaExhausted),
        ("service-without-endpoints", "a service selects no pod any more", WrongSelector),
        ("scaled-to-zero", "a workload that should be at work was scaled to zero", ScaledToZero),
        ("scaled-by-hand", "a script and the autoscaler both set the replicas", ScaledByHand),
        ("rollout-paused", "a rollout was paused half-way", RolloutPaused),
    )
)
