"""Facts beside snapshot and queues that rules can use: disruption budgets and the API's service level. Read rarely;
what may not be read stays unknown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from posdeck.cluster.objects import Objects
from posdeck.cluster.resources import Resource
from posdeck.errors import ClusterError
from posdeck.findings.consumer_facts import Budget, OtherFacts

if TYPE_CHECKING:
    from posdeck.cluster.transport import Transport
    from posdeck.telemetry.levels import LevelView

BUDGETS = Resource("poddisruptionbudgets", "policy")
PERIOD = 60.0  # seconds between two looks at the budgets
API_LEVEL = "api_response_time"


async def read_budgets(transport: Transport, namespace: str) -> tuple[Budget, ...] | None:
    """The disruption budgets of the namespace; None where they may not be read or nothing answers."""
    try:
        return tuple(_budget(raw) for raw in await Objects(transport, namespace).list(BUDGETS))
    except ClusterError:
        return None


def other_facts(budgets: tuple[Budget, ...] | None, levels: Sequence[LevelView]) -> OtherFacts:
    """What is known, for the rules."""
    api = next((level for level in levels if level.id == API_LEVEL), None)
    if api is None:
        return OtherFacts(budgets=budgets)
    return OtherFacts(api_latency=api.value, api_latency_objective=api.objective, budgets=budgets)


def _budget(raw: dict[str, Any]) -> Budget:
    status, spec = raw.get("status") or {}, raw.get("spec") or {}
    return Budget(
        name=str((raw.get("metadata") or {}).get("name") or ""),
        selector=dict((spec.get("selector") or {}).get("matchLabels") or {}),
        allowed=int(status.get("disruptionsAllowed") or 0),
        healthy=int(status.get("currentHealthy") or 0),
        wanted=int(status.get("desiredHealthy") or 0),
    )
