"""Every path of every runbook that ships is led, headless, on the embedded cluster and on the real control plane.

The default run takes, of the paths of every runbook, those of a few that between them use every act; the rest is long.
"""

from __future__ import annotations

import pytest
from tests.paths.conftest import LIBRARY, OpenStage
from tests.paths.leading import Leading
from tests.paths.scenes import SCENES

from posdeck.runbooks.graph import paths
from posdeck.runbooks.model import Act

pytestmark = pytest.mark.ansible
BRIEF = ("pause-rollout", "restart-worker")


def test_every_runbook_has_a_scene() -> None:
    """A runbook that somebody adds fails this until it is said how to carry it out."""
    assert SCENES.keys() == LIBRARY.keys()


@pytest.mark.parametrize("runbook_id", BRIEF)
async def test_the_paths_of_a_few(runbook_id: str, embedded: OpenStage) -> None:
    await lead_all(runbook_id, embedded)


@pytest.mark.long
@pytest.mark.parametrize("runbook_id", sorted(SCENES.keys() - set(BRIEF)))
async def test_every_path_on_the_embedded_cluster(runbook_id: str, embedded: OpenStage) -> None:
    await lead_all(runbook_id, embedded)


@pytest.mark.long
@pytest.mark.cluster
@pytest.mark.parametrize("runbook_id", sorted(SCENES))
async def test_every_path_on_the_real_control_plane(runbook_id: str, real: OpenStage) -> None:
    await lead_all(runbook_id, real)


async def lead_all(runbook_id: str, opened: OpenStage) -> None:
    """Lead each path that the graph has; one that could not be led is a failure, named with what went wrong."""
    runbook, failed, led = LIBRARY[runbook_id], [], []
    async with opened() as stage:
        for path in paths(runbook):
            try:
                await Leading(stage, runbook, SCENES[runbook_id]).lead(path)
            except (AssertionError, TimeoutError) as error:
                failed.append(f"{path}: {type(error).__name__} {error}")
            else:
                led.append(path)
        acts = [edge for path in led for edge in path.edges if isinstance(runbook.step(edge.step), Act)]
        written = [
            edge for edge in acts if edge.exit != "cancelled" or runbook.step(edge.step).rollback is None
        ]
        assert stage.acts >= len(written), "each of them was really carried out"
    assert not failed, "\n".join(failed)
    assert {edge for path in led for edge in path.edges} == {e for path in paths(runbook) for e in path.edges}
