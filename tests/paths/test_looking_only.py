"""``--check`` looks and previews: every runbook that ships is carried through to each of its acts, every act is previewed,
and no object of the namespace moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.cluster.control_plane import ControlPlane
from tests.paths.conftest import LIBRARY, OpenStage
from tests.paths.leading import Leading
from tests.paths.scenes import SCENES
from tests.paths.stage import Stage

from posdeck.runbooks.graph import Path, paths
from posdeck.runbooks.model import Act, Decide, Runbook, Tell
from posdeck.runbooks.session import StepStatus

pytestmark = pytest.mark.ansible
APART = {"resume-rollout", "pause-queue-autoscaling"}  # what these need is in the way of the others
AUTOSCALER = "horizontalpodautoscalers.autoscaling"


def to_each_act(runbook: Runbook) -> list[Path]:
    """As few of the shortest paths as come to every act, each act left as if it had passed."""
    acts = {step.id for step in runbook.steps if isinstance(step, Act)}
    found: list[Path] = []
    ways = [p for p in paths(runbook) if all(e.exit == "passed" for e in p.edges if e.step in acts)]
    while missing := acts - {e.step for p in found for e in p.edges}:
        found.append(
            min(ways, key=lambda p: (-len({e.step for e in p.edges} & missing), len(p.edges), str(p)))
        )
    return found or [min(ways, key=lambda p: len(p.edges))]


async def look_through(stage: Stage, runbook: Runbook, path: Path) -> list[str]:
    """Carry the runbook through along the path without changing anything; the acts that were previewed."""
    console, scene, answers = stage.console, SCENES[runbook.id], {e.step: e.exit for e in path.edges}
    params = dict(scene.params)
    if scene.pod_of:
        pods = console.view.snapshot.pods_of(console.view.snapshot.deployments[scene.pod_of])
        params["pod"] = pods[0].name
    id = (await console.open_session(runbook.id, params, check_only=True)).id
    driver = console.driver(id)
    while True:
        await driver.wait_until_quiet()
        view = console.session(id)
        if view.exit_code is not None:
            break
        step = runbook.step(driver.session.step)
        assert view.confirmation is None, "nobody is asked to confirm what is only looked at"
        assert isinstance(step, Decide | Tell), (
            f"{runbook.id} waits at {step.id}: {view.question} {view.message}"
        )
        await console.answer(id, answers[step.id] if isinstance(step, Decide) else "later")
    assert view.exit_code == 0, f"{runbook.id}: {view.question} {view.message}"
    states = driver.session.steps
    previewed = [k for k, s in states.items() if s.status is StepStatus.PREVIEWED and s.plan]
    # a second act may find nothing to do, since the first was only looked at
    assert not previewed or states[previewed[0]].plan.objects, "the first act has something to do"  # type: ignore[union-attr]
    return previewed


async def look_through_all(stage: Stage, before: Callable[[], Awaitable[Any]]) -> None:
    """Every runbook, in a namespace where every act has something to do, and ``before`` is the same afterwards."""
    previewed = set()
    original = await Leading(stage, LIBRARY["delete-pod"], SCENES["delete-pod"]).objects()
    for together in (LIBRARY.keys() - APART, APART):
        for id in sorted(together):
            await Leading(stage, LIBRARY[id], SCENES[id]).set_scene()
        found = await before()
        for id in sorted(together):
            for path in to_each_act(LIBRARY[id]):
                previewed |= {(id, act) for act in await look_through(stage, LIBRARY[id], path)}
        assert await before() == found
    await Leading(stage, LIBRARY["delete-pod"], SCENES["delete-pod"]).put_back(original)
    assert previewed == {(r.id, s.id) for r in LIBRARY.values() for s in r.steps if isinstance(s, Act)}
    assert stage.acts == 0


@pytest.mark.long
@pytest.mark.cluster
async def test_no_object_of_the_real_control_plane_gets_another_version(
    real: OpenStage, real_namespace: str, control_plane: ControlPlane, keda_on_real: None
) -> None:
    async def moving() -> dict[str, Any]:
        found = await asyncio.to_thread(versions, control_plane, real_namespace)
        assert len(found) > 60
        assert any(key.startswith("pods/") for key in found)
        return found

    async with real() as stage:
        await look_through_all(stage, moving)


def versions(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    """The version of every object of every kind there; of an HPA, which its controller writes to all the time, what
    was told it and who ever wrote to it. Events are left out: the cluster's own controllers write them."""
    kinds = plane.kubectl("api-resources", "--namespaced", "--verbs=list,watch", "-o", "name").stdout.split()
    found: dict[str, Any] = {}
    for kind in kinds:
        if kind.split(".")[0] == "events":
            continue
        items = json.loads(
            plane.kubectl("get", kind, "-n", namespace, "-o", "json", "--show-managed-fields").stdout
        )
        for item in items["items"]:
            key, metadata = f"{kind}/{item['metadata']['name']}", item["metadata"]
            found[key] = metadata["resourceVersion"]
            if kind == AUTOSCALER:
                writers = sorted({e["manager"] for e in metadata.get("managedFields", ())})
                found[key] = (json.dumps(item["spec"], sort_keys=True), writers)
    return found


@pytest.mark.long
async def test_nothing_on_the_embedded_cluster_is_told_anything_else(embedded: OpenStage) -> None:
    async with embedded() as stage:
        leading = Leading(stage, LIBRARY["scale-workload"], SCENES["scale-workload"])

        async def told() -> dict[str, str]:
            return {key: leading.text(found) for key, found in (await leading.objects()).items()}

        await look_through_all(stage, told)
