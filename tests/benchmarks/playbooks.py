"""What an act costs between the confirmation and its first task, held ready and cold, through the project's runner,
and what its tasks cost: reads, patches in a run that posdeck started (the intent is committed before, as after a
key), and patches that pass the whole gate themselves, as in a plain ``ansible-playbook`` run."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.benchmarks import cluster
from tests.cluster.api import ApiError
from tests.cluster.control_plane import ControlPlane

from posdeck.audit.origin import os_actor, os_place, this_process
from posdeck.audit.record import ActClass, Intent, Target
from posdeck.audit.sqlite import open_store
from posdeck.clock import SystemClock
from posdeck.cluster.kubeconfig import load_target
from posdeck.execution.events import EventKind
from posdeck.execution.runs import PlaybookRunner, Run, RunRequest
from posdeck.operations.authority import target_ca_digest
from posdeck.operations.facts import Answer, Question, answer_with, ask
from posdeck.operations.write import ACTS, RESOURCES, Write

ROOT = Path(__file__).parents[2]
HOST = "consumer-order"
_CLUSTER = {"server", "ca_digest", "namespace_uid", "cluster_uid"}
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
    per_plain_patch: list[float] = field(default_factory=list)
    eleven_plain_patches: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Moments:
    """When the first task started and when each ended, in seconds from the release."""

    first: float
    ends: tuple[float, ...]

    @property
    def per_task(self) -> float:
        return (self.ends[-1] - self.ends[0]) / max(1, len(self.ends) - 1)


def measure(plane: ControlPlane, folder: Path, *, runs: int = 4, tasks: int = 11) -> ActFigures:
    """Run a playbook of reads cold and held ready; held ready: read, patch, read, and as many patches; and these once
    more by the plain command."""
    figures = ActFigures()
    own = _intent(plane, folder / "acts.sqlite")
    for number in range(runs):

        def run(
            name: str, text: str, given: dict[str, Any], *, held: bool = True, number: int = number
        ) -> _Moments:
            playbook = folder / f"{name}-{number}.yml"
            playbook.write_text(_PLAY.format(tasks=text))
            return asyncio.run(_one(plane, playbook, folder / f"run-{name}-{number}", given, held))

        reads = "".join(_task(_READ, i) for i in range(tasks))
        figures.first_task_cold.append(run("cold", reads, {}, held=False).first)
        warm = run("warm", reads, {})
        figures.first_task_held.append(warm.first)
        figures.per_read.append(warm.per_task)
        text = _task(_READ, 0) + _task(_PATCH, 99) + _task(_READ, 1)
        figures.read_patch_read.append(run("mixed", text, own).ends[-1])
        patched = run("patches", "".join(_task(_PATCH, i) for i in range(tasks)), own)
        figures.per_patch.append(patched.per_task)
        figures.eleven_patches.append(patched.ends[-1])
        plain = folder / f"plain-{number}.yml"
        plain.write_text(_PLAY.format(tasks="".join(_task(_PATCH, i) for i in range(tasks))))
        patched = _plain(plane, plain)
        figures.per_plain_patch.append(patched.per_task)
        figures.eleven_plain_patches.append(patched.ends[-1] - patched.first)
    return figures


def _intent(plane: ControlPlane, path: Path) -> dict[str, Any]:
    """Commit an intent to patch the deployment, and say so as posdeck says it to the runs that it starts."""
    target = load_target(plane.kubeconfig)
    write = Write(
        act=ACTS["patch"], resource=RESOURCES["Deployment"], namespace=cluster.NAMESPACE, name=cluster.REAL, short=HOST, kubectl=""
    )  # fmt: skip

    def answer(question: Question) -> Answer:
        try:
            return Answer(
                200, json.dumps(plane.api.request(question.method, question.path, question.body)).encode()
            )
        except ApiError as error:
            return Answer(error.code, json.dumps(dict(error.body)).encode())

    facts = answer_with(ask(write, target.server.url, target_ca_digest(target)), answer)
    intent = Intent(
        str(uuid.uuid4()), "patch", ActClass(write.effect), os_actor(), os_place(namespace=cluster.NAMESPACE),
        Target("Deployment", cluster.REAL, HOST, cluster.NAMESPACE, facts.found.uid,
               template_hash=facts.found.template_hash), this_process(), reason="a benchmark",
    )  # fmt: skip
    with open_store(path, SystemClock()) as store:
        store.append_intent(intent)
    known = {f.name: getattr(facts.cluster, f.name) for f in fields(facts.cluster) if f.name in _CLUSTER}
    intents = {f"Deployment/{cluster.REAL}": intent.id}
    return {"posdeck_run": {"store": str(path), "intents": intents, "cluster": known, "replicas": {}}}


def _task(form: str, number: int) -> str:
    return form.format(number=number, namespace=cluster.NAMESPACE, stamp=time.monotonic_ns())


async def _one(
    plane: ControlPlane, playbook: Path, run_folder: Path, given: dict[str, Any], held: bool
) -> _Moments:
    request = RunRequest(
        run_folder.name, playbook, ROOT / "inventory" / "simulated", run_folder,
        limit=HOST, kubeconfig=plane.kubeconfig,
        extra_vars={"kube_namespace": cluster.NAMESPACE, "confirm": HOST, "reason": "a benchmark", **given},
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


def _plain(plane: ControlPlane, playbook: Path) -> _Moments:
    """The same as anybody would run it: the stock command, whose tasks pass the whole gate themselves."""
    told = {"kube_namespace": cluster.NAMESPACE, "confirm": HOST, "reason": "a benchmark"}
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", ROOT / "inventory" / "simulated"]
    command += ["-l", HOST, "-e", json.dumps(told), playbook]
    environment = {
        **os.environ, "KUBECONFIG": str(plane.kubeconfig), "PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "playbooks" / "collections"),
    }  # fmt: skip
    said, began, firsts, ends = [], time.perf_counter(), [], []
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if line.startswith("TASK ["):
                firsts.append(time.perf_counter() - began)
            elif line.startswith(("ok:", "changed:")):
                ends.append(time.perf_counter() - began)
    if process.returncode:
        raise RuntimeError(f"the benchmark's playbook {playbook.name} failed: {''.join(said)[-2000:]}")
    return _Moments(firsts[0], tuple(ends))


async def _follow(run: Run) -> list[tuple[Any, float]]:
    return [(event.kind, time.perf_counter()) async for event in run.events()]
