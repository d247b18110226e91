"""A runbook as a graph: where each step leads, whether every path ends, and every path there is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from posdeck.errors import PosdeckError
from posdeck.runbooks.model import Act, Decide, Diagnose, Done, Runbook, Tell

MAX_PATHS = 20_000

AnyStep = Diagnose | Decide | Act | Tell | Done


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of a step. ``exit`` is collected, failed, told, a choice's id, or of an act: passed,
    failed, cannot-tell, cancelled, the last three also with ``+rollback``. ``to`` is None when a failure
    ends the session."""

    step: str
    exit: str
    to: str | None


@dataclass(frozen=True, slots=True)
class Path:
    """One way through a runbook: its edges in order, and the step it ends at."""

    edges: tuple[Edge, ...]
    end: str

    def __str__(self) -> str:
        return " → ".join([*(f"{edge.step}[{edge.exit}]" for edge in self.edges), self.end])


def edges_of(runbook: Runbook, step: AnyStep) -> tuple[Edge, ...]:
    """Every way out of a step, in the order of the file. A missing next yields an edge to ``""``."""
    if isinstance(step, Decide):
        return tuple(Edge(step.id, choice.id, choice.next) for choice in step.choices)
    if isinstance(step, Done):
        return ()
    following = runbook.following(step) or ""
    if isinstance(step, Diagnose):
        return _diagnose_edges(step, following)
    if isinstance(step, Tell):
        return (Edge(step.id, "told", following),)
    return _act_edges(step, following)


def _diagnose_edges(step: Diagnose, following: str) -> tuple[Edge, ...]:
    collected = Edge(step.id, "collected", following)
    if step.on_failure is not None:
        return collected, Edge(step.id, "failed", step.on_failure)
    if step.continue_on_failure:
        return (collected,)
    return collected, Edge(step.id, "failed", None)


def _act_edges(step: Act, following: str) -> tuple[Edge, ...]:
    edges = [
        Edge(step.id, "passed", following),
        Edge(step.id, "failed", step.on_failure),
        Edge(step.id, "cannot-tell", step.cannot_tell_leads_to),
        Edge(step.id, "cancelled", step.on_cancel),
    ]
    if step.rollback is not None:
        edges.extend(Edge(step.id, f"{each.exit}+rollback", each.to) for each in edges[1:4])
    return tuple(edges)


def reachable(runbook: Runbook) -> frozenset[str]:
    """The ids of the steps that can be come to from the first one."""
    steps = {step.id: step for step in runbook.steps}
    seen: set[str] = set()
    stack = [runbook.steps[0].id]
    while stack:
        current = stack.pop()
        if current in seen or current not in steps:
            continue
        seen.add(current)
        stack.extend(edge.to for edge in edges_of(runbook, steps[current]) if edge.to)
    return frozenset(seen)


def without_end(runbook: Runbook) -> tuple[str, ...]:
    """The reachable steps from which no done step can be come to: a circle without an exit."""
    ends = {step.id for step in runbook.steps if isinstance(step, Done)}
    grew = True
    while grew:
        grew = False
        for step in runbook.steps:
            if step.id not in ends and any(
                edge.to is None or edge.to in ends for edge in edges_of(runbook, step)
            ):
                ends.add(step.id)
                grew = True
    inside = reachable(runbook)
    return tuple(step.id for step in runbook.steps if step.id in inside and step.id not in ends)


def circles_without_question(runbook: Runbook) -> tuple[str, ...]:
    """Steps on a circle that no decide step breaks: it would turn by itself, for ever."""
    asking = {step.id for step in runbook.steps if isinstance(step, Decide)}
    return tuple(s.id for s in runbook.steps if s.id not in asking and _comes_back(runbook, s.id, asking))


def acts_on_circles(runbook: Runbook) -> tuple[str, ...]:
    """Acts that could be come to again in the same session."""
    return tuple(s.id for s in runbook.steps if isinstance(s, Act) and _comes_back(runbook, s.id, set()))


def _comes_back(runbook: Runbook, start: str, blocked: set[str]) -> bool:
    steps = {step.id: step for step in runbook.steps}
    stack = [edge.to for edge in edges_of(runbook, steps[start]) if edge.to]
    seen: set[str] = set()
    while stack:
        current = stack.pop()
        if current == start:
            return True
        if current in seen or current in blocked or current not in steps:
            continue
        seen.add(current)
        stack.extend(edge.to for edge in edges_of(runbook, steps[current]) if edge.to)
    return False


def paths(runbook: Runbook) -> list[Path]:
    """Every path from the first step to an end, each edge taken at most once on a path.

    Raises PosdeckError for a graph that validation refuses, or one with more than ``MAX_PATHS`` paths.
    """
    found: list[Path] = []
    for path in _walk(runbook, runbook.steps[0].id, ()):
        found.append(path)
        if len(found) > MAX_PATHS:
            raise PosdeckError(
                f"runbook {runbook.id}",
                f"has more than {MAX_PATHS} paths",
                "Split it: let a done step offer a second runbook.",
            )
    return found


def _walk(runbook: Runbook, step_id: str, taken: tuple[Edge, ...]) -> Iterator[Path]:
    try:
        step = runbook.step(step_id)
    except KeyError:
        raise PosdeckError(
            f"runbook {runbook.id}",
            f"leads to a step {step_id!r} that does not exist",
            "Run posdeck runbook lint.",
        ) from None
    if isinstance(step, Done):
        yield Path(taken, step_id)
        return
    for edge in edges_of(runbook, step):
        if edge in taken:
            continue
        if edge.to is None:
            yield Path((*taken, edge), step_id)
        else:
            yield from _walk(runbook, edge.to, (*taken, edge))
