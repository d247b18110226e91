"""Which paths are led when, and leading several of them with one console.

The default run takes every path on which nothing is carried out, and as few others as carry out every act of every
runbook once and take back once each that can be taken back. All the rest is long.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from tests.paths.conftest import LIBRARY, OpenStage
from tests.paths.leading import Leading
from tests.paths.scenes import SCENES
from tests.paths.stage import Stage

from posdeck.runbooks.graph import Edge, Path, paths
from posdeck.runbooks.model import Act, Runbook

KEDAS = frozenset(id for id, scene in SCENES.items() if scene.needs_keda)
PROCEDURES = frozenset(
    id for id in SCENES if id.endswith(("-issues", "-delays", "-investigation", "-processing"))
) | {"hpa-not-scaling"}
RESTARTS = frozenset(id for id in SCENES if id.startswith("restart-"))
CHAPTERS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "procedures": PROCEDURES,
        "restarts": RESTARTS,
        "changes": SCENES.keys() - PROCEDURES - RESTARTS - KEDAS,
        "queue-autoscaling": KEDAS,
    }
)


def _acts(runbook: Runbook, taken: Iterable[Path]) -> list[tuple[Act, Edge]]:
    """The acts on some paths, each with the way it ends."""
    steps = [(runbook.step(edge.step), edge) for path in taken for edge in path.edges]
    return [(step, edge) for step, edge in steps if isinstance(step, Act)]


def _ends(runbook: Runbook, taken: Iterable[Path]) -> set[tuple[str, str]]:
    """Which acts passed on some paths, and which were taken back."""
    ends = {(act.id, edge.exit.partition("+")[2] or edge.exit) for act, edge in _acts(runbook, taken)}
    return {end for end in ends if end[1] in {"passed", "rollback"}}


def chosen(runbook: Runbook) -> list[Path]:
    """The paths of the default run."""
    every = paths(runbook)
    looking = [path for path in every if not _acts(runbook, [path])]
    acting = sorted((path for path in every if path not in looking), key=lambda p: (len(p.edges), str(p)))
    found: list[Path] = []
    while missing := _ends(runbook, acting) - _ends(runbook, found):
        found.append(max(acting, key=lambda path: len(_ends(runbook, [path]) & missing)))
    return [*looking, *found]


async def lead_chapter(ids: Iterable[str], opened: OpenStage) -> None:
    """The chosen paths of several runbooks, with one console."""
    failed: list[str] = []
    async with opened() as stage:
        for id in sorted(ids):
            failed += await lead(stage, LIBRARY[id], chosen(LIBRARY[id]))
    assert not failed, "\n".join(failed)


async def lead_all(runbook_id: str, opened: OpenStage) -> None:
    """Each path that the graph has."""
    async with opened() as stage:
        failed = await lead(stage, LIBRARY[runbook_id], paths(LIBRARY[runbook_id]))
    assert not failed, "\n".join(failed)


async def lead(stage: Stage, runbook: Runbook, wanted: Sequence[Path]) -> list[str]:
    """Lead some paths; those that could not be led, named with what went wrong."""
    failed, before = [], stage.acts
    for path in wanted:
        try:
            await Leading(stage, runbook, SCENES[runbook.id]).lead(path)
        except (AssertionError, TimeoutError) as error:
            failed.append(f"{runbook.id}: {path}: {type(error).__name__} {error}")
    written = [
        edge for act, edge in _acts(runbook, wanted) if edge.exit != "cancelled" or act.rollback is None
    ]
    if not failed and stage.acts - before < len(written):
        failed.append(f"{runbook.id}: {stage.acts - before} acts were really carried out, of {len(written)}")
    return failed
