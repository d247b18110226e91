"""Under exactly the documented roles posdeck does all it should, and says what it cannot."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.places import ROOT, Desk, Place, full
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane
from tests.operations.opened_console import console_on, console_sees, private_folders
from tests.security.roles import grant, revoke, rules

from posdeck.cluster.snapshot import FeedState, Kind
from posdeck.errors import ForbiddenError, RefusedError
from posdeck.operations.acting import PlannedWrite, authorise_all, facts_of
from posdeck.operations.forward_ports import ForwardChoice
from posdeck.operations.front import LogRequest
from posdeck.operations.write import ACTS, RESOURCES, Write

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


# What each playbook asks of the API for its act: act, kind, and more verbs than the gate asks about.
ACTED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "delete-pod.yml": ("delete-pod", "Pod", ()),
    "disruption-budget.yml": ("apply", "PodDisruptionBudget", ("create",)),
    "hpa-bounds.yml": ("patch", "HorizontalPodAutoscaler", ()),
    "pause-queue-autoscaling.yml": ("patch", "ScaledObject", ()),
    "pause-rollout.yml": ("rollout-pause", "Deployment", ()),
    "queue-autoscaling.yml": ("apply", "ScaledObject", ("create",)),
    "remove-disruption-budget.yml": ("delete", "PodDisruptionBudget", ()),
    "remove-queue-autoscaling.yml": ("delete", "ScaledObject", ()),
    "restart.yml": ("rollout-restart", "Deployment", ()),
    "restore.yml": ("apply", "Deployment", ("create",)),
    "resume-queue-autoscaling.yml": ("patch", "ScaledObject", ()),
    "resume-rollout.yml": ("rollout-resume", "Deployment", ()),
    "retire.yml": ("delete", "Deployment", ()),
    "roll-back.yml": ("rollout-undo", "Deployment", ()),
    "scale.yml": ("scale", "Deployment", ()),
}
WRITING = ("apply", "delete", "delete_pod", "patch", "rollout_pause", "rollout_restart", "rollout_resume",
           "rollout_undo", "scale")  # fmt: skip


def test_every_playbook_that_writes_is_known_here() -> None:
    found = {
        path.name
        for path in (ROOT / "playbooks").glob("*.yml")
        if any(f"posdeck.k8s.{module}:" in path.read_text() for module in WRITING)
    }
    assert found == set(ACTED)


def test_an_operator_may_do_what_every_playbook_does_and_a_viewer_nothing_of_it(
    control_plane: ControlPlane, operator: Path, bare: str
) -> None:
    for name, verb, resource, group in acted():
        assert control_plane.allowed("nobody", verb, resource, bare, group), f"{name}: {verb} {resource}"
    revoke(control_plane, bare, "operator")
    wait_until(
        lambda: not control_plane.allowed("nobody", "patch", "deployments", bare, "apps"), "it is gone"
    )
    for name, verb, resource, group in acted():
        assert not control_plane.allowed("nobody", verb, resource, bare, group), f"{name}: {verb} {resource}"
    grant(control_plane, bare, "operator")


def acted() -> list[tuple[str, str, str, str]]:
    """(playbook, verb, resource, group)."""
    rows = []
    for name, (act, kind, more) in ACTED.items():
        resource, known = RESOURCES[kind], ACTS[act]
        plain = f"{resource.plural}/{known.subresource}" if known.subresource else resource.plural
        rows += [(name, known.verb, plain, resource.group)]
        rows += [(name, verb, resource.plural, resource.group) for verb in more]
    return rows


@pytest.mark.parametrize("act", sorted({act for act, _, _ in ACTED.values()}))
async def test_a_viewer_is_refused_every_act_by_name_of_the_right(
    viewer: Path, bare: str, act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the one gate, which every act passes."""
    private_folders(monkeypatch, tmp_path)
    kind = next(kind for known, kind, _ in ACTED.values() if known == act)
    async with console_on(viewer, namespace=bare) as console:
        await console.settled.wait()
        workshop, resource = console.require_workshop(), RESOURCES[kind]
        short = "consumer-customer"
        target = next(p for p in console.view.snapshot.pods if short in p) if kind == "Pod" else full(short)
        write = Write(ACTS[act], resource, bare, target, short, f"kubectl {act} {target}", {"replicas": 2})
        planned = PlannedWrite(write, await facts_of(workshop, write), ())
        with pytest.raises(RefusedError) as refused:
            await authorise_all(workshop, [planned], typed=short, reason="a test of the roles")
        assert refused.value.rule in {"permission", "target"}
        if refused.value.rule == "permission":
            assert f"{write.act.verb} {resource.plural}" in refused.value.cause
        else:  # an object that does not exist is told before the right is
            assert kind in {"HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject"}


# One after the other on consumer-order, each with the variables that it wants; "{pod}" is a pod of it.
IN_TURN: tuple[tuple[str, dict[str, str]], ...] = (
    ("scale.yml", {"target_replicas": "2"}),
    ("disruption-budget.yml", {}),
    ("remove-disruption-budget.yml", {}),
    ("restart.yml", {}),
    ("roll-back.yml", {"revision": "1"}),
    ("pause-rollout.yml", {}),
    ("resume-rollout.yml", {}),
    ("delete-pod.yml", {"pod_name": "{pod}"}),
)


@pytest.mark.long
@pytest.mark.ansible
def test_an_operator_carries_each_act_out(operator: Path, at_desk: Desk, bare: str) -> None:
    """With plain ``ansible-playbook``, which passes the same gate; a viewer could not, see above."""
    name = full("consumer-order")
    for playbook, variables in IN_TURN:
        pods = json.loads(at_desk.place.kubectl("get", "pods", "-o", "json"))["items"]
        pod = next(p["metadata"]["name"] for p in pods if p["metadata"]["name"].startswith(name))
        given = {
            "kube_namespace": bare,
            "confirm": "consumer-order",
            "reason": "a-test-of-the-roles",
            **variables,
        }
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory/simulated"]
        command += [f"playbooks/{playbook}", "-l", "consumer-order"]
        for key, value in given.items():
            command += ["-e", f"{key}={value.format(pod=pod)}"]
        done = subprocess.run(
            command, cwd=ROOT, env=at_desk.variables(), capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, f"{playbook}: {done.stdout}{done.stderr}"
    acts = [e["what"] for e in at_desk.records() if e["kind"] == "intent"]
    assert acts == [ACTED[playbook][0] for playbook, _ in reversed(IN_TURN)]
    assert {e["result"] for e in at_desk.records() if e["kind"] == "intent"} == {"succeeded"}


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
