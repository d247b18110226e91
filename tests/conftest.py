"""The real control plane for every test that asks for it, and fresh namespaces on it."""

from __future__ import annotations

import inspect
import os
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Beside the other caches; a folder of its own in the root would be collected by pytest.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".cache" / "hypothesis"))
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # so that test support is importable as tests.cluster.…

from tests.cluster import build, known_namespace, startup  # noqa: E402 — needs the path above
from tests.cluster.control_plane import ControlPlane  # noqa: E402
from tests.cluster.namespace_objects import NAMESPACE  # noqa: E402
from tests.playbooks import community  # noqa: E402

from posdeck.ui.watchdog import Watchdog  # noqa: E402

# What tests run in their own process, but posdeck in another or before its loop.
ELSEWHERE = ("posdeck.simulator.", "posdeck.cli.", "posdeck.runbooks.", "posdeck.catalogue.")
LOOP_HELD = 2.0  # processor seconds; the 50 ms of a quiet machine are the benchmark's business


def pytest_configure(config: pytest.Config) -> None:
    """The process that reports tells, too, which cases of the fault matrix were run."""
    if not hasattr(config, "workerinput"):
        from tests.faults.ci_table import MatrixOfTheSuite

        config.pluginmanager.register(MatrixOfTheSuite(), "fault-matrix")


@pytest.fixture(autouse=True)
def _watched(request: pytest.FixtureRequest) -> None:
    """Every asynchronous test runs under the watchdog of development mode."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("watched_loop")


@pytest.fixture
async def watched_loop() -> AsyncIterator[None]:
    """Fails the test when code of posdeck computes on the event loop for far too long; imports do not count, which
    a program does before and a test whenever it comes to them."""
    dog = Watchdog(limit=LOOP_HELD / 2)
    dog.start()
    yield
    dog.stop()
    held = [b for b in dog.blocks if b.busy > LOOP_HELD and b.culprit.startswith("posdeck.")]
    for block in held:
        # neither what a test computes by calling it, which is the test's own long turn
        elsewhere = block.culprit.startswith(ELSEWHERE) or any(
            where in block.stack for where in ("posdeck/simulator/", "/tests/")
        )
        if not elsewhere and "<frozen importlib" not in block.stack:
            pytest.fail(f"The event loop was held for {block.busy:.1f} s in {block.culprit}:\n{block.stack}")


@pytest.fixture(scope="session")
def control_plane_binary() -> Path:
    """The built control plane; without it tests are skipped with the reason, or fail where CI=true."""
    try:
        return build.binary()
    except build.CannotBuildError as problem:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(problem))
        pytest.skip(str(problem))


@pytest.fixture(scope="session")
def control_plane(
    control_plane_binary: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[ControlPlane]:
    """A real control plane, the same for every test and every worker of this run."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    plane = startup.share(control_plane_binary, folder)
    yield plane
    plane.close()


@pytest.fixture(scope="session")
def breakable_control_plane(
    control_plane_binary: Path, request: pytest.FixtureRequest
) -> Iterator[ControlPlane]:
    """A control plane that a test may stop and start: with several workers one of its own."""
    if not hasattr(request.config, "workerinput"):
        yield request.getfixturevalue("control_plane")
        return
    plane = startup.start(control_plane_binary)
    yield plane
    plane.close()


@pytest.fixture(scope="session")
def kubernetes_core() -> Path:
    """A folder with the collection kubernetes.core; without it skipped with the reason, or failed where CI=true."""
    try:
        return community.collections()
    except community.NotToBeHadError as problem:
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(str(problem))
        pytest.skip(str(problem))


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """The name of a fresh namespace with the roles of viewers and operators; its end is not waited for."""
    name = control_plane.create_namespace()
    yield name
    control_plane.delete_namespace(name)


@pytest.fixture
def spc_pos(control_plane: ControlPlane, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of a namespace with the 18 deployments, the services and the HPA, all running.

    Its name is unique unless the test is parametrised with one (``indirect``): ``spc--pos`` itself comes with
    the production addresses, and only one test at a time can have it.
    """
    wanted = getattr(request, "param", f"{NAMESPACE}-{uuid.uuid4().hex[:8]}")
    name = known_namespace.install(control_plane, wanted)
    yield name
    control_plane.delete_namespace(name)
