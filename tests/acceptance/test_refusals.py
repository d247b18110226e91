"""Who may not, may look: every refusal comes before anything runs, says the way forward, and is on record."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import mark_as_simulated
from tests.acceptance.places import ROOT, Desk, Place, confirmed, full, with_content
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

pytestmark = pytest.mark.ansible
CONSUMER, NAME = "consumer-customer", full("consumer-customer")
CANNOT_TELL = 2  # what status ends with while it does not know enough


def now(desk: Desk, *more: str, consumer: str = CONSUMER) -> subprocess.CompletedProcess[str]:
    """Run the short runbook."""
    return desk.run("runbook", "run", "restart-now", "--param", f"consumer={consumer}", "-o", "json", *more)


def refusal(done: subprocess.CompletedProcess[str], desk: Desk, rule: str) -> dict[str, Any]:
    """The record of the refusal, which is the newest one; the caller was told the same."""
    assert done.returncode == 3, done.stdout + done.stderr
    assert rule in done.stdout
    newest = desk.record(desk.records()[0])
    assert newest["kind"] == "refusal"
    assert newest["rule"] == rule
    assert newest["kubectl"] == f"kubectl rollout restart deployment/{NAME} -n {desk.place.namespace}"
    assert newest["remedy"]
    assert desk.run("audit", "verify").returncode == 0
    return newest


@pytest.mark.cluster
def test_a_viewer_sees_everything_and_may_restart_nothing(
    real_desk: Desk, restarting: Path, real_place: Place, control_plane: ControlPlane
) -> None:
    desk = with_content(real_desk, restarting)
    desk.kubeconfig = real_place.identity("viewer")
    before = real_place.generations()
    # until the namespace is measured, its HPA cannot tell, and says so
    control_plane.wait_for_metrics(real_place.namespace, pods=18)
    wait_until(lambda: desk.run("status").returncode != CANNOT_TELL, "the HPA is measured", within=90)
    status = desk.run("status", "-o", "json")
    assert status.returncode in {0, 1}, status.stdout + status.stderr
    assert json.loads(status.stdout)["pods"]["total"] >= 18
    pods = desk.run("snapshot", "pods")
    assert pods.returncode == 0, pods.stderr
    assert "consumer-order" in pods.stdout

    done = now(desk, *confirmed(CONSUMER))
    record = refusal(done, desk, "permission")
    assert "patch deployments.apps" in record["cause"]
    assert record["actor"]["kubernetes_user"] == "viewer"
    assert "patch deployments.apps" in done.stdout
    assert [r["what"] for r in desk.records() if r["kind"] == "intent"] == []
    assert real_place.generations() == before


def test_read_only_refuses_what_would_be_allowed(desk: Desk, restarting: Path) -> None:
    before = desk.place.generations()
    done = now(with_content(desk, restarting), "--read-only", *confirmed(CONSUMER))
    refusal(done, desk, "read-only")
    assert desk.place.generations() == before


def test_nothing_is_changed_without_the_right_name(embedded_desk: Desk, restarting: Path) -> None:
    desk = with_content(embedded_desk, restarting)
    before = desk.place.generations()
    for confirmation in ((), ("--confirm", "consumer-order")):
        refusal(now(desk, *confirmation, "--reason", "a test"), desk, "confirmation")
    assert desk.place.generations() == before
    pattern = now(desk, *confirmed("consumer-*"), consumer="consumer-*")
    assert pattern.returncode not in {0, 1, 2}
    assert desk.place.generations() == before


def test_a_full_name_is_as_good_as_a_short_one(embedded_desk: Desk, restarting: Path) -> None:
    desk = with_content(embedded_desk, restarting)
    done = now(desk, "--check", consumer=NAME)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["target"] == CONSUMER


@pytest.mark.cluster
class TestBinding:
    """Staging writes to the one cluster and namespace that it was bound to."""

    @pytest.fixture
    def staging(self, control_plane: ControlPlane, namespace: str, restarting: Path, tmp_path: Path) -> Desk:
        """A namespace that is not marked as simulated, with one consumer."""
        labels = {"app": CONSUMER}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "pos:1"}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        control_plane.api.create(path, {"metadata": {"name": NAME}, "spec": spec})
        place = Place(
            "real",
            control_plane.kubeconfig,
            namespace,
            tmp_path / "kubectl",
            lambda name: control_plane.identity(name, namespace),
        )
        desk = Desk(place, tmp_path, environment="staging")
        desk.kubeconfig = control_plane.identity("operator", namespace)
        return with_content(desk, restarting)

    def test_unbound_is_read_only_and_bound_writes(self, staging: Desk) -> None:
        refused = now(staging, *confirmed(CONSUMER))
        cause = refusal(refused, staging, "cluster-identity")
        assert "not bound" in cause["cause"]
        assert "posdeck environment bind staging" in cause["remedy"]
        assert staging.place.stamp(NAME) is None

        wrong = staging.run("environment", "bind", "staging", "--confirm", "production")
        assert wrong.returncode == 3
        bound = staging.run("environment", "bind", "staging", "--confirm", "staging")
        assert bound.returncode == 0, bound.stdout + bound.stderr
        without = now(staging, "--confirm", CONSUMER)
        refusal(without, staging, "reason")
        assert staging.place.stamp(NAME) is None

        done = now(staging, *confirmed(CONSUMER))
        assert done.returncode == 0, done.stdout + done.stderr
        assert staging.place.stamp(NAME) is not None
        whats = [(r["kind"], r["what"]) for r in staging.records()]
        assert ("intent", "rollout-restart") in whats
        assert any(kind == "note" for kind, _ in whats), "the binding itself is on record"

    def test_another_namespace_or_cluster_behind_the_same_name_is_refused(
        self, staging: Desk, control_plane: ControlPlane
    ) -> None:
        assert staging.run("environment", "bind", "staging", "--confirm", "staging").returncode == 0
        bindings = staging.state / "bindings.json"
        true = bindings.read_text()
        for what, wrong in (
            ("namespace_uid", "00000000-0000-0000-0000-000000000000"),
            ("server", "https://127.0.0.1:1"),
            ("ca_digest", "0" * 64),
        ):
            content = json.loads(true)
            assert content["staging"][what], f"{what} can be read here"
            content["staging"][what] = wrong
            bindings.write_text(json.dumps(content))
            record = refusal(now(staging, *confirmed(CONSUMER)), staging, "cluster-identity")
            assert wrong in record["cause"]
        assert staging.place.stamp(NAME) is None

    def test_a_simulated_cluster_is_not_staging(self, staging: Desk, control_plane: ControlPlane) -> None:
        mark_as_simulated(control_plane, staging.place.namespace)
        assert staging.run("environment", "bind", "staging", "--confirm", "staging").returncode == 3
        refusal(now(staging, *confirmed(CONSUMER)), staging, "cluster-identity")


class TestRecord:
    """There is no write without a record."""

    @pytest.mark.parametrize("broken", ["no folder", "no database", "read-only store"])
    def test_no_record_no_change(self, embedded_desk: Desk, restarting: Path, broken: str) -> None:
        desk = with_content(embedded_desk, restarting)
        before = desk.place.generations()
        desk.store.parent.mkdir(parents=True, mode=0o700)
        if broken == "no folder":
            settings = desk.home / "config" / "posdeck"
            settings.mkdir(parents=True)
            (desk.home / "file").write_text("")
            (settings / "config.toml").write_text(f'[audit]\nfile = "{desk.home}/file/audit.sqlite"\n')
        elif broken == "no database":
            desk.store.write_text("this is no database, and nobody may write over it\n" * 100)
        else:
            desk.store.mkdir()
        done = now(desk, *confirmed(CONSUMER))
        assert done.returncode in {3, 5}, done.stdout + done.stderr
        assert "record" in done.stdout + done.stderr or "audit" in done.stdout + done.stderr
        assert desk.place.generations() == before


@pytest.mark.parametrize("limited", [True, False], ids=["with a limit", "without"])
def test_a_plain_playbook_passes_the_same_gate(embedded_desk: Desk, limited: bool) -> None:
    """Without posdeck's own process: the plugin asks the gate and keeps the record, and takes no whole group."""
    before = embedded_desk.place.generations()
    command = [shutil.which("ansible-playbook", path=str(Path(sys.executable).parent)) or "ansible-playbook"]
    command += ["-i", "inventory/simulated", "playbooks/restart.yml"]
    command += ["-e", f"confirm={CONSUMER}", "-e", "reason=by-hand"]
    done = subprocess.run(
        [*command, *(("-l", CONSUMER) if limited else ())],
        cwd=ROOT,
        env=embedded_desk.variables(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    after = embedded_desk.place.generations()
    if not limited:
        assert done.returncode != 0
        assert "explicit-target" in done.stdout
        assert after == before
        return
    assert done.returncode == 0, done.stdout
    assert after.pop(NAME) == before.pop(NAME) + 1
    assert after == before
    [entry] = [r for r in embedded_desk.records() if r["kind"] == "intent"]
    record = embedded_desk.record(entry)
    assert record["reason"] == "by-hand"
    assert record["result"] == "succeeded"
    assert record["playbook"]["id"] == "restart.yml"
    assert record["evidence_kept"]
    assert embedded_desk.run("audit", "verify").returncode == 0
