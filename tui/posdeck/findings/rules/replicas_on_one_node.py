"""All replicas of a workload on one node: that node is their single point of failure."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment with several running pods on a single node."""
    for deployment in situation.wanted():
        pods = [
            p
            for p in situation.pods_of(deployment.name)
            if p.node and p.deleted_at is None and p.phase == "Running"
        ]
        nodes = {p.node for p in pods}
        if len(pods) > 1 and len(nodes) == 1:
            yield about_deployment(
                situation,
                "replicas-on-one-node",
                deployment.name,
                Severity.RISK,
                f"all {len(pods)} replicas run on the node {pods[0].node}",
                evidence=[(f"pod/{p.name} node", p.node) for p in pods[:6]],
                likely="the template has no topology spread or anti-affinity, or there is only one node",
                pods=[p.name for p in pods],
            )


RULE = Rule("replicas-on-one-node", find, (Kind.PODS, Kind.DEPLOYMENTS), 120.0)
