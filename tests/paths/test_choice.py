"""What is led by default leaves out no act and no way back, and what is led at all leaves out no path."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.paths.conftest import LIBRARY
from tests.paths.forking import Nursery
from tests.paths.scenes import SCENES
from tests.paths.taking import CHAPTERS, chosen

from posdeck.execution.runs import PlaybookRunner, RunRequest
from posdeck.runbooks.graph import paths
from posdeck.runbooks.model import Act

ROOT = Path(__file__).parents[2]


def test_every_runbook_has_a_scene_and_one_chapter() -> None:
    """A runbook that somebody adds fails this until it is said how to carry it out."""
    assert SCENES.keys() == LIBRARY.keys()
    assert sorted(id for ids in CHAPTERS.values() for id in ids) == sorted(SCENES)


@pytest.mark.parametrize("runbook_id", sorted(LIBRARY))
def test_the_choice_takes_every_act_and_every_way_back(runbook_id: str) -> None:
    runbook = LIBRARY[runbook_id]
    taken = {(edge.step, edge.exit) for path in chosen(runbook) for edge in path.edges}
    for step in runbook.steps:
        if isinstance(step, Act):
            assert (step.id, "passed") in taken
            ways = {exit for id, exit in taken if id == step.id and exit.endswith("+rollback")}
            assert bool(ways) == (step.rollback is not None)
    assert set(chosen(runbook)) <= set(paths(runbook))


@pytest.mark.ansible
async def test_a_forked_run_is_the_run_that_a_fresh_interpreter_makes(
    nursery: Nursery | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Every event, result and verdict, of one that fails for want of a cluster."""
    if nursery is None:
        pytest.skip(
            "this system cannot hand descriptors over to a process, or not wait for one that is no child"
        )

    async def told(id: str) -> list[Any]:
        request = RunRequest(
            id, ROOT / "playbooks" / "restart.yml", ROOT / "inventory" / "simulated", tmp_path / id,
            limit="order_consumers", extra_vars={"kube_namespace": "spc--pos"}, check=True, diff=True,
            environment={"KUBECONFIG": "/nowhere"},
        )  # fmt: skip
        async with asyncio.timeout(120):
            run = await PlaybookRunner().start(request)
            events = [event async for event in run.events()]
            return [(e.kind, e.task, e.host, e.text, dict(e.result)) for e in events] + [await run.wait()]

    fresh = await told("fresh")
    monkeypatch.setattr("posdeck.execution.runs._start_supervisor", nursery.start)
    forked = await told("forked")
    assert forked == fresh
    assert any("/nowhere" in str(event) for event in fresh)
