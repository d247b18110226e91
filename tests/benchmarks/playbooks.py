"""What an act costs between the confirmation and its first task, held ready and cold, through the project's runner,
and what its tasks cost: reads, and patches that pass the gate and are recorded."""

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
HOST = "consumer-order"
_PLAY = """
- hosts: all
  gather_facts: false
  tasks:
{tasks}
"""
_READ = """    - name: Read {number}
      posdeck.k8s.get: {{kind: Deployment, name: "{{{{ deployment }}}}", namespace: {namespace}}}
"""
_PATCH = """    - name: Patch {number}
      posdeck.k8s.patch:
        kind: Deployment
        name: "{{{{ deployment }}}}"
        namespace: {namespace}
        definition: {{metadata: {{annotations: {{benchmark: "{stamp}-{number}"}}}}}}
"""
_DONE = {EventKind.TASK_OK, EventKind.TASK_CHANGED}


@dataclass(slots=True)
class ActFigures:
    """Seconds, several runs each; from the release of the run."""

    first_task_cold: list[float] = field(default_factory=list)
    first_task_held: list[float] = field(default_factory=list)
    per_read: list[float] = field(default_factory=list)
    per_patch: list[float] = field(default_factory=list)
    read_patch_read: list[float] = field(default_factory=list)
    eleven_patches: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Moments:
    """When the first task started and when each ended, in seconds from the release."""

    first: float
    ends: tuple[float, ...]

    @property
    def per_task(self) -> float:
        return (self.ends[-1] - self.ends[0]) / max(1, len(self.ends) - 1)


def measure(plane: ControlPlane, folder: Path, *, runs: int = 5, tasks: int = 11) -> ActFigures:
    """Run a playbook of reads cold and held ready, and held ready: read, patch, read; and as many patches."""
    figures = ActFigures()
    for number in range(runs):

        def run(name: str, text: str, *, held: bool, number: int = number) -> _Moments:
            playbook = folder / f"{name}-{number}.yml"
            playbook.write_text(_PLAY.format(tasks=text))
            return asyncio.run(_one(plane, playbook, folder / f"run-{name}-{number}", held))

        reads = "".join(_task(_READ, i) for i in range(tasks))
        patches = "".join(_task(_PATCH, i) for i in range(tasks))
        figures.first_task_cold.append(run("cold", reads, held=False).first)
        warm = run("warm", reads, held=True)
        figures.first_task_held.append(warm.first)
        figures.per_read.append(warm.per_task)
        mixed = _task(_READ, 0) + _task(_PATCH, 99) + _task(_READ, 1)
        figures.read_patch_read.append(run("mixed", mixed, held=True).ends[-1])
        patched = run("patches", patches, held=True)
        figures.per_patch.append(patched.per_task)
        figures.eleven_patches.append(patched.ends[-1])
    return figures


def _task(form: str, number: int) -> str:
    return form.format(number=number, namespace=cluster.NAMESPACE, stamp=time.monotonic_ns())


async def _one(plane: ControlPlane, playbook: Path, run_folder: Path, held: bool) -> _Moments:
    request = RunRequest(
        run_folder.name, playbook, ROOT / "inventory" / "simulated", run_folder,
        limit=HOST, kubeconfig=plane.kubeconfig,
        extra_vars={"kube_namespace": cluster.NAMESPACE, "confirm": HOST, "reason": "a benchmark"},
    )  # fmt: skip
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
        raise RuntimeError(f"the benchmark's playbook {playbook.name} failed: {result.message}")
    started = [at - began for kind, at in moments if kind is EventKind.TASK_STARTED]
    return _Moments(started[0], tuple(at - began for kind, at in moments if kind in _DONE))


async def _follow(run: Run) -> list[tuple[Any, float]]:
    return [(event.kind, time.perf_counter()) async for event in run.events()]
