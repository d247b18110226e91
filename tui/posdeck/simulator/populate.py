"""Puts the seed into the store as if it had been running for months: ages, revisions, pods that are long ready."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from posdeck.clock import Clock, ManualClock
from posdeck.simulator.controllers import rollout
from posdeck.simulator.controllers.kubelet import Kubelet
from posdeck.simulator.controllers.podstatus import Containers, build
from posdeck.simulator.jsontree import clone
from posdeck.simulator.registry import Registry, Write
from posdeck.simulator.resources import (
    CONFIG_MAPS,
    DEPLOYMENTS,
    HPAS,
    NAMESPACES,
    NODES,
    PODS,
    REPLICA_SETS,
    SERVICES,
)
from posdeck.simulator.seed import ContainerSeed, DeploymentSeed, HpaSeed, NodeSeed, Seed, ServiceSeed
from posdeck.simulator.world import CONTROLLER_MANAGER, KUBELET, World, iso, owner_reference

Json = dict[str, Any]

DEPLOYER = Write("helm")
_NODE_INFO = {
    "kubeletVersion": "v1.36.3",
    "kubeProxyVersion": "v1.36.3",
    "osImage": "Debian GNU/Linux 12",
    "kernelVersion": "6.1.0",
    "containerRuntimeVersion": "containerd://2.0.4",
    "architecture": "amd64",
    "operatingSystem": "linux",
    "machineID": "",
    "systemUUID": "",
    "bootID": "",
}


def populate(world: World, kubelet: Kubelet) -> None:
    """Create everything in ``world.seed``."""
    _Populator(world, kubelet).run()


def container(seed: ContainerSeed) -> Json:
    """A container of a pod template."""
    made: Json = {"name": seed.name, "image": seed.image}
    if seed.ports:
        made["ports"] = [
            {"containerPort": p.port, "protocol": p.protocol, **({"name": p.name} if p.name else {})}
            for p in seed.ports
        ]
    requests = {k: v for k, v in (("cpu", seed.cpu_request), ("memory", seed.memory_request)) if v}
    limits = {k: v for k, v in (("cpu", seed.cpu_limit), ("memory", seed.memory_limit)) if v}
    made["resources"] = {k: v for k, v in (("limits", limits), ("requests", requests)) if v}
    if seed.env:
        made["env"] = [{"name": name, "value": value} for name, value in seed.env.items()]
    if seed.probe_path and seed.ports:
        check = {"httpGet": {"path": seed.probe_path, "port": seed.ports[0].port}}
        made["readinessProbe"] = {**check, "periodSeconds": 5}
        made["livenessProbe"] = {**check, "initialDelaySeconds": 15}
    return made


def earlier_image(image: str, steps: int) -> str:
    """The image that ran ``steps`` revisions ago: the last number in the tag is lowered."""
    name, separator, tag = image.rpartition(":")
    if not separator or "/" in tag:
        return f"{image}:previous-{steps}"
    numbers = list(re.finditer(r"\d+", tag))
    if not numbers or int(numbers[-1][0]) < steps:
        return f"{name}:{tag}-previous-{steps}"
    last = numbers[-1]
    return f"{name}:{tag[: last.start()]}{int(last[0]) - steps}{tag[last.end() :]}"


class _Populator:
    def __init__(self, world: World, kubelet: Kubelet) -> None:
        self._world = world
        self._kubelet = kubelet
        self._now = world.clock.now()

    def _at(self, age: timedelta) -> Registry:
        """The verbs as they would have been at that age."""
        then: Clock = ManualClock(self._now - age)
        return Registry(self._world.store, then, self._world.rng)

    def run(self) -> None:
        seed = self._world.seed
        for name, age in (
            ("default", timedelta(days=900)),
            ("kube-system", timedelta(days=900)),
            ("kube-node-lease", timedelta(days=900)),
            (seed.namespace, seed.namespace_age),
        ):
            labels = dict(seed.labels) if name == seed.namespace else {}
            if self._world.store.get(NAMESPACES.key, "", name) is None:
                self._at(age).create(
                    NAMESPACES, "", {"metadata": {"name": name, "labels": labels}}, Write("kubectl")
                )
        for number, node in enumerate(seed.nodes, 1):
            self._node(node, number)
        self._config(seed)
        for service in seed.services:
            self._service(service, seed)
        for deployment in seed.deployments:
            self._deployment(deployment)
        for hpa in seed.hpas:
            self._hpa(hpa)

    def _node(self, seed: NodeSeed, number: int) -> None:
        labels = {
            "kubernetes.io/hostname": seed.name,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "topology.kubernetes.io/zone": seed.zone,
            **seed.labels,
        }
        self._at(seed.age).create(NODES, "", {"metadata": {"name": seed.name, "labels": labels}}, KUBELET)
        room = {"cpu": seed.cpu, "memory": seed.memory, "pods": str(seed.pods), "ephemeral-storage": "100Gi"}
        addresses = [
            {"type": "InternalIP", "address": f"10.0.0.{10 + number}"},
            {"type": "Hostname", "address": seed.name},
        ]
        status = {
            "capacity": room,
            "allocatable": room,
            "conditions": self._node_conditions(iso(self._now - seed.age)),
            "addresses": addresses,
            "nodeInfo": _NODE_INFO,
        }
        self._world.write_status(NODES, self._world.registry.read(NODES, "", seed.name), status, KUBELET)

    def _node_conditions(self, since: str) -> list[Json]:
        well = "kubelet is well"
        states = (
            ("MemoryPressure", "False", "KubeletHasSufficientMemory", well),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure", well),
            ("PIDPressure", "False", "KubeletHasSufficientPID", well),
            ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        )
        times = {"lastHeartbeatTime": iso(self._now), "lastTransitionTime": since}
        return [{"type": k, "status": s, "reason": r, "message": m, **times} for k, s, r, m in states]

    def _config(self, seed: Seed) -> None:
        body = {
            "metadata": {"name": "pos-settings"},
            "data": {"POS_LOG_LEVEL": "info", "POS_REGION": "ap-southeast-3"},
        }
        self._at(seed.namespace_age).create(CONFIG_MAPS, seed.namespace, body, DEPLOYER)

    def _service(self, service: ServiceSeed, seed: Seed) -> None:
        target = seed.deployment(service.deployment)
        ports = []
        for port in service.ports:
            made: Json = {"port": port.port, "targetPort": port.target or port.port, "protocol": "TCP"}
            if port.name or len(service.ports) > 1:
                made["name"] = port.name or f"p{port.port}"
            if port.node_port:
                made["nodePort"] = port.node_port
            ports.append(made)
        spec: Json = {"type": service.type, "ports": ports, "selector": target.selector if target else {}}
        if service.cluster_ip:
            spec["clusterIP"] = service.cluster_ip
        labels = dict(target.labels) if target else {}
        self._at(service.age).create(
            SERVICES,
            seed.namespace,
            {"metadata": {"name": service.name, "labels": labels}, "spec": spec},
            DEPLOYER,
        )

    def _deployment(self, seed: DeploymentSeed) -> None:
        labels = {**seed.selector, **seed.labels}
        template = {
            "metadata": {"labels": labels},
            "spec": {
                "containers": [container(c) for c in seed.containers],
                "terminationGracePeriodSeconds": seed.grace_seconds,
            },
        }
        head = {
            "name": seed.name,
            "labels": labels,
            "annotations": {**seed.annotations, rollout.REVISION: str(seed.revision)},
        }
        spec = {"replicas": seed.replicas, "selector": {"matchLabels": seed.selector}, "template": template}
        namespace = self._world.seed.namespace
        deployment = self._at(seed.age).create(
            DEPLOYMENTS, namespace, {"metadata": head, "spec": spec}, DEPLOYER
        )
        for number in range(1, seed.revision):
            share = number / seed.revision
            age = seed.age - (seed.age - seed.pod_age) * share if number > 1 else seed.age
            self._replica_set(deployment, number, seed.revision - number, 0, age)
        newest = self._replica_set(deployment, seed.revision, 0, seed.replicas, min(seed.pod_age, seed.age))
        for index in range(seed.replicas):
            self._pod(newest, seed, index)
        self._done(newest, seed)
        self._deployment_status(deployment, newest, seed)

    def _replica_set(self, deployment: Json, number: int, steps: int, replicas: int, age: timedelta) -> Json:
        template = clone(deployment["spec"]["template"])
        if steps:
            for each in template["spec"]["containers"]:
                each["image"] = earlier_image(each["image"], steps)
        mark = rollout.template_hash(template)
        template["metadata"]["labels"][rollout.HASH_LABEL] = mark
        surge, _ = rollout.limits(deployment)
        wanted = deployment["spec"]["replicas"]
        notes = {
            rollout.REVISION: str(number),
            rollout.DESIRED: str(wanted),
            rollout.MAXIMUM: str(wanted + surge),
        }
        meta = deployment["metadata"]
        head = {
            "name": f"{meta['name']}-{mark}",
            "labels": dict(template["metadata"]["labels"]),
            "annotations": notes,
            "ownerReferences": [owner_reference(deployment)],
        }
        selector = {
            "matchLabels": {**deployment["spec"]["selector"]["matchLabels"], rollout.HASH_LABEL: mark}
        }
        body = {"metadata": head, "spec": {"replicas": replicas, "selector": selector, "template": template}}
        made = self._at(age).create(REPLICA_SETS, meta["namespace"], body, CONTROLLER_MANAGER)
        if not replicas:
            status = {"replicas": 0, "observedGeneration": 1, "terminatingReplicas": 0}
            self._world.write_status(REPLICA_SETS, made, status)
        return made

    def _pod(self, replica_set: Json, seed: DeploymentSeed, index: int) -> None:
        age = max(timedelta(minutes=1), min(seed.pod_age, seed.age) - timedelta(seconds=7 * index))
        registry, meta = self._at(age), replica_set["metadata"]
        template = clone(replica_set["spec"]["template"])
        head = {
            **template["metadata"],
            "name": registry.generate_name(f"{meta['name']}-"),
            "generateName": f"{meta['name']}-",
            "ownerReferences": [owner_reference(replica_set)],
        }
        nodes = [n.name for n in self._world.seed.nodes]
        spec = template["spec"]
        if nodes:
            used = dict.fromkeys(nodes, 0)
            for pod in self._world.store.each(PODS.key):
                used[pod["spec"].get("nodeName", nodes[0])] += 1
            spec["nodeName"] = min(nodes, key=lambda name: (used[name], name))
        pod = registry.create(PODS, meta["namespace"], {"metadata": head, "spec": spec}, CONTROLLER_MANAGER)
        if not nodes:
            return
        born = self._now - age
        started, ready = (
            born + timedelta(seconds=2),
            born + timedelta(seconds=2 + round(seed.startup_seconds)),
        )
        address = self._kubelet.next_address()
        node = self._world.registry.read(NODES, "", spec["nodeName"])
        host = node["status"]["addresses"][0]["address"]
        what = Containers({"running": {"startedAt": iso(started)}}, ready=True, serial=1)
        status = build(pod, what, "Running", now=iso(ready), ip=address, host_ip=host)
        status["startTime"] = iso(born)
        for each in status["conditions"]:
            if each["type"] in ("Initialized", "PodScheduled", "PodReadyToStartContainers"):
                each["lastTransitionTime"] = iso(started if each["type"].startswith("PodReady") else born)
        placed = self._at(age - (ready - born)).update(
            PODS, meta["namespace"], {**pod, "status": status}, replace(KUBELET, subresource="status")
        )
        self._kubelet.adopt(placed, address)

    def _done(self, replica_set: Json, seed: DeploymentSeed) -> None:
        count = seed.replicas
        status: Json = {"replicas": count, "observedGeneration": 1, "terminatingReplicas": 0}
        if count:
            status |= {"fullyLabeledReplicas": count, "readyReplicas": count, "availableReplicas": count}
        self._world.write_status(REPLICA_SETS, replica_set, status)

    def _deployment_status(self, deployment: Json, newest: Json, seed: DeploymentSeed) -> None:
        count = seed.replicas
        done = iso(self._settled(seed))
        conditions = [
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable",
                "message": f'ReplicaSet "{newest["metadata"]["name"]}" has successfully progressed.',
                "lastUpdateTime": done,
                "lastTransitionTime": iso(self._now - seed.age),
            },
            {
                "type": "Available",
                "status": "True",
                "reason": "MinimumReplicasAvailable",
                "message": "Deployment has minimum availability.",
                "lastUpdateTime": done,
                "lastTransitionTime": done,
            },
        ]
        status: Json = {
            "observedGeneration": deployment["metadata"]["generation"],
            "terminatingReplicas": 0,
            "conditions": conditions,
        }
        if count:
            status |= dict.fromkeys(
                ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count
            )
        self._world.write_status(DEPLOYMENTS, deployment, status)

    def _settled(self, seed: DeploymentSeed) -> datetime:
        return self._now - min(seed.pod_age, seed.age) + timedelta(seconds=2 + round(seed.startup_seconds))

    def _hpa(self, seed: HpaSeed) -> None:
        metrics: list[Json] = []
        if seed.memory_average:
            target: Json = {"type": "AverageValue", "averageValue": seed.memory_average}
            metrics.append({"type": "Resource", "resource": {"name": "memory", "target": target}})
        if seed.cpu_utilization is not None:
            target = {"type": "Utilization", "averageUtilization": seed.cpu_utilization}
            metrics.append({"type": "Resource", "resource": {"name": "cpu", "target": target}})
        spec = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": seed.deployment},
            "minReplicas": seed.minimum,
            "maxReplicas": seed.maximum,
            "metrics": metrics,
        }
        target_seed = self._world.seed.deployment(seed.deployment)
        body = {
            "metadata": {"name": seed.name, "labels": dict(target_seed.labels) if target_seed else {}},
            "spec": spec,
        }
        self._at(seed.age).create(HPAS, self._world.seed.namespace, body, DEPLOYER)
