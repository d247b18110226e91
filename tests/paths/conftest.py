"""The stage of each test: a console on the embedded cluster, or on a namespace of the real control plane."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.cluster import known_namespace
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane
from tests.operations.opened_console import private_folders
from tests.paths.leading import has_all
from tests.paths.stage import Ahead, Stage

from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.runbooks.loading import load_library
from posdeck.runbooks.model import Act
from posdeck.simulator.server import Simulator

ROOT = Path(__file__).parents[2]
LIBRARY = {runbook.id: runbook for runbook in load_library(ROOT / "runbooks").runbooks}
OpenStage = Callable[[], AbstractAsyncContextManager[Stage]]


def proofs() -> frozenset[str]:
    """The playbooks that prove something, in any runbook."""
    acts = [step for runbook in LIBRARY.values() for step in runbook.steps if isinstance(step, Act)]
    every = [v for act in acts for v in (*act.verify, *(act.rollback.verify if act.rollback else ()))]
    return frozenset(v.playbook for v in every if v.playbook)


@asynccontextmanager
async def _console(request: Request, monkeypatch: pytest.MonkeyPatch, *, blind: bool) -> AsyncIterator[Stage]:
    clock = Ahead()
    console = Console(open_content(request), clock=clock)
    await console.start()
    try:
        async with asyncio.timeout(60):
            await console.wait_for(has_all)
        stage = Stage(console, clock, blind=blind, proofs=proofs())
        stage.install(monkeypatch)
        yield stage
    finally:
        await console.stop()


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OpenStage:
    """The embedded cluster."""
    private_folders(monkeypatch, tmp_path)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stage]:
        seed = seed_of(open_content(Request(environment="simulated")).catalogue)
        simulator = Simulator(seed)
        await simulator.start()
        try:
            kubeconfig = simulator.write_kubeconfig(tmp_path / "kubeconfig")
            request = Request(kubeconfig=kubeconfig, environment="simulated")
            async with _console(request, monkeypatch, blind=False) as stage:
                yield stage
        finally:
            await simulator.stop()

    return opened


@pytest.fixture(scope="session")
def real_namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The known namespace on the real control plane, that may be written to, and KEDA's CRD without its operator."""
    namespace = known_namespace.install(control_plane, f"spc--pos-{uuid.uuid4().hex[:8]}")
    labels = {"metadata": {"labels": {"posdeck/simulated": "true"}}}
    control_plane.api.patch(f"/api/v1/namespaces/{namespace}", labels)
    names = {"plural": "scaledobjects", "singular": "scaledobject", "kind": "ScaledObject"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [version]}
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    control_plane.api.create(path, {"metadata": {"name": "scaledobjects.keda.sh"}, "spec": spec})
    wait_until(
        lambda: control_plane.kubectl("get", "scaledobjects.keda.sh", "-A").returncode == 0,
        "the API server serves ScaledObjects",
    )
    yield namespace
    control_plane.kubectl("delete", "crd", "scaledobjects.keda.sh", "--wait=false")
    control_plane.delete_namespace(namespace)


@pytest.fixture
def real(
    control_plane: ControlPlane, real_namespace: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> OpenStage:
    """The real control plane, where no load is and nothing counts messages."""
    private_folders(monkeypatch, tmp_path)
    target = tmp_path / "content" / "inventory" / "simulated"
    shutil.copytree(ROOT / "inventory" / "simulated", target)
    quiet = ROOT / "inventory" / "staging" / "group_vars" / "all" / "telemetry.yml"
    shutil.copy(quiet, target / "group_vars" / "all" / "telemetry.yml")
    monkeypatch.setenv("POSDECK_CONTENT", str(tmp_path / "content"))
    request = Request(kubeconfig=control_plane.kubeconfig, environment="simulated")
    return lambda: _console(replace(request, namespace=real_namespace), monkeypatch, blind=True)
