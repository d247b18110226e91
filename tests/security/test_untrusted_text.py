"""Text from people, files and the cluster is text: no shell reads it, no template engine, and no terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, confirmed, full
from tests.cluster.control_plane import ControlPlane

pytestmark = pytest.mark.ansible
NAME = full("consumer-order")
HOSTILE = (
    "consumer-order;touch owned",
    "consumer-order$(touch owned)",
    "consumer-order`touch owned`",
    "consumer-order\ntouch owned",
    "consumer-order:consumer-customer",
    "all:!consumer-customer",
    "@owned",
    "--list-hosts",
    "../consumer-order",
    "{{ lookup('pipe', 'touch owned') }}",
    "consumer-*",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_is_no_workload_is_refused_before_anything_starts(embedded_desk: Desk, name: str) -> None:
    done = embedded_desk.run(
        "runbook", "run", "restart-consumer", "--param", f"consumer={name}", *confirmed(name), "-o", "json"
    )
    assert done.returncode not in {0, 1, 2}
    assert "consumer" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list(embedded_desk.home.rglob("owned"))
    assert not embedded_desk.state.joinpath("runs").exists() or not any(
        embedded_desk.state.joinpath("runs").iterdir()
    )


def test_a_reason_is_never_evaluated(embedded_desk: Desk) -> None:
    """It goes through the record, Ansible's variables and an event; it arrives as it was typed."""
    marker = embedded_desk.home / "owned"
    reason = (
        f"{{{{ lookup('pipe', 'touch {marker}') }}}} $(touch {marker}) `touch {marker}` '; DROP TABLE records"
    )
    done = embedded_desk.run(
        "runbook", "run", "restart-consumer", "--param", "consumer=consumer-order", "--answer", "go=restart",
        "--confirm", "consumer-order", "--reason", reason, "--informed", "operations", "-o", "json",
    )  # fmt: skip
    assert done.returncode in {0, 2}, done.stdout + done.stderr
    assert not marker.exists()
    [entry] = [e for e in embedded_desk.records() if e["what"] == "rollout-restart"]
    assert embedded_desk.record(entry)["reason"] == reason
    assert embedded_desk.run("audit", "verify").returncode == 0


@pytest.mark.cluster
def test_log_lines_annotations_and_events_are_never_templates(
    real_desk: Desk, control_plane: ControlPlane
) -> None:
    """Whoever can write a log line must not be able to run a command where the console runs."""
    place, marker = real_desk.place, real_desk.home / "owned"
    hostile = f"{{{{ lookup('pipe', 'touch {marker}') }}}} {{% raw %}} $(touch {marker})"
    pods = json.loads(place.kubectl("get", "pods", "-o", "json"))["items"]
    pod = next(p["metadata"]["name"] for p in pods if p["metadata"]["name"].startswith(NAME))
    control_plane.set_logs(place.namespace, pod, [hostile, f"\x1b]0;owned\x07 error {hostile}"])
    place.kubectl("annotate", "deployment", NAME, f"note={hostile}")
    reference = {"kind": "Deployment", "namespace": place.namespace, "name": NAME, "apiVersion": "apps/v1"}
    event = {
        "metadata": {"name": "hostile", "namespace": place.namespace},
        "involvedObject": reference, "reason": "Hostile", "message": hostile, "type": "Warning",
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z",
    }  # fmt: skip
    control_plane.api.create(f"/api/v1/namespaces/{place.namespace}/events", event)

    done = real_desk.restart("consumer-order", "--check")
    assert done.returncode in {0, 2}, done.stdout + done.stderr
    assert not marker.exists()
    assert "\x1b" not in done.stdout
    assert "lookup('pipe'" in done.stdout, "it was read, and shown as it is"
    restarted = real_desk.run(
        "runbook", "run", "restart-consumer", "--param", "consumer=consumer-order", "--answer", "go=restart",
        *confirmed("consumer-order"), "--informed", "operations", "-o", "json",
    )  # fmt: skip
    assert restarted.returncode == 2, restarted.stdout + restarted.stderr
    assert not marker.exists()


def test_nothing_of_posdeck_runs_a_shell() -> None:
    """Not in its own code, and not in the playbooks and plugins that it ships."""
    root = Path(__file__).parents[2]
    sources = [*root.glob("tui/posdeck/**/*.py"), *root.glob("playbooks/**/*.py")]
    assert len(sources) > 100
    calls = (
        "shell=True",
        "os.system(",
        "os.popen(",
        "create_subprocess_shell",
        "pickle.load",
        "yaml.unsafe_load",
    )
    for path in sources:
        text = path.read_text()
        assert [call for call in calls if call in text] == [], path
    playbooks = list(root.glob("playbooks/*.yml"))
    assert playbooks
    for path in playbooks:
        used = [m for m in ("shell:", "command:", "raw:", "script:", "expect:") if m in path.read_text()]
        assert used == [], path
