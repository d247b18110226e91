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
import yaml
from tests.cluster import keda, known_namespace
from tests.cluster.control_plane import ControlPlane
from tests.operations.opened_console import private_folders
from tests.paths.forking import nursery, quick_runs
from tests.paths.hands import Hands, hands_on
from tests.paths.leading import has_all
from tests.paths.stage import Ahead, Stage

from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.runbooks.loading import load_library
from posdeck.runbooks.model import Act
from posdeck.simulator.seed import Seed
from posdeck.simulator.server import Simulator

__all__ = ["nursery", "quick_runs"]  # fixtures

ROOT = Path(__file__).parents[2]
LIBRARY = {runbook.id: runbook for runbook in load_library(ROOT / "runbooks").runbooks}
OpenStage = Callable[[], AbstractAsyncContextManager[Stage]]
OpenHands = Callable[[], AbstractAsyncContextManager[Hands]]


def brisk(seed: Seed) -> Seed:
    """The namespace with pods that come and go in a moment; how long they take is no matter here."""
    deployments = (replace(d, startup_seconds=0.3, shutdown_seconds=0.2) for d in seed.deployments)
    return replace(seed, deployments=tuple(deployments))


def proofs() -> frozenset[str]:
    """The playbooks that prove something, in any runbook."""
    acts = [step for runbook in LIBRARY.values() for step in runbook.steps if isinstance(step, Act)]
    every = [v for act in acts for v in (*act.verify, *(act.rollback.verify if act.rollback else ()))]
    return frozenset(v.playbook for v in every if v.playbook)


@asynccontextmanager
async def console_on(
    request: Request, monkeypatch: pytest.MonkeyPatch, *, blind: bool
) -> AsyncIterator[Stage]:
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


@asynccontextmanager
async def embedded_cluster(folder: Path) -> AsyncIterator[Request]:
    """An embedded cluster whose pods are brisk, and how to open it."""
    simulator = Simulator(brisk(seed_of(open_content(Request(environment="simulated")).catalogue)))
    await simulator.start()
    try:
        kubeconfig = simulator.write_kubeconfig(folder / "kubeconfig")
        yield Request(kubeconfig=kubeconfig, environment="simulated")
    finally:
        await simulator.stop()


@pytest.fixture
def embedded(quick_runs: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OpenStage:
    """The embedded cluster."""
    private_folders(monkeypatch, tmp_path)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Stage]:
        async with (
            embedded_cluster(tmp_path) as request,
            console_on(request, monkeypatch, blind=False) as stage,
        ):
            yield stage

    return opened


def own_inventory(folder: Path, monkeypatch: pytest.MonkeyPatch, *, typed: bool) -> Path:
    """A copy of the inventory of the simulated environment, in which an act is confirmed by typing its target where
    ``typed``; its folder."""
    target = folder / "content" / "inventory" / "simulated"
    shutil.copytree(ROOT / "inventory" / "simulated", target)
    if typed:
        path = target / "group_vars" / "all" / "policy.yml"
        policy = yaml.safe_load(path.read_text())
        policy["policy"]["confirm"] = "typed"
        path.write_text(yaml.safe_dump(policy))
    monkeypatch.setenv("POSDECK_CONTENT", str(folder / "content"))
    return target


@pytest.fixture
def embedded_screen(quick_runs: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OpenHands:
    """The interface on an embedded cluster, as often as it is opened; every act is confirmed by typing its target."""
    private_folders(monkeypatch, tmp_path)
    own_inventory(tmp_path, monkeypatch, typed=True)

    @asynccontextmanager
    async def opened() -> AsyncIterator[Hands]:
        async with (
            embedded_cluster(tmp_path) as request,
            hands_on(request, monkeypatch, proofs=proofs(), blind=False) as hands,
        ):
            yield hands

    return opened


@pytest.fixture(scope="session")
def real_namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The known namespace on the real control plane, that may be written to."""
    namespace = known_namespace.install(control_plane, f"spc--pos-{uuid.uuid4().hex[:8]}")
    labels = {"metadata": {"labels": {"posdeck/simulated": "true"}}}
    control_plane.api.patch(f"/api/v1/namespaces/{namespace}", labels)
    yield namespace
    control_plane.delete_namespace(namespace)


@pytest.fixture
def keda_on_real(control_plane: ControlPlane) -> Iterator[None]:
    """KEDA's CRD on the real control plane, without its operator."""
    with keda.installed(control_plane):
        yield


@pytest.fixture
def real(
    control_plane: ControlPlane,
    real_namespace: str,
    quick_runs: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> OpenStage:
    """The real control plane, where no load is and nothing counts messages."""
    request = real_request(control_plane, real_namespace, monkeypatch, tmp_path)
    return lambda: console_on(request, monkeypatch, blind=True)


@pytest.fixture
def real_screen(
    control_plane: ControlPlane,
    real_namespace: str,
    quick_runs: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> OpenHands:
    """The interface on the real control plane."""
    request = real_request(control_plane, real_namespace, monkeypatch, tmp_path, typed=True)
    return lambda: hands_on(request, monkeypatch, proofs=proofs(), blind=True)


def real_request(
    plane: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch, folder: Path, *, typed: bool = False
) -> Request:
    """How to open the namespace of the real control plane, whose numbers nobody reads."""
    private_folders(monkeypatch, folder)
    target = own_inventory(folder, monkeypatch, typed=typed)
    quiet = ROOT / "inventory" / "staging" / "group_vars" / "all" / "telemetry.yml"
    shutil.copy(quiet, target / "group_vars" / "all" / "telemetry.yml")
    return Request(kubeconfig=plane.kubeconfig, environment="simulated", namespace=namespace)
