"""The real control plane is what the other tests take it for: identities, logs, faults, its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cluster import build
from tests.cluster.api import ApiError, wait_until
from tests.cluster.control_plane import BARE_NODE, ControlPlane
from tests.cluster.namespace_objects import APP, COLLECTOR, NGINX, WORKLOADS

ROOT = Path(__file__).parent.parent.parent


def _can(plane: ControlPlane, identity: str, namespace: str, verb: str, resource: str) -> bool:
    done = plane.kubectl("auth", "can-i", verb, resource, "-n", namespace, identity=identity)
    return done.stdout.strip() == "yes"


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("identity", "may"),
    [
        ("admin", "read metrics write"),
        ("admin-token", "read metrics write"),
        ("viewer", "read metrics"),
        ("viewer-exec", "read metrics"),
        ("viewer-no-metrics", "read"),
        ("operator", "read metrics write"),
        ("operator2", "read metrics write"),
        ("nobody", ""),
    ],
)
def test_identities_may_do_what_their_names_say(
    control_plane: ControlPlane, namespace: str, identity: str, may: str
) -> None:
    reads, metrics, writes = (word in may for word in ("read", "metrics", "write"))
    assert _can(control_plane, identity, namespace, "watch", "pods") is reads
    assert _can(control_plane, identity, namespace, "get", "pods/log") is reads
    assert _can(control_plane, identity, namespace, "list", "pods.metrics.k8s.io") is metrics
    assert _can(control_plane, identity, namespace, "patch", "deployments.apps") is writes
    assert _can(control_plane, identity, namespace, "delete", "pods") is writes
    assert _can(control_plane, identity, namespace, "create", "leases.coordination.k8s.io") is writes


@pytest.mark.cluster
def test_operators_hold_nothing_outside_their_namespace(control_plane: ControlPlane, namespace: str) -> None:
    for identity in ("operator", "operator2", "viewer"):
        assert not _can(control_plane, identity, "default", "list", "pods")
        assert not _can(control_plane, identity, namespace, "list", "nodes")
        assert not _can(control_plane, identity, namespace, "get", "secrets")


@pytest.mark.cluster
def test_kubeconfigs_are_private_and_can_name_a_namespace(
    control_plane: ControlPlane, namespace: str
) -> None:
    path = control_plane.identity("viewer", namespace)
    assert path.stat().st_mode & 0o077 == 0
    done = subprocess.run(
        [str(control_plane.binary), "kubectl", "--kubeconfig", str(path), "get", "pods", "-o", "json"],
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)["items"] == []
    with pytest.raises(ValueError, match="no identity"):
        control_plane.identity("root")


@pytest.mark.cluster
def test_the_known_namespace_runs(control_plane: ControlPlane, spc_pos: str) -> None:
    deployments = control_plane.api.get(f"/apis/apps/v1/namespaces/{spc_pos}/deployments")["items"]
    assert {d["metadata"]["name"]: d["status"].get("readyReplicas", 0) for d in deployments} == {
        w.name: w.replicas for w in WORKLOADS
    }
    assert (len(deployments), sum(w.replicas for w in WORKLOADS)) == (18, 19)
    services = control_plane.api.get(f"/api/v1/namespaces/{spc_pos}/services")["items"]
    assert {s["metadata"]["name"] for s in services} == {APP, NGINX, COLLECTOR}


@pytest.mark.cluster
@pytest.mark.parametrize("spc_pos", ["spc--pos"], indirect=True)
def test_the_known_namespace_has_its_addresses_under_its_own_name(
    control_plane: ControlPlane, spc_pos: str
) -> None:
    service = control_plane.api.get(f"/api/v1/namespaces/{spc_pos}/services/{APP}")
    assert (service["spec"]["clusterIP"], service["spec"]["ports"][0]["nodePort"]) == ("10.8.21.22", 32095)


@pytest.mark.cluster
def test_logs_are_those_that_were_set(control_plane: ControlPlane, namespace: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    container = {"name": "app", "image": "registry.invalid/app:1"}
    control_plane.api.create(pods, {"metadata": {"name": "p"}, "spec": {"containers": [container]}})
    wait_until(lambda: control_plane.api.get(f"{pods}/p")["status"]["phase"] == "Running", "the pod running")
    control_plane.set_logs(namespace, "p", ["first", '{"second": 2}'], previous=["before the crash"])
    control_plane.append_log(namespace, "p", "third")
    assert control_plane.api.text(f"{pods}/p/log").splitlines() == ["first", '{"second": 2}', "third"]
    assert control_plane.api.text(f"{pods}/p/log?previous=true").splitlines() == ["before the crash"]
    assert (
        control_plane.kubectl("logs", "p", "-n", namespace, "--tail=1", identity="viewer").stdout == "third\n"
    )


@pytest.mark.cluster
def test_a_pod_on_the_bare_node_keeps_its_status(control_plane: ControlPlane, namespace: str) -> None:
    pods = f"/api/v1/namespaces/{namespace}/pods"
    containers = [{"name": "app", "image": "registry.invalid/app:1"}]
    spec = {"nodeName": BARE_NODE, "containers": containers}
    control_plane.api.create(pods, {"metadata": {"name": "p"}, "spec": spec})
    running = {"metadata": {"name": "witness"}, "spec": {"containers": containers}}
    control_plane.api.create(pods, running)
    # Once kwok has run the one beside it, it has passed over ours.
    wait_until(
        lambda: control_plane.api.get(f"{pods}/witness")["status"]["phase"] == "Running", "the witness"
    )
    assert control_plane.api.get(f"{pods}/p")["status"]["phase"] == "Pending"


@pytest.mark.cluster
def test_the_apiserver_can_be_stopped_and_started(breakable_control_plane: ControlPlane) -> None:
    plane = breakable_control_plane
    before = plane.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    plane.stop_apiserver()
    with pytest.raises(OSError):
        plane.api.get("/readyz")
    plane.start_apiserver()
    assert plane.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"] == before
    with pytest.raises(ApiError) as missing:
        plane.api.get("/api/v1/namespaces/no-such-namespace")
    assert missing.value.code == 404


SLEEPER = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.cluster.supervision import Supervised
state, supervised = Supervised.launch()
(state / "logs").mkdir()
supervised.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
print(state, supervised.pid("sleeper"), flush=True)
sys.stdin.read()
"""


def test_nothing_survives_a_killed_test_run() -> None:
    """The processes and the state go when the process that asked for them is killed."""
    run = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, str(ROOT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert run.stdout
    assert run.stdin
    state, pid = run.stdout.readline().split()
    assert _alive(int(pid))
    run.send_signal(signal.SIGKILL)
    run.wait()
    run.stdout.close()
    run.stdin.close()
    wait_until(lambda: not _alive(int(pid)), "the end of the process", within=10)
    wait_until(lambda: not Path(state).exists(), "the end of the state folder", within=10)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_without_go_and_without_a_binary_the_reason_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSDECK_TEST_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GO", raising=False)
    with pytest.raises(build.CannotBuildError, match="no Go to build it"):
        build.binary()


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_without_it_tests_are_skipped_but_fail_in_ci(tmp_path: Path, ci: str, outcome: str) -> None:
    """What needs the control plane never passes by not having run."""
    bare = {"PATH": str(tmp_path), "HOME": str(tmp_path), "POSDECK_TEST_CACHE": str(tmp_path), "CI": ci}
    one = f"{__file__}::test_a_pod_on_the_bare_node_keeps_its_status"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "norecursedirs=.*", one]
    done = subprocess.run(command, env=bare, cwd=ROOT, capture_output=True, text=True)
    assert outcome in done.stdout.splitlines()[-1]
    assert "no Go to build it" in done.stdout


def test_an_old_go_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.25.3\n")
    old.chmod(0o755)
    monkeypatch.setenv("POSDECK_TEST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GO", str(old))
    with pytest.raises(build.CannotBuildError, match=r"needs Go 1\.26\.4 to build; .* is go1\.25\.3"):
        build.binary()


def test_the_cache_depends_on_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / name).write_bytes((build.SOURCES / name).read_bytes())
    known = build.cached()
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    assert build.cached() == known
    (tmp_path / "main.go").write_text("package main\n")
    assert build.cached() != known
