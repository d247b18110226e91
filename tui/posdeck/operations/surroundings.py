"""What has to be on every screen: which environment this is, and whether it may be written to, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from posdeck.operations.binding import binding_problem
from posdeck.operations.view import Surroundings

if TYPE_CHECKING:
    from posdeck.operations.facts import ClusterFacts
    from posdeck.operations.opening import Opening
    from posdeck.operations.standing import Standing


def surroundings_of(
    opening: Opening, standing: Standing | None, cluster: ClusterFacts | None
) -> Surroundings:
    """The environment as views show it; ``standing`` and ``cluster`` are None before the first connection."""
    environment = opening.catalogue.environment
    reason = _why_not(opening, standing, cluster)
    writes = "read-only" if reason else "ask"
    return Surroundings(environment.name, environment.production, writes, reason, bound=not reason)


def _why_not(opening: Opening, standing: Standing | None, cluster: ClusterFacts | None) -> str:
    if opening.read_only:
        return "started with --read-only"
    if opening.catalogue.environment.policy.read_only:
        return "by the environment's policy"
    if standing is None or cluster is None:
        return "not connected yet"
    return binding_problem(standing.accept, standing.environment, standing.binding, cluster)
