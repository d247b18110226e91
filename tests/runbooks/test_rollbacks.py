"""What an act did on the embedded cluster is taken back by its rollback: the specification is what it was before,
byte for byte, and both writes are in the record."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from posdeck.audit.record import RecordKind
from posdeck.audit.sqlite import open_store
from posdeck.clock import SystemClock
from posdeck.config import state_folder
from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.facts import Question
from posdeck.operations.opening import Request, open_content
from posdeck.operations.view import SessionView
from posdeck.simulator.server import Simulator

pytestmark = pytest.mark.ansible
DEPLOYMENTS = "/apis/apps/v1/namespaces/spc--pos/deployments"
HPAS = "/apis/autoscaling/v2/namespaces/spc--pos/horizontalpodautoscalers"
WORKER = "spc--pos--be--wrk--sync-patient--prod"
APP, ORDER = "spc--pos--be--app--prod", "spc--pos--be--consumer-order--prod"

# runbook → parameters, its act's target, the answers on the way, the object's path
ACTS: dict[str, tuple[dict[str, str], str, dict[str, str], str]] = {
    "set-hpa-bounds": ({"maximum": "20"}, "app", {"go": "change"}, f"{HPAS}/{APP}"),
    "pause-rollout": ({"workload": "app"}, "app", {"go": "pause"}, f"{DEPLOYMENTS}/{APP}"),
    "raise-critical-consumers": ({}, "consumer-order", {"go": "raise"}, f"{DEPLOYMENTS}/{ORDER}"),
    "retire-worker": (
        {"worker": "wrk--sync-patient"},
        "wrk--sync-patient",
        {"go": "retire", "trial": "gone"},
        f"{DEPLOYMENTS}/{WORKER}",
    ),
}


async def quiet(console: Console, view: SessionView) -> SessionView:
    await console.driver(view.id).wait_until_quiet()
    return console.session(view.id)


async def confirm(console: Console, view: SessionView, target: str) -> SessionView:
    view = await quiet(console, view)
    assert view.confirmation is not None, view.message
    await console.confirm(
        view.id, typed=target, reason="a test", ticket="", informed=("operations", "finance")
    )
    return await quiet(console, view)


async def done(
    console: Console, runbook: str, params: dict[str, str], answers: dict[str, str], target: str
) -> SessionView:
    """The runbook, carried out until it is over."""
    view = await quiet(console, await console.open_session(runbook, params))
    while not console.driver(view.id).finished.is_set():
        if view.question is not None:
            await console.answer(view.id, answers.get(view.question.step, "told"))
            view = await quiet(console, view)
        else:
            view = await confirm(console, view, target)
    return view


@pytest.mark.parametrize("runbook", ACTS)
async def test_what_an_act_did_is_taken_back(
    runbook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    params, target, answers, path = ACTS[runbook]
    simulator = Simulator(seed_of(open_content(Request(environment="simulated")).catalogue))
    await simulator.start()
    kubeconfig = simulator.write_kubeconfig(tmp_path / "kubeconfig")
    console = Console(open_content(Request(kubeconfig=kubeconfig, environment="simulated")))
    await console.start()

    async def spec() -> bytes:
        answer = await console.require_workshop().ask(Question("GET", path))
        if answer.status == 404:
            return b"none"
        assert answer.status == 200, answer.message()
        found: dict[str, Any] = dict(answer.json()["spec"])
        return json.dumps(found, sort_keys=True).encode()

    try:
        async with asyncio.timeout(150):
            await console.wait_for(
                lambda v: v.surroundings.writes == "ask" and bool(v.snapshot.pods and v.snapshot.hpas)
            )
            before = await spec()
            view = await done(console, runbook, params, answers, target)
            assert view.verification == "passed", view.message
            assert await spec() != before
            await console.take_back(view.id)
            view = await confirm(console, view, target)
            assert await spec() == before, view.message
            assert view.way_back == ""
            assert "was taken back" in view.result
    finally:
        await console.stop()
        await simulator.stop()
    with open_store(state_folder() / "audit.sqlite", SystemClock(), read_only=True) as store:
        assert len(store.records(RecordKind.INTENT)) == 2
        assert [r.content["result"] for r in store.records(RecordKind.OUTCOME)] == ["succeeded", "succeeded"]
