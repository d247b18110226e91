"""Under exactly the documented roles posdeck does all it should, and says what it cannot."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, Place, full
from tests.cluster.control_plane import ControlPlane
from tests.operations.opened_console import console_on, console_sees, private_folders
from tests.security.roles import grant, revoke, rules

from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import ForbiddenError
from posdeck.operations.forward_ports import ForwardChoice
from posdeck.operations.front import LogRequest

pytestmark = pytest.mark.cluster
LIVE = (Kind.PODS, Kind.DEPLOYMENTS, Kind.REPLICA_SETS, Kind.SERVICES, Kind.HPAS, Kind.EVENTS)
NEVER = (
    ("get", "secrets", ""),
    ("list", "secrets", ""),
    ("create", "pods/exec", ""),
    ("create", "pods/attach", ""),
    ("create", "pods", ""),
    ("deletecollection", "pods", ""),
    ("create", "serviceaccounts/token", ""),
    ("impersonate", "serviceaccounts", ""),
    ("patch", "roles", "rbac.authorization.k8s.io"),
    ("create", "rolebindings", "rbac.authorization.k8s.io"),
    ("delete", "namespaces", ""),
    ("patch", "configmaps", ""),
)
CHANGING = (
    ("patch", "deployments", "apps"),
    ("patch", "deployments/scale", "apps"),
    ("delete", "pods", ""),
    ("create", "leases", "coordination.k8s.io"),
    ("create", "pods/portforward", ""),
)


@pytest.fixture
def viewer(control_plane: ControlPlane, bare: str) -> Iterator[Path]:
    grant(control_plane, bare, "viewer")
    yield control_plane.identity("nobody", bare)
    revoke(control_plane, bare, "viewer")


@pytest.fixture
def operator(control_plane: ControlPlane, bare: str) -> Iterator[Path]:
    grant(control_plane, bare, "viewer", "operator")
    yield control_plane.identity("nobody", bare)
    revoke(control_plane, bare, "viewer", "operator")


@pytest.fixture
def bare(real_place: Place) -> str:
    """The known namespace, in which ``nobody`` has no right."""
    return real_place.namespace


@pytest.fixture
def at_desk(real_desk: Desk, real_place: Place) -> Desk:
    """posdeck as ``nobody`` starts it."""
    real_desk.kubeconfig = real_place.identity("nobody")
    return real_desk


async def test_a_viewer_sees_everything_of_the_namespace_and_is_told_what_is_out_of_reach(
    viewer: Path, bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    async with console_on(viewer, namespace=bare) as console:
        view = await console_sees(
            console,
            lambda v: (
                all(v.snapshot.feed(k).state is FeedState.LIVE for k in LIVE)
                and v.snapshot.feed(Kind.NODES).state is FeedState.FORBIDDEN
                and bool(v.snapshot.connection.namespace_uid)
            ),
        )
        assert len(view.snapshot.deployments) == 18
        assert "nodes" in view.snapshot.feed(Kind.NODES).reason
        assert view.snapshot.connection.cluster_uid == ""
        tables = await console.all_tables()
        assert [t.problem for t in tables if t.problem] == []
        pod = next(iter(view.snapshot.pods))
        lines = [line async for line in console.logs(LogRequest(pods=(pod,), follow=False, tail=5))]
        assert lines
        with pytest.raises(ForbiddenError, match="portforward"):
            await console.forwards.start(ForwardChoice("pod", pod, 80))
        with pytest.raises(ForbiddenError, match="secrets"):
            await console.table("secrets")


@pytest.mark.ansible
def test_a_viewer_is_refused_a_restart_and_doctor_names_what_is_missing(viewer: Path, at_desk: Desk) -> None:
    before = at_desk.place.generations()
    done = restart(at_desk)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "patch deployments.apps" in done.stdout
    assert at_desk.place.generations() == before
    doctor = at_desk.run("doctor").stdout
    may_read = next(line for line in doctor.splitlines() if "may read" in line)
    may_act = next(line for line in doctor.splitlines() if "may act" in line)
    assert "everything that is shown" in may_read
    assert "patch deployments" in doctor[doctor.index(may_act) :]


@pytest.mark.ansible
def test_an_operator_restarts_with_lock_record_and_event(operator: Path, at_desk: Desk, bare: str) -> None:
    name = full("consumer-customer")
    before = at_desk.place.generations()
    done = restart(at_desk)
    assert done.returncode == 2, done.stdout + done.stderr  # done; no source tells of its queue
    after = at_desk.place.generations()
    assert after.pop(name) == before.pop(name) + 1
    assert after == before
    assert at_desk.place.kubectl("get", "leases", "-o", "name") == "", "the lock was given back"
    [entry] = [e for e in at_desk.records() if e["what"] == "rollout-restart"]
    record = at_desk.record(entry)
    assert (record["result"], record["actor"]["kubernetes_user"]) == ("succeeded", "nobody")
    events = json.loads(at_desk.place.kubectl("get", "events", "-o", "json"))["items"]
    assert any("posdeck" in json.dumps(e) and e["involvedObject"]["name"] == name for e in events)
    assert "everything that runbooks do" in at_desk.run("doctor").stdout


async def test_an_operator_forwards_a_port(
    operator: Path, bare: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    async with console_on(operator, namespace=bare) as console:
        pod = next(iter(console.view.snapshot.pods))
        view = await console.forwards.start(ForwardChoice("pod", pod, 80))
        assert (await console.forwards.probe(view.id, "/")).status == 200


def test_neither_may_what_posdeck_never_needs(control_plane: ControlPlane, operator: Path, bare: str) -> None:
    for verb, resource, group in NEVER:
        assert not control_plane.allowed("nobody", verb, resource, bare, group), (verb, resource)
    for verb, resource, group in CHANGING:
        plain, _, _ = resource.partition("/")
        assert not control_plane.allowed("nobody", verb, plain, "default", group), "one namespace only"


def test_a_viewer_may_change_nothing(control_plane: ControlPlane, viewer: Path, bare: str) -> None:
    for verb, resource, group in (*NEVER, *CHANGING):
        assert not control_plane.allowed("nobody", verb, resource, bare, group), (verb, resource)


@pytest.mark.parametrize("name", ["viewer", "operator"])
def test_no_rule_is_open_ended(name: str) -> None:
    """A star would give what comes later, too. The one exception reads numbers that adapters name as they like."""
    for rule in rules(name):
        assert "*" not in rule["verbs"] + rule["apiGroups"]
        if rule["apiGroups"] != ["external.metrics.k8s.io"]:
            assert "*" not in rule["resources"]
    if name == "viewer":
        assert {v for r in rules(name) for v in r["verbs"]} == {"get", "list", "watch"}


def restart(desk: Desk) -> subprocess.CompletedProcess[str]:
    """Restart a consumer, confirmed, with everybody told."""
    return desk.run(
        "runbook", "run", "restart-consumer", "--param", "consumer=consumer-customer", "--answer", "go=restart",
        "--confirm", "consumer-customer", "--reason", "a test of the roles", "--informed", "operations",
        "-o", "json",
    )  # fmt: skip
