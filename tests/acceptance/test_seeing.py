"""Seeing: status and its exit codes, the views, doctor, and how soon a change is in the view."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.places import Desk, Place, full
from tests.acceptance.terminal import Terminal
from tests.cluster.api import wait_until

from posdeck.cli.headless import live_view
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content

VIEWS = ("overview", "pods", "workloads", "hpa", "consumers")


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_is_printed_as_it_would_be_drawn(desk: Desk, view: str) -> None:
    svg = desk.home / "view.svg"
    text = desk.run("snapshot", view, "--size", "200x50")
    assert text.returncode == 0, text.stderr
    assert "SIMULATED" in text.stdout.upper()
    assert desk.place.namespace in text.stdout
    assert "consumer-order" in text.stdout or view == "hpa"
    if view == "overview":
        assert desk.run("snapshot", view, "--svg", str(svg)).returncode == 0
        assert svg.read_text().startswith("<svg")


def test_status_tells_healthy_wrong_and_unknown_apart(real_desk: Desk) -> None:
    """The same namespace: all well, one consumer that cannot start, and no answer at all."""
    place = real_desk.place
    # a namespace that was made a moment ago is not well yet, and status says so
    well = wait_until(
        lambda: (found := real_desk.run("status", "-o", "json")).returncode == 0 and found,
        "the namespace is healthy",
        within=120,
    )
    assert json.loads(well.stdout)["state"] == "healthy"

    deployment = f"deployment/{full('consumer-lis-patient')}"
    place.kubectl("scale", deployment, "--replicas=0")
    try:
        told = wait_until(
            lambda: wrong(real_desk), "a consumer that was stopped is seen to be wrong", within=90
        )
        assert told["state"] == "wrong"
        assert any(p["short"] == "consumer-lis-patient" for p in told["problems"]), told["problems"]
    finally:
        place.kubectl("scale", deployment, "--replicas=1")

    nobody = json.loads(place.kubeconfig.read_text())
    nobody["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    lost = real_desk.home / "lost.yaml"
    lost.write_text(json.dumps(nobody))
    real_desk.kubeconfig = lost
    unknown = real_desk.run("status", "-o", "json", "--timeout", "3")
    assert unknown.returncode == 2, unknown.stdout
    assert json.loads(unknown.stdout)["state"] == "cannot tell"


def wrong(desk: Desk) -> Any:
    """What status says, once it says that something is wrong."""
    done = desk.run("status", "-o", "json")
    return json.loads(done.stdout) if done.returncode == 1 else None


def test_doctor_finds_all_well_and_says_what_is_not(embedded_desk: Desk) -> None:
    well = embedded_desk.run("doctor", "-o", "json")
    found = {each["name"]: each for each in json.loads(well.stdout)}
    assert well.returncode == 0, well.stdout
    assert not [each for each in found.values() if each["state"] == "problem"]
    embedded_desk.kubeconfig = embedded_desk.home / "missing"
    ill = embedded_desk.run("doctor", "-o", "json")
    assert ill.returncode == 1
    assert any(each["remedy"] for each in json.loads(ill.stdout) if each["state"] == "problem")


async def test_a_change_of_a_pod_is_in_the_view_at_once(
    desk: Desk, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waited for with a deadline, since a busy machine is no failure; nothing but the watch can bring it."""
    for name, value in desk.variables().items():
        monkeypatch.setenv(name, value)
    request = Request(kubeconfig=place.kubeconfig, namespace=place.namespace, environment="simulated")
    console = Console(open_content(request))
    await console.start()
    try:
        view = await live_view(console)
        pod = next(p for p in view.snapshot.pods if "consumer-pos-order" in p)
        await asyncio.to_thread(place.kubectl, "label", "pod", pod, "seen=at-once", "--overwrite")
        async with asyncio.timeout(5):
            seen = await console.wait_for(lambda v: v.snapshot.pods[pod].labels.get("seen") == "at-once")
        assert seen.snapshot.revision > view.snapshot.revision
    finally:
        await console.stop()


def test_the_demo_shows_the_live_overview_and_leaves_by_key(tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "TMPDIR": str(tmp_path),
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
    }
    terminal = Terminal([sys.executable, "-m", "posdeck", "demo"], environment, tmp_path)
    try:
        terminal.until("SIMULATED", "LIVE", "consumer-order")
        terminal.press("\x11")  # ctrl-q
        assert terminal.ended() == 0
    finally:
        terminal.close()
    assert not list(tmp_path.glob("posdeck-demo-*")), "the embedded cluster has ended with it"
