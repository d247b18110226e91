"""The small loops: endpoints, garbage, namespaces, disruption budgets, node leases, old events."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from posdeck.simulator.controllers.replicaset import is_active, is_ready
from posdeck.simulator.jsontree import clone, dig
from posdeck.simulator.registry import DeleteOptions, Write
from posdeck.simulator.resources import (
    COLLECTED,
    ENDPOINT_SLICES,
    ENDPOINTS,
    LEASES,
    NAMESPACES,
    NODES,
    PDBS,
    PODS,
    SERVICES,
)
from posdeck.simulator.selectors import matches
from posdeck.simulator.status import StatusError
from posdeck.simulator.store import Change, Key
from posdeck.simulator.world import (
    CONTROLLER_MANAGER,
    World,
    controller_of,
    owner_reference,
    resource_of,
    set_condition,
)

Json = dict[str, Any]


class EndpointsController:
    """Endpoints and one EndpointSlice for each service with a selector."""

    name = "endpoints"

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        if kind == SERVICES.key:
            return [(meta["namespace"], meta["name"])]
        if kind != PODS.key:
            return []
        labels = meta.get("labels") or {}
        return [
            (s["metadata"]["namespace"], s["metadata"]["name"])
            for s in self._world.store.all(SERVICES.key, meta["namespace"])
            if (s["spec"].get("selector") or {}).items() <= labels.items()
        ]

    def reconcile(self, key: Key) -> float | None:
        service = self._world.store.get(SERVICES.key, *key)
        if service is None:
            if self._world.store.get(ENDPOINTS.key, *key) is not None:
                self._world.store.remove(ENDPOINTS.key, *key)
            return None
        selector = service["spec"].get("selector")
        if not selector:
            return None
        pods = [
            pod
            for pod in self._world.store.all(PODS.key, key[0])
            if selector.items() <= (pod["metadata"].get("labels") or {}).items()
            and dig(pod, "status", "podIP")
            and is_active(pod)
        ]
        self._endpoints(service, pods)
        self._slice(service, pods)
        return None

    @staticmethod
    def _ports(service: Json) -> list[Json]:
        found = []
        for port in service["spec"].get("ports") or ():
            target = port.get("targetPort")
            made = {
                "port": target if isinstance(target, int) else port["port"],
                "protocol": port.get("protocol", "TCP"),
            }
            found.append({"name": port["name"], **made} if port.get("name") else made)
        return found

    def _put(self, kind: str, obj: Json) -> None:
        meta = obj["metadata"]
        before = self._world.store.get(kind, meta["namespace"], meta["name"])
        if before is None:
            meta |= {"uid": self._world.registry.new_uid(), "creationTimestamp": self._world.now_text()}
        else:
            kept = before["metadata"]
            meta |= {
                "uid": kept["uid"],
                "creationTimestamp": kept["creationTimestamp"],
                "resourceVersion": kept["resourceVersion"],
            }
            if before == obj:
                return
        self._world.store.put(kind, obj)

    def _endpoints(self, service: Json, pods: list[Json]) -> None:
        meta = service["metadata"]

        def address(pod: Json) -> Json:
            named = {k: pod["metadata"][k] for k in ("namespace", "name", "uid")}
            return {
                "ip": pod["status"]["podIP"],
                "nodeName": pod["spec"]["nodeName"],
                "targetRef": {"kind": "Pod", **named},
            }

        ready, unready = list[Json](), list[Json]()
        for pod in pods:
            (ready if is_ready(pod) else unready).append(address(pod))
        subset: Json = {"ports": self._ports(service)}
        if ready:
            subset["addresses"] = ready
        if unready:
            subset["notReadyAddresses"] = unready
        self._put(
            ENDPOINTS.key,
            {
                "kind": "Endpoints",
                "apiVersion": "v1",
                "metadata": {
                    "name": meta["name"],
                    "namespace": meta["namespace"],
                    "labels": dict(meta.get("labels") or {}),
                },
                "subsets": [subset] if pods else [],
            },
        )

    def _slice(self, service: Json, pods: list[Json]) -> None:
        meta = service["metadata"]
        endpoints = [
            {
                "addresses": [pod["status"]["podIP"]],
                "nodeName": pod["spec"]["nodeName"],
                "conditions": {"ready": (ready := is_ready(pod)), "serving": ready, "terminating": False},
                "targetRef": {"kind": "Pod", **{k: pod["metadata"][k] for k in ("namespace", "name", "uid")}},
            }
            for pod in pods
        ]
        self._put(
            ENDPOINT_SLICES.key,
            {
                "kind": "EndpointSlice",
                "apiVersion": "discovery.k8s.io/v1",
                "addressType": "IPv4",
                "metadata": {
                    "name": f"{meta['name']}-{meta['uid'][:5]}",
                    "namespace": meta["namespace"],
                    "labels": {
                        "kubernetes.io/service-name": meta["name"],
                        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                    },
                    "ownerReferences": [owner_reference(service)],
                },
                "endpoints": endpoints,
                "ports": [{"name": "", **port} for port in self._ports(service)],
            },
        )


class GarbageCollector:
    """Deletes what its owner left behind, and lets owners go whose foreground or orphan deletion is done."""

    name = "garbage"

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        if change.type == "DELETED":
            owner = controller_of(change.object) or {}
            resource = resource_of(owner)
            above = [(resource.key, f"{meta.get('namespace', '')}/{owner['name']}")] if resource else []
            return [("uid", meta["uid"]), *above]
        if "deletionTimestamp" in meta and meta.get("finalizers"):
            return [(kind, f"{meta.get('namespace', '')}/{meta['name']}")]
        return []

    def reconcile(self, key: Key) -> float | None:
        if key[0] != "uid":
            self._finalise(key)
            return None
        for kind, obj in self._world.store.owned(key[1]):
            resource = resource_of(obj)
            meta = obj["metadata"]
            if resource is None or self._alive(meta):
                continue
            if kind == ENDPOINT_SLICES.key:
                self._world.store.remove(kind, meta["namespace"], meta["name"])
            elif "deletionTimestamp" not in meta:
                self._world.registry.delete(
                    resource, meta.get("namespace", ""), meta["name"], DeleteOptions()
                )
        return None

    def _alive(self, meta: Json) -> bool:
        """Whether any owner is left; an owner of a kind that we do not know counts as there."""
        for owner in meta.get("ownerReferences") or ():
            resource = resource_of(owner)
            if resource is None:
                return True
            namespace = meta.get("namespace", "") if resource.namespaced else ""
            found = self._world.store.get(resource.key, namespace, owner["name"])
            if found is not None and found["metadata"]["uid"] == owner["uid"]:
                return True
        return False

    def _finalise(self, key: Key) -> None:
        namespace, _, name = key[1].partition("/")
        obj = self._world.store.get(key[0], namespace, name)
        if obj is None or "deletionTimestamp" not in obj["metadata"]:
            return
        finalizers = obj["metadata"].get("finalizers") or []
        owned = self._world.store.owned(obj["metadata"]["uid"])
        if "orphan" in finalizers:
            for _, dependent in owned:
                if (resource := resource_of(dependent)) is not None:
                    freed = clone(dependent)
                    freed["metadata"]["ownerReferences"] = [
                        o for o in freed["metadata"]["ownerReferences"] if o["uid"] != obj["metadata"]["uid"]
                    ]
                    self._world.change(resource, freed)
            self._release(obj, "orphan")
        elif "foregroundDeletion" in finalizers:
            for _, dependent in owned:
                resource = resource_of(dependent)
                meta = dependent["metadata"]
                if resource is not None and "deletionTimestamp" not in meta:
                    self._world.registry.delete(
                        resource,
                        meta.get("namespace", ""),
                        meta["name"],
                        DeleteOptions(propagation="Foreground"),
                    )
            if not self._world.store.owned(obj["metadata"]["uid"]):
                self._release(obj, "foregroundDeletion")

    def _release(self, obj: Json, finalizer: str) -> None:
        resource = resource_of(obj)
        if resource is None:
            return
        freed = clone(obj)
        freed["metadata"]["finalizers"] = [f for f in freed["metadata"]["finalizers"] if f != finalizer]
        self._world.change(resource, freed)


class NamespaceController:
    """Empties a namespace that is being deleted, then lets it go; gives a new one its default objects."""

    name = "namespace"

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        if kind == NAMESPACES.key and change.type != "DELETED":
            return [("", change.object["metadata"]["name"])]
        return []

    def reconcile(self, key: Key) -> float | None:
        namespace = self._world.store.get(NAMESPACES.key, *key)
        if namespace is None:
            return None
        name = namespace["metadata"]["name"]
        if "deletionTimestamp" not in namespace["metadata"]:
            if self._world.store.get("serviceaccounts", name, "default") is None:
                account = next(r for r in COLLECTED if r.plural == "serviceaccounts")
                self._world.registry.create(
                    account, name, {"metadata": {"name": "default"}}, CONTROLLER_MANAGER
                )
            return None
        left = False
        for resource in COLLECTED:
            for obj in self._world.store.all(resource.key, name):
                left = True
                if "deletionTimestamp" not in obj["metadata"]:
                    self._world.registry.delete(resource, name, obj["metadata"]["name"], DeleteOptions())
        if left:
            return 0.5
        self._world.store.remove(NAMESPACES.key, "", name)
        return None


class DisruptionController:
    """The status of PodDisruptionBudgets, from which evictions are decided."""

    name = "disruption"

    def __init__(self, world: World) -> None:
        self._world = world

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        meta = change.object["metadata"]
        if kind == PDBS.key:
            return [(meta["namespace"], meta["name"])]
        if kind == PODS.key:
            return [
                (b["metadata"]["namespace"], b["metadata"]["name"])
                for b in self._world.store.all(PDBS.key, meta["namespace"])
            ]
        return []

    def reconcile(self, key: Key) -> float | None:
        budget = self._world.store.get(PDBS.key, *key)
        if budget is None:
            return None
        pods = [
            p
            for p in self._world.store.all(PODS.key, key[0])
            if is_active(p) and matches(budget["spec"].get("selector"), p["metadata"].get("labels"))
        ]
        healthy = sum(is_ready(p) for p in pods)
        if (floor := budget["spec"].get("minAvailable")) is not None:
            needed = _share(floor, len(pods))
        else:
            needed = max(0, len(pods) - _share(budget["spec"].get("maxUnavailable", 1), len(pods)))
        allowed = max(0, healthy - needed) if pods else 0
        status: Json = {
            "observedGeneration": budget["metadata"]["generation"],
            "currentHealthy": healthy,
            "desiredHealthy": needed,
            "disruptionsAllowed": allowed,
            "expectedPods": len(pods),
        }
        state = {
            "type": "DisruptionAllowed",
            "status": "True" if allowed else "False",
            "message": "",
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "observedGeneration": budget["metadata"]["generation"],
        }
        status["conditions"] = set_condition(
            dig(budget, "status", "conditions") or [], state, self._world.now_text()
        )
        self._world.write_status(PDBS, budget, status)
        return None


def _share(value: int | str, of: int) -> int:
    return (
        math.ceil(int(value[:-1]) * of / 100)
        if isinstance(value, str) and value.endswith("%")
        else int(value)
    )


class Janitor:
    """Renews the nodes' leases and drops events that are older than an hour."""

    name = "janitor"
    LEASE_SECONDS = 10.0

    def __init__(self, world: World) -> None:
        self._world = world
        self._rounds = 0

    def observe(self, kind: str, change: Change) -> Iterable[Key]:
        return [("", "round")] if kind == NODES.key and change.type == "ADDED" else []

    def reconcile(self, key: Key) -> float | None:
        self._rounds += 1
        if self._rounds % 6 == 0:
            self._world.recorder.forget()
        now = self._world.clock.now()
        renewed = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for node in self._world.store.all(NODES.key):
            name = node["metadata"]["name"]
            lease = self._world.store.get(LEASES.key, "kube-node-lease", name)
            if lease is None:
                body = {
                    "metadata": {"name": name},
                    "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": renewed},
                }
                try:
                    self._world.registry.create(LEASES, "kube-node-lease", body, Write("kubelet"))
                except StatusError as error:
                    if error.code != 404:
                        raise
            else:
                self._world.change(
                    LEASES, {**lease, "spec": {**lease["spec"], "renewTime": renewed}}, Write("kubelet")
                )
        return self.LEASE_SECONDS
