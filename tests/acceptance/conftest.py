"""One embedded cluster and one namespace of the real control plane for all acceptance tests; a home for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.places import ROOT, Desk, Place
from tests.cluster import known_namespace
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

STUCK = "consumer-order"  # the consumer that the embedded cluster's fault holds up


@contextmanager
def embedded_cluster(folder: Path, *arguments: str) -> Iterator[Place]:
    """The embedded cluster as ``posdeck simulator`` serves it."""
    kubeconfig = folder / "kubeconfig"
    command = [sys.executable, "-m", "posdeck", "simulator", "--port", "0", "--until-stdin-ends"]
    command += ["--write-kubeconfig", str(kubeconfig), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=folder
        )
    wait_until(
        lambda: kubeconfig.exists() or process.poll() is not None, "the embedded cluster serves", within=60
    )
    assert process.poll() is None, (folder / "log").read_text()
    yield Place("embedded", kubeconfig, "spc--pos", folder / "cache", lambda _: kubeconfig)
    process.communicate(timeout=20)


@pytest.fixture(scope="session")
def embedded_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The embedded cluster with one consumer that processes nothing."""
    with embedded_cluster(
        tmp_path_factory.mktemp("embedded"), "--fault", f"consumer-channel-closed={STUCK}"
    ) as place:
        yield place


@pytest.fixture
def healthy_desk(tmp_path: Path) -> Iterator[Desk]:
    """posdeck at an embedded cluster of its own, in which nothing is wrong yet."""
    for name in ("cluster", "home"):
        (tmp_path / name).mkdir()
    with embedded_cluster(tmp_path / "cluster") as place:
        yield Desk(place, tmp_path / "home")


@pytest.fixture(scope="session")
def real_place(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The namespace on the real control plane, marked as one of the tests', so that it may be written to."""
    namespace = known_namespace.install(control_plane, f"spc--pos-{uuid.uuid4().hex[:8]}")
    mark_as_simulated(control_plane, namespace)
    yield Place(
        "real",
        control_plane.kubeconfig,
        namespace,
        tmp_path_factory.mktemp("kubectl"),
        lambda name: control_plane.identity(name, namespace),
    )
    control_plane.delete_namespace(namespace)


def mark_as_simulated(plane: ControlPlane, namespace: str) -> None:
    """Let the environment ``simulated`` take this namespace for one that nothing depends on."""
    labels = {"metadata": {"labels": {"posdeck/simulated": "true"}}}
    plane.api.patch(f"/api/v1/namespaces/{namespace}", labels)


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.cluster)])
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the two in turn; the real one is skipped, with the reason, where it cannot be had."""
    found = request.getfixturevalue(f"{request.param}_place")
    assert isinstance(found, Place)
    return found


@pytest.fixture(scope="session")
def without_numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Content of its own: the simulated environment, and no source of queue numbers in it."""
    folder = tmp_path_factory.mktemp("content")
    target = folder / "inventory" / "simulated"
    shutil.copytree(ROOT / "inventory" / "simulated", target)
    staging = ROOT / "inventory" / "staging" / "group_vars" / "all" / "telemetry.yml"
    shutil.copy(staging, target / "group_vars" / "all" / "telemetry.yml")
    return folder


@pytest.fixture
def desk(place: Place, tmp_path: Path, request: pytest.FixtureRequest) -> Desk:
    """posdeck at each of the two places, with nothing recorded yet."""
    if place.real:
        found = request.getfixturevalue("real_desk")
        assert isinstance(found, Desk)
        return found
    return Desk(place, tmp_path)


@pytest.fixture
def embedded_desk(embedded_place: Place, tmp_path: Path) -> Desk:
    """posdeck at the embedded cluster."""
    return Desk(embedded_place, tmp_path)


@pytest.fixture
def real_desk(real_place: Place, tmp_path: Path, without_numbers: Path) -> Desk:
    """posdeck at the real control plane, where nothing counts messages."""
    return Desk(real_place, tmp_path, extra={"POSDECK_CONTENT": str(without_numbers)})


@pytest.fixture(scope="session")
def restarting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Content of its own: a runbook that restarts at once, so that a test needs no evidence first."""
    folder = tmp_path_factory.mktemp("restarting")
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "restart-now.yml").write_text(RESTART_NOW)
    return folder


RESTART_NOW = """\
apiVersion: runbook/v1
metadata:
  id: restart-now
  title: Restart now
  summary: Restart a consumer without looking first.
  owner: the tests
  severity: warning
  review_by: 2099-01-01
  expected_duration: 1m
  symptoms: [A test wants it.]
params:
  - {name: consumer, type: workload, source: {group: consumers}, help: The consumer.}
policy: {class: mitigate}
steps:
  - id: restart
    type: act
    title: Restart the consumer
    why: A test wants it.
    class: mitigate
    playbook: restart.yml
    target: "{{ params.consumer }}"
    preview: One annotation changes.
    timeout: 2m
    verify: [{check: rollout-complete, timeout: 1m}]
    irreversible: A restart has no undo.
    next: done
    on_failure: not-done
    on_cannot_tell: not-done
    on_cancel: stopped
    kubectl: kubectl rollout restart deployment/{{ target.deployment }} -n {{ target.namespace }}
  - {id: done, type: done, title: Done, result: It was restarted., outcome: resolved}
  - {id: not-done, type: done, title: Not done, result: It did not come back., outcome: not-resolved}
  - {id: stopped, type: done, title: Stopped, result: It was stopped., outcome: not-resolved}
"""
