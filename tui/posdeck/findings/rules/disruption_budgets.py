"""Disruption budgets: one that allows nothing now, and workloads of several replicas that have none."""

from __future__ import annotations

from collections.abc import Iterator

from posdeck.cluster.snapshot import Deployment, Kind
from posdeck.findings.consumer_facts import Budget
from posdeck.findings.model import Finding, Severity, Unknown
from posdeck.findings.reporting import about_deployment
from posdeck.findings.rule import Rule
from posdeck.findings.situation import Situation
from posdeck.kubetext.labels import selects

BLOCKED = "disruption-budget-blocked"
NONE = "no-disruption-budget"
_NOT_ASKED = "disruption budgets have not been read"


def find_blocked(situation: Situation) -> Iterator[Finding | Unknown]:
    """One finding per deployment that its budget keeps from being drained although it is meant to allow it."""
    if situation.other.budgets is None:
        yield Unknown(BLOCKED, _NOT_ASKED)
        return
    for deployment in situation.wanted():
        for budget in _budgets(situation, situation.other.budgets, deployment):
            if budget.allowed <= 0:
                yield about_deployment(
                    situation,
                    BLOCKED,
                    deployment.name,
                    Severity.INFO,
                    f"the budget {budget.name} allows no disruption: {budget.healthy} healthy, {budget.wanted} wanted",
                    evidence=(
                        ("status.disruptionsAllowed", str(budget.allowed)),
                        ("status.currentHealthy", str(budget.healthy)),
                        ("status.desiredHealthy", str(budget.wanted)),
                    ),
                    likely="pods are missing, or the budget wants as many as there are: a node cannot be drained",
                )


def find_none(situation: Situation) -> Iterator[Finding | Unknown]:
    """One risk per deployment of several replicas that no budget selects."""
    if situation.other.budgets is None:
        yield Unknown(NONE, _NOT_ASKED)
        return
    for deployment in situation.wanted():
        if deployment.desired > 1 and not _budgets(situation, situation.other.budgets, deployment):
            yield about_deployment(
                situation,
                NONE,
                deployment.name,
                Severity.RISK,
                f"{deployment.desired} replicas and no disruption budget: a drain may take them all at once",
                evidence=(("spec.replicas", str(deployment.desired)), ("budgets that select it", "0")),
            )


def _budgets(situation: Situation, budgets: tuple[Budget, ...], deployment: Deployment) -> list[Budget]:
    """Those that select the deployment's pods, or would, by its selector, where none is there."""
    pods = situation.pods_of(deployment.name)
    labels = pods[0].labels if pods else deployment.selector
    return [budget for budget in budgets if selects(budget.selector, labels)]


RULE_BLOCKED = Rule(BLOCKED, find_blocked, (Kind.DEPLOYMENTS,), 60.0)
RULE_NONE = Rule(NONE, find_none, (Kind.DEPLOYMENTS,))
