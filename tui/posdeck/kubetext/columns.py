"""The columns of the server's Tables, per plural name of a kind: what kubectl heads its output with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Column(NamedTuple):
    """One column of a Table; priority 1 is shown by ``-o wide`` only."""

    name: str
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0


def _wide(name: str, description: str) -> Column:
    return Column(name, description=description, priority=1)


def _count(name: str, description: str) -> Column:
    return Column(name, type="integer", description=description)


def _plain(name: str, description: str) -> Column:
    return Column(name, description=description)


_NAME = Column("Name", format="name", description="The object's name, unique in its namespace.")
_AGE = _plain("Age", "Time since the object was created.")
_CONTAINERS = (
    _wide("Containers", "The containers of the pod template."),
    _wide("Images", "The images of those containers."),
)
_SELECTOR = _wide("Selector", "The labels by which the pods are found.")
_READY_PODS = _plain("Ready", "Pods that are ready, of pods wanted.")

COLUMNS: Mapping[str, tuple[Column, ...]] = MappingProxyType(
    {
        "pods": (
            _NAME,
            _plain("Ready", "Containers that are ready, of all containers."),
            _plain("Status", "What the states of the containers add up to."),
            _plain("Restarts", "Restarts of the containers, and when the last one was."),
            _AGE,
            _wide("IP", "The pod's address."),
            _wide("Node", "The node it runs on."),
            _wide("Nominated Node", "The node kept free for it by preemption."),
            _wide("Readiness Gates", "Gates passed, of all readiness gates."),
        ),
        "deployments": (
            _NAME,
            _READY_PODS,
            _plain("Up-to-date", "Pods of the newest revision."),
            _plain("Available", "Pods that have been ready long enough."),
            _AGE,
            *_CONTAINERS,
            _SELECTOR,
        ),
        "replicasets": (
            _NAME,
            _count("Desired", "Pods wanted."),
            _count("Current", "Pods that exist."),
            _count("Ready", "Pods that are ready."),
            _AGE,
            *_CONTAINERS,
            _SELECTOR,
        ),
        "statefulsets": (_NAME, _READY_PODS, _AGE, *_CONTAINERS),
        "daemonsets": (
            _NAME,
            _count("Desired", "Nodes that should run the pod."),
            _count("Current", "Nodes that run the pod."),
            _count("Ready", "Nodes whose pod is ready."),
            _count("Up-to-date", "Nodes whose pod is of the newest revision."),
            _count("Available", "Nodes whose pod has been ready long enough."),
            _plain("Node Selector", "The labels of the nodes."),
            _AGE,
            *_CONTAINERS,
            _SELECTOR,
        ),
        "horizontalpodautoscalers": (
            _NAME,
            _plain("Reference", "What is scaled."),
            _plain("Targets", "Readings of the metrics, and their targets."),
            _plain("MinPods", "The fewest pods."),
            _plain("MaxPods", "The most pods."),
            _plain("Replicas", "Pods now."),
            _AGE,
        ),
        "services": (
            _NAME,
            _plain("Type", "How the service is exposed."),
            _plain("Cluster-IP", "Its address inside the cluster."),
            _plain("External-IP", "Its addresses outside the cluster."),
            _plain("Port(s)", "Ports, with node ports."),
            _AGE,
            _SELECTOR,
        ),
        "endpoints": (_NAME, _plain("Endpoints", "Addresses behind the service."), _AGE),
        "endpointslices": (
            _NAME,
            _plain("AddressType", "IPv4, IPv6 or FQDN."),
            _plain("Ports", "Ports of every endpoint."),
            _plain("Endpoints", "Addresses of the endpoints."),
            _AGE,
        ),
        "events": (
            _plain("Last Seen", "Time since it happened last."),
            _plain("Type", "Normal or Warning."),
            _plain("Reason", "Why, in one word."),
            _plain("Object", "What it is about."),
            _wide("Subobject", "The part of the object."),
            _wide("Source", "Who reported it."),
            _plain("Message", "What happened."),
            _wide("First Seen", "Time since it happened first."),
            _wide("Count", "How often it happened."),
            Column("Name", format="name", description="The event's own name.", priority=1),
        ),
        "nodes": (
            _NAME,
            _plain("Status", "Whether the node is ready and takes pods."),
            _plain("Roles", "The roles given by its labels."),
            _AGE,
            _plain("Version", "The kubelet's version."),
            _wide("Internal-IP", "Its address inside the cluster."),
            _wide("External-IP", "Its address outside the cluster."),
            _wide("OS-Image", "The operating system."),
            _wide("Kernel-Version", "The kernel and its architecture."),
            _wide("Container-Runtime", "The container runtime."),
        ),
        "namespaces": (_NAME, _plain("Status", "Active or Terminating."), _AGE),
        "configmaps": (_NAME, _plain("Data", "How many keys it has."), _AGE),
        "secrets": (
            _NAME,
            _plain("Type", "What the secret is for."),
            _plain("Data", "How many keys it has."),
            _AGE,
        ),
        "serviceaccounts": (_NAME, _AGE),
        "poddisruptionbudgets": (
            _NAME,
            _plain("Min Available", "Pods that must stay available."),
            _plain("Max Unavailable", "Pods that may be unavailable."),
            _count("Allowed Disruptions", "Pods that may be evicted now."),
            _AGE,
        ),
        "leases": (_NAME, _plain("Holder", "Who holds the lease."), _AGE),
        "jobs": (
            _NAME,
            _plain("Status", "Where the job is."),
            _plain("Completions", "Pods that succeeded, of pods wanted."),
            _plain("Duration", "How long it took, or has taken so far."),
            _AGE,
            *_CONTAINERS,
            _SELECTOR,
        ),
        "cronjobs": (
            _NAME,
            _plain("Schedule", "When it runs, in cron's form."),
            _plain("Timezone", "The time zone of the schedule."),
            Column("Suspend", type="boolean", description="Whether it is suspended."),
            _count("Active", "Jobs running now."),
            _plain("Last Schedule", "Time since it ran last."),
            _AGE,
            *_CONTAINERS,
            _SELECTOR,
        ),
    }
)

GENERIC: tuple[Column, ...] = (
    _NAME,
    Column("Created At", type="date", description="When the object was created."),
)
