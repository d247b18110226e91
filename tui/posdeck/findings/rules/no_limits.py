"""A container without a memory limit, or that requests nothing: it can take a node's memory from the others."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Kind
from posdeck.findings.model import Finding, Severity
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation


def find(situation: Situation) -> Iterator[Finding]:
    """One risk per deployment with such a container."""
    for deployment in situation.wanted():
        lacking = [
            (c.name, what)
            for c in deployment.containers
            if not c.init or c.sidecar
            for what, value in (
                ("memory limit", c.resources.memory_limit),
                ("memory request", c.resources.memory_request or c.resources.memory_limit),
                ("CPU request", c.resources.cpu_request or c.resources.cpu_limit),
            )
            if value is None
        ]
        if lacking:
            yield about_deployment(
                situation,
                "no-limits",
                deployment.name,
                Severity.RISK,
                "containers without " + ", ".join(dict.fromkeys(what for _, what in lacking)),
                evidence=[(f"containers[{name}]", f"no {what}") for name, what in lacking],
            )


RULE = Rule("no-limits", find, (Kind.DEPLOYMENTS,))
