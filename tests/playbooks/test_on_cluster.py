"""The shipped playbooks against a real control plane, run plainly and through posdeck's execution."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.api import wait_until
from tests.cluster.control_plane import ControlPlane

from posdeck.execution.events import EventKind
from posdeck.execution.runs import PlaybookRunner, RunRequest

pytestmark = [pytest.mark.cluster, pytest.mark.ansible]
ROOT = Path(__file__).parents[2]
HOST, NAME = "consumer-order", "spc--pos--be--consumer-order--prod"
CONFIRMED = ("-e", f"confirm={HOST}", "-e", "reason=a test")
Play = Callable[..., subprocess.CompletedProcess[str]]


def stamp(deployment: dict[str, Any]) -> str | None:
    annotations = deployment["spec"]["template"]["metadata"].get("annotations") or {}
    return annotations.get("kubectl.kubernetes.io/restartedAt")


def test_check_mode_shows_the_difference_and_changes_nothing(
    play: Play, deployment: Callable[[], dict[str, Any]], tmp_path: Path
) -> None:
    before = deployment()
    for playbook, more in (("restart.yml", ()), ("scale.yml", ("-e", "target_replicas=2"))):
        done = play(playbook, "-l", HOST, "--check", "--diff", *more)
        assert done.returncode == 0, done.stdout
        assert "changed=1" in done.stdout
        assert "restartedAt" in done.stdout or "+  replicas: 2" in done.stdout
    assert deployment()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert not list((tmp_path / "state").rglob("*.sqlite"))


def test_a_write_needs_named_hosts_and_a_confirmation(
    play: Play, deployment: Callable[[], dict[str, Any]]
) -> None:
    before = deployment()
    for options, words in (
        ((), "explicit-target"),
        (("-l", "consumer-*", *CONFIRMED), "explicit-target"),
        (("-l", HOST), "refused by rule"),
        (("-l", HOST, "-e", "confirm=consumer-customer", "-e", "reason=x"), "refused by rule"),
        (
            ("-l", HOST, "-e", '{"posdeck_run": {"intent": "none", "store": "/nowhere"}}'),
            "refused by rule record",
        ),
    ):
        done = play("restart.yml", *options)
        assert done.returncode != 0
        assert words in done.stdout
    assert deployment()["metadata"]["generation"] == before["metadata"]["generation"]


def test_who_may_not_is_refused_before_anything_is_sent(
    play: Play, deployment: Callable[[], dict[str, Any]]
) -> None:
    done = play("restart.yml", "-l", HOST, *CONFIRMED, identity="viewer")
    assert done.returncode != 0
    assert "refused by rule" in done.stdout
    assert "patch deployments" in done.stdout
    assert stamp(deployment()) is None


def test_restart_scale_and_roll_back(
    play: Play, deployment: Callable[[], dict[str, Any]], control_plane: ControlPlane, namespace: str
) -> None:
    moment = "2026-01-02T03:04:05Z"
    stamped = ("-e", f"posdeck_restarted_at={moment}")
    done = play("restart.yml", "-l", HOST, *CONFIRMED, *stamped)
    assert done.returncode == 0, done.stdout
    assert stamp(deployment()) == moment
    again = play("restart.yml", "-l", HOST, *CONFIRMED, *stamped)
    assert "changed=0" in again.stdout  # the same plan twice

    assert play("scale.yml", "-l", HOST, *CONFIRMED, "-e", "target_replicas=2").returncode == 0
    assert deployment()["status"]["availableReplicas"] == 2

    nothing = play("roll-back.yml", "-l", HOST, *CONFIRMED)
    assert "differs from the present one in more than a restart" in nothing.stdout

    image = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "pos:2"}]}}}}
    control_plane.kubectl("-n", namespace, "set", "image", f"deployment/{NAME}", "main=pos:2")
    wait_until(lambda: "pos:2" in str(deployment()["spec"]["template"]), f"the image of {image}")
    back = play("roll-back.yml", "-l", HOST, *CONFIRMED)
    assert back.returncode == 0, back.stdout
    assert deployment()["spec"]["template"]["spec"]["containers"][0]["image"] == "pos:1"
    assert stamp(deployment()) == moment
    events = control_plane.kubectl("-n", namespace, "rollout", "history", f"deployment/{NAME}")
    assert events.returncode == 0


@pytest.mark.parametrize("name", ["pods", "logs", "events", "resource-use", "rollout-status"])
def test_reading_works_as_a_viewer_and_changes_nothing(
    play: Play, deployment: Callable[[], dict[str, Any]], name: str
) -> None:
    before = deployment()["metadata"]["resourceVersion"]
    done = play(f"{name}.yml", "-l", HOST, "-v", identity="viewer")
    assert done.returncode == 0, done.stdout
    assert "ok=1" in done.stdout
    assert deployment()["metadata"]["resourceVersion"] == before


def test_an_identity_without_rights_is_told_which_it_lacks(play: Play, deployment: Callable[[], Any]) -> None:
    done = play("pods.yml", "-l", HOST, identity="nobody")
    assert done.returncode != 0
    assert 'cannot get resource \\"deployments\\"' in done.stdout


async def test_the_preview_reaches_posdeck_as_events(
    deployment: Callable[[], dict[str, Any]], control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    request = RunRequest(
        "preview",
        ROOT / "playbooks" / "restart.yml",
        ROOT / "inventory" / "simulated",
        tmp_path / "run",
        limit=HOST,
        extra_vars={"kube_namespace": namespace, "posdeck_restarted_at": "2026-01-02T03:04:05Z"},
        check=True,
        diff=True,
        kubeconfig=control_plane.identity("operator"),
    )
    run = await PlaybookRunner().start(request)
    events = [event async for event in run.events()]
    assert (await run.wait()).succeeded, events[-1]
    diff = next(event for event in events if event.kind is EventKind.DIFF)
    assert "2026-01-02T03:04:05Z" in diff.text
    changed = next(event for event in events if event.kind is EventKind.TASK_CHANGED)
    assert changed.host == HOST
    assert changed.action == "posdeck.k8s.rollout_restart"
    assert stamp(deployment()) is None
