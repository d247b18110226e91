"""What an act costs between the confirmation and its first task, held ready and cold, through the project's runner."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks import cluster
from tests.cluster.control_plane import ControlPlane

from posdeck.execution.events import EventKind
from posdeck.execution.runs import PlaybookRunner, Run, RunRequest

ROOT = Path(__file__).parents[2]
_PLAY = """
- hosts: one
  gather_facts: false
  tasks:
{tasks}
"""
_READ = """    - name: Read {number}
      posdeck.k8s.get: {{kind: Deployment, name: {name}, namespace: {namespace}}}
"""
_INVENTORY = """
all:
  vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
  hosts: {one: {}}
"""


@dataclass(slots=True)
class ActFigures:
    """Seconds, several runs each."""

    first_task_cold: list[float] = field(default_factory=list)
    first_task_held: list[float] = field(default_factory=list)
    per_task: list[float] = field(default_factory=list)
    whole_held: list[float] = field(default_factory=list)


def measure(plane: ControlPlane, folder: Path, *, runs: int = 5, tasks: int = 11) -> ActFigures:
    """Run a playbook of ``tasks`` reads, cold and held ready."""
    inventory, playbook = folder / "hosts.yml", folder / "play.yml"
    inventory.write_text(_INVENTORY)
    lines = (_READ.format(number=i, name=cluster.REAL, namespace=cluster.NAMESPACE) for i in range(tasks))
    playbook.write_text(_PLAY.format(tasks="".join(lines)))
    figures = ActFigures()
    for number in range(runs):
        for held in (False, True):
            request = RunRequest(
                f"bench-{number}-{held}", playbook, inventory, folder / f"run-{number}-{held}",
                kubeconfig=plane.kubeconfig,
            )  # fmt: skip
            asyncio.run(_one(request, held, figures))
    return figures


async def _one(request: RunRequest, held: bool, figures: ActFigures) -> None:
    runner = PlaybookRunner(collections=(ROOT / "playbooks" / "collections",))
    if held:
        prepared = await runner.prepare(request)
        while not prepared.is_ready:
            await asyncio.sleep(0.01)
        began = time.perf_counter()
        run = await prepared.release()
    else:
        began = time.perf_counter()
        run = await runner.start(request)
    moments = await _follow(run)
    result = await run.wait()
    if not result.succeeded:
        raise RuntimeError(f"the benchmark's playbook failed: {result.message}")
    started = [at for kind, at in moments if kind is EventKind.TASK_STARTED]
    ended = [at for kind, at in moments if kind in {EventKind.TASK_OK, EventKind.TASK_CHANGED}]
    (figures.first_task_held if held else figures.first_task_cold).append(started[0] - began)
    figures.per_task.append((ended[-1] - ended[0]) / max(1, len(ended) - 1))
    if held:
        figures.whole_held.append(ended[-1] - began)


async def _follow(run: Run) -> list[tuple[Any, float]]:
    return [(event.kind, time.perf_counter()) async for event in run.events()]
