"""All replicas of a workload on one node: that node is their single point of failure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from posdeck.cluster.snapshot import Kind, Pod
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation

ID = "replicas-on-one-node"


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment with several running pods on a single node."""
    for deployment in situation.wanted():
        owned = situation.pods_of(deployment.name)
        pods = situation.history.remembered(ID, deployment.name, (owned,), partial(_on_one_node, owned))
        if len(pods) > 1:
            yield about_deployment(
                situation,
                ID,
                deployment.name,
                Severity.RISK,
                f"all {len(pods)} replicas run on the node {pods[0].node}",
                evidence=[(f"pod/{p.name} node", p.node) for p in pods[:6]],
                likely="the template has no topology spread or anti-affinity, or there is only one node",
                pods=[p.name for p in pods],
            )


def _on_one_node(owned: Sequence[Pod]) -> list[Pod]:
    """The running pods if they are all on one node, else none."""
    pods: list[Pod] = []
    for pod in owned:
        if pod.node and pod.deleted_at is None and pod.phase == "Running":
            if pods and pods[0].node != pod.node:
                return []
            pods.append(pod)
    return pods


RULE = Rule(ID, find, (Kind.PODS, Kind.DEPLOYMENTS), 120.0)
