"""What our modules do is what kubernetes.core does with the same arguments: both are run on the real control plane, and
the objects that result are compared. A team's own playbook may use either, or both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

pytestmark = [pytest.mark.cluster, pytest.mark.ansible]
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
HOST, NAME = "consumer-order", "spc--pos--be--consumer-order--prod"
STAMP = "2026-11-01T02:03:04Z"
WHO = ("-l", HOST, "-e", f"confirm={HOST}", "-e", "reason=compared")
BUDGET = {
    "apiVersion": "policy/v1",
    "kind": "PodDisruptionBudget",
    "metadata": {"name": NAME},
    "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": HOST}}},
}
WHERE = {"namespace": "{{ kube_namespace }}"}
DEPLOYMENT = {"api_version": "apps/v1", "kind": "Deployment", "name": NAME, **WHERE}
RESTART = {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": STAMP}}}}}
SHORTER = {"spec": {"revisionHistoryLimit": 4}}

# what is done: our task, theirs
ALIKE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "scale": (
        {"posdeck.k8s.scale": {"name": NAME, "replicas": 3, **WHERE}},
        {"kubernetes.core.k8s_scale": {**DEPLOYMENT, "replicas": 3, "wait": False}},
    ),
    "restart": (
        {"posdeck.k8s.rollout_restart": {"name": NAME, "restarted_at": STAMP, **WHERE}},
        {"kubernetes.core.k8s": {**DEPLOYMENT, "state": "patched", "definition": RESTART}},
    ),
    "roll back": (
        {"posdeck.k8s.rollout_undo": {"name": NAME, **WHERE}},
        {"kubernetes.core.k8s_rollback": DEPLOYMENT},
    ),
    "patch": (
        {"posdeck.k8s.patch": {"kind": "Deployment", "name": NAME, "definition": SHORTER, **WHERE}},
        {"kubernetes.core.k8s": {**DEPLOYMENT, "state": "patched", "definition": SHORTER}},
    ),
    "apply": (
        {"posdeck.k8s.apply": {"definition": BUDGET, **WHERE}},
        {
            "kubernetes.core.k8s": {
                "definition": BUDGET,
                "apply": True,
                "server_side_apply": {"field_manager": "posdeck"},
                **WHERE,
            }
        },
    ),
    "delete": (
        {"posdeck.k8s.delete": {"kind": "Deployment", "name": NAME, "current_replicas": 1, **WHERE}},
        {"kubernetes.core.k8s": {**DEPLOYMENT, "state": "absent"}},
    ),
}
Compare = Callable[[dict[str, Any], str], dict[str, Any]]


@pytest.fixture
def two(control_plane: ControlPlane) -> Iterator[tuple[str, str]]:
    """Two namespaces that are alike: in each the deployment, in its second revision."""
    names = []
    for _ in range(2):
        name = control_plane.create_namespace()
        names.append(name)
        control_plane.api.patch(
            f"/api/v1/namespaces/{name}", {"metadata": {"labels": {"posdeck/simulated": "true"}}}
        )
        path = f"/apis/apps/v1/namespaces/{name}/deployments"
        template = {
            "metadata": {"labels": {"app": HOST}},
            "spec": {"containers": [{"name": "main", "image": "pos:1"}]},
        }
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": HOST}}, "template": template}
        control_plane.api.create(path, {"metadata": {"name": NAME}, "spec": spec})
        wait_until(lambda p=path: _revision(control_plane, p) == "1", "the first revision")  # type: ignore[misc]
        newer = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "pos:2"}]}}}}
        control_plane.api.patch(f"{path}/{NAME}", newer)
        wait_until(lambda p=path: _revision(control_plane, p) == "2", "the second revision")  # type: ignore[misc]
    yield names[0], names[1]
    for name in names:
        control_plane.delete_namespace(name)


def _revision(plane: ControlPlane, path: str) -> str:
    found = plane.api.get(f"{path}/{NAME}")
    ready = found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"]
    revision = found["metadata"].get("annotations", {}).get("deployment.kubernetes.io/revision", "")
    return str(revision) if ready else ""


@pytest.fixture
def run(control_plane: ControlPlane, kubernetes_core: Path, tmp_path: Path) -> Compare:
    """Run one task in a namespace as a playbook of its own; the task's result."""

    def once(task: dict[str, Any], namespace: str) -> dict[str, Any]:
        book = tmp_path / f"{namespace}.yml"
        tasks = [
            {"name": "The task", **task, "register": "told"},
            {"name": "Say", "ansible.builtin.debug": {"var": "told"}},
        ]
        book.write_text(json.dumps([{"name": "One", "hosts": "all", "gather_facts": False, "tasks": tasks}]))
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LC_ALL": "C.UTF-8",
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "KUBECONFIG": str(control_plane.kubeconfig),
            "K8S_AUTH_KUBECONFIG": str(control_plane.kubeconfig),
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'playbooks' / 'collections'}:{kubernetes_core}",
        }
        command = [
            str(BIN / "ansible-playbook"),
            "-i",
            str(ROOT / "inventory" / "simulated"),
            str(book),
            *WHO,
        ]
        command += ["-e", f"kube_namespace={namespace}", "-e", f"ansible_python_interpreter={sys.executable}"]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        _, _, said = done.stdout.partition('"told": ')
        found, _ = json.JSONDecoder().raw_decode(said)
        assert isinstance(found, dict)
        return found

    return once


def objects(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    """What is left in a namespace: what was told the objects, without what no two of them share."""
    found = {}
    for path in ("apps/v1/namespaces/{}/deployments", "policy/v1/namespaces/{}/poddisruptionbudgets"):
        for item in plane.api.get("/apis/" + path.format(namespace))["items"]:
            metadata = item["metadata"]
            marks = {k: metadata.get(k) for k in ("name", "labels", "generation")}
            found[f"{path.rpartition('/')[2]}/{metadata['name']}"] = {**marks, "spec": item["spec"]}
    return found


@pytest.mark.parametrize("what", ALIKE)
def test_both_leave_the_same_objects(
    what: str, two: tuple[str, str], run: Compare, control_plane: ControlPlane
) -> None:
    ours, theirs = ALIKE[what]
    before = objects(control_plane, two[0])
    assert objects(control_plane, two[1]) == before
    told, other = run(ours, two[0]), run(theirs, two[1])
    after = objects(control_plane, two[0])
    assert after != before
    assert after == objects(control_plane, two[1])
    assert told["changed"] is other["changed"] is True


def test_both_read_the_same(two: tuple[str, str], run: Compare) -> None:
    told = run({"posdeck.k8s.get": DEPLOYMENT}, two[0])["resources"]
    other = run({"kubernetes.core.k8s_info": DEPLOYMENT}, two[0])["resources"]
    for each in (*told, *other):
        each["metadata"].pop("managedFields", None)
    assert told == other
    assert len(told) == 1


@pytest.mark.parametrize("what", ["scale", "patch", "apply"])
def test_the_second_time_neither_changes_anything(
    what: str, two: tuple[str, str], run: Compare, control_plane: ControlPlane
) -> None:
    for task, namespace in zip(ALIKE[what], two, strict=True):
        assert run(task, namespace)["changed"] is True
        before = objects(control_plane, namespace)
        assert run(task, namespace)["changed"] is False
        assert objects(control_plane, namespace) == before
