"""Our cells of a pod are those that a real API server prints at the same moment, in every state we know."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from tests.cluster.control_plane import BARE_NODE, ControlPlane
from tests.kubetext.pod_states import STATES, manifest
from tests.kubetext.random_pods import random_pod
from tests.kubetext.server_rows import ServerRow, server_rows

from posdeck.kubetext.pods import pod_text

pytestmark = pytest.mark.cluster

RANDOM_PODS = 150


@pytest.fixture(scope="module")
def pods(control_plane: ControlPlane) -> Iterator[dict[str, ServerRow]]:
    """Every state of ``STATES`` as a pod on the server, with the server's row of it."""
    namespace = control_plane.create_namespace()
    path = f"/api/v1/namespaces/{namespace}/pods"
    for name, state in STATES.items():
        control_plane.api.create(path, manifest(name, state, BARE_NODE))
        if state.status:
            control_plane.api.patch(f"{path}/{name}/status", {"status": state.status})
        if state.deleted:
            control_plane.api.delete(f"{path}/{name}")
    yield {r.obj["metadata"]["name"]: r for r in server_rows(control_plane.api, "pods", path)}
    control_plane.delete_namespace(namespace)


def test_there_are_enough_states_and_they_differ(pods: dict[str, ServerRow]) -> None:
    assert pods.keys() == STATES.keys()
    assert len(STATES) >= 40
    # Guards against a server that dropped what we put in: the states must lead to many different words.
    assert len({(r.cells[1], r.cells[2]) for r in pods.values()}) >= 35


@pytest.mark.parametrize("name", STATES)
def test_cells_equal_the_servers(pods: dict[str, ServerRow], name: str) -> None:
    assert pods[name].differences() == []


@pytest.mark.parametrize("name", STATES)
def test_pod_text_equals_the_servers_words(pods: dict[str, ServerRow], name: str) -> None:
    found, cells = pod_text(pods[name].obj), pods[name].cells
    assert (found.ready, found.status) == (cells[1], cells[2])
    assert found.restarts == int(str(cells[3]).split()[0])
    assert f"{found.ready_containers}/{found.total_containers}" == found.ready


def test_random_combinations_equal_the_servers(control_plane: ControlPlane, namespace: str) -> None:
    """What we did not think of: specs, states and conditions thrown together, the same ones in every run."""
    dice = random.Random(20260304)
    path = f"/api/v1/namespaces/{namespace}/pods"
    for position in range(RANDOM_PODS):
        pod, status = random_pod(dice, f"p{position}", BARE_NODE)
        control_plane.api.create(path, pod)
        control_plane.api.patch(f"{path}/p{position}/status", {"status": status})
        if dice.random() < 0.2:
            control_plane.api.delete(f"{path}/p{position}")
    rows = server_rows(control_plane.api, "pods", path)
    assert len(rows) == RANDOM_PODS
    assert {r.obj["metadata"]["name"]: (d, r.obj["status"]) for r in rows if (d := r.differences())} == {}
    assert len({(r.cells[1], r.cells[2]) for r in rows}) > 50


def test_kubectl_prints_these_words(control_plane: ControlPlane, pods: dict[str, ServerRow]) -> None:
    namespace = next(iter(pods.values())).obj["metadata"]["namespace"]
    printed = control_plane.kubectl("get", "pods", "-n", namespace, "--no-headers").stdout.splitlines()
    assert len(printed) == len(pods)
    for line in printed:
        name, ready, status, restarts, *_ = line.split()
        found = pod_text(pods[name].obj)
        assert (found.ready, found.status or "Unknown", str(found.restarts)) == (ready, status, restarts)
