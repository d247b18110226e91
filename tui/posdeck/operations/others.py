"""Facts beside snapshot and queues that rules can use: disruption budgets and the API's service level. Read rarely;
what may not be read stays unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from posdeck.cluster.objects import Objects
from posdeck.cluster.resources import Resource
from posdeck.errors import ClusterError
from posdeck.findings.consumer_facts import Budget, OtherFacts
from posdeck.kubetext.fields import at, integer, text

if TYPE_CHECKING:
    from posdeck.cluster.transport import Transport
    from posdeck.telemetry.levels import LevelView

BUDGETS = Resource("poddisruptionbudgets", "policy")
PERIOD = 60.0  # seconds between two looks at the budgets
NO_PODS = {"matchExpressions": [{"key": "", "operator": "In", "values": [""]}]}
API_LEVEL = "api_response_time"


async def read_budgets(transport: Transport, namespace: str) -> tuple[Budget, ...] | None:
    """The disruption budgets of the namespace; None where they may not be read or nothing answers."""
    try:
        return tuple(budget_of(raw) for raw in await Objects(transport, namespace).list(BUDGETS))
    except ClusterError:
        return None


def other_facts(budgets: tuple[Budget, ...] | None, levels: Sequence[LevelView]) -> OtherFacts:
    """What is known, for the rules."""
    api = next((level for level in levels if level.id == API_LEVEL), None)
    if api is None:
        return OtherFacts(budgets=budgets)
    return OtherFacts(api_latency=api.value, api_latency_objective=api.objective, budgets=budgets)


def budget_of(raw: object) -> Budget:
    """A budget out of its JSON; what an odd one lacks reads as nothing. One without a selector selects nothing."""
    selector = at(raw, "spec", "selector")
    return Budget(
        name=text(at(raw, "metadata", "name")),
        selector=selector if isinstance(selector, Mapping) else NO_PODS,
        allowed=integer(at(raw, "status", "disruptionsAllowed")),
        healthy=integer(at(raw, "status", "currentHealthy")),
        wanted=integer(at(raw, "status", "desiredHealthy")),
    )
