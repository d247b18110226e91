"""The same tests on the embedded cluster and on the real control plane: ``api`` is either of them."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.api import Api, wait_until
from tests.simulator.pos_seed import pos_seed

from posdeck.clock import SystemClock
from posdeck.simulator.server import Simulator


@dataclass(frozen=True)
class Cluster:
    """One of the two, with a fresh namespace on it."""

    name: str
    api: Api
    kubeconfig: Path
    namespace: str
    cache: Path

    def path(self, kind: str, name: str = "", sub: str = "") -> str:
        """The path of "pods" or "apps/v1/deployments" in the namespace."""
        start = f"/apis/{kind.rpartition('/')[0]}" if "/" in kind else "/api/v1"
        path = f"{start}/namespaces/{self.namespace}/{kind.rpartition('/')[2]}"
        return "/".join(filter(None, [path, name, sub]))

    def command(self, *arguments: str) -> list[str]:
        """The command line of kubectl with ``arguments``."""
        program = shutil.which("kubectl")
        if program is None:
            pytest.skip("kubectl is not on this machine")
        return [program, "--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.cache), "-n", self.namespace,
                *arguments]  # fmt: skip

    def kubectl(self, *arguments: str, input: str | None = None, check: bool = True) -> str:
        """What kubectl prints; an error fails the test with kubectl's own words."""
        done = subprocess.run(
            self.command(*arguments), input=input, capture_output=True, text=True, timeout=90
        )
        if check and done.returncode:
            pytest.fail(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout if check else done.stdout + done.stderr

    def create(self, name: str = "web", **spec: Any) -> dict[str, Any]:
        """A deployment that is there and available."""
        self.api.create(self.path("apps/v1/deployments"), deployment(name, **spec))
        return self.available(name)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """One object."""
        return self.api.get(self.path(kind, name))

    def items(self, kind: str, query: str = "") -> list[Any]:
        """All objects of a kind."""
        found: list[Any] = self.api.get(self.path(kind) + query)["items"]
        return found

    def available(self, name: str = "web") -> dict[str, Any]:
        """The deployment, once its rollout is complete and no old pod is left."""

        def done() -> dict[str, Any] | None:
            found = self.get("apps/v1/deployments", name)
            status, wanted = found.get("status", {}), found["spec"]["replicas"]
            counts = [status.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas")]
            current = status.get("observedGeneration") == found["metadata"]["generation"]
            pods = self.items("pods", f"?labelSelector=app%3D{name}")
            return found if current and counts == [wanted] * 3 and len(pods) == wanted else None

        return wait_until(done, f"{name} available on {self.name}", within=60) or {}


def deployment(name: str = "web", image: str = "registry.invalid/web:1", **spec: Any) -> dict[str, Any]:
    """A small deployment."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 2,
            "containers": [
                {"name": "app", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
            ],
        },
    }
    body = {"selector": {"matchLabels": {"app": name}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": body}


class HurriedClock(SystemClock):
    """The machine's time, five times as fast: pods start in a second, and kubectl need not wait long."""

    FACTOR = 5.0

    def __init__(self) -> None:
        self._began, self._from = super().now(), super().monotonic()

    def monotonic(self) -> float:
        return self._from + (super().monotonic() - self._from) * self.FACTOR

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.monotonic() - self._from)

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds / self.FACTOR)


class Background:
    """A simulator on a thread and a loop of its own, for tests that block while they run kubectl."""

    def __init__(self) -> None:
        self.simulator = Simulator(pos_seed(), clock=HurriedClock())
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="simulator")
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.simulator.start(), self.loop).result(30)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.simulator.stop(), self.loop).result(30)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture(scope="session")
def embedded() -> Iterator[Background]:
    background = Background()
    yield background
    background.stop()
    assert background.simulator.engine.failures == []


def _embedded_cluster(background: Background, folder: Path) -> Cluster:
    simulator = background.simulator
    authority = folder / "ca.pem"
    authority.write_bytes(simulator.ca_pem)
    config = simulator.write_kubeconfig(folder / "kubeconfig")
    api = Api(simulator.port, authority, simulator.token())
    namespace = f"t-{uuid.uuid4().hex[:10]}"
    api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    return Cluster("the embedded cluster", api, config, namespace, folder / "cache")


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.cluster)])
def api(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    """A cluster with a fresh namespace; the real one is skipped, with the reason, where it cannot be had."""
    if request.param == "embedded":
        made = _embedded_cluster(request.getfixturevalue("embedded"), tmp_path)
        yield made
        made.api.delete(f"/api/v1/namespaces/{made.namespace}")
        made.api.close()
        return
    plane = request.getfixturevalue("control_plane")
    namespace = request.getfixturevalue("namespace")
    yield Cluster("the control plane", plane.api, plane.kubeconfig, namespace, tmp_path / "cache")
