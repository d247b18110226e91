"""Each rule's violation by command line and by the way of the keys (the console): refused and recorded, nothing done.

The environment is the simulated one with one policy changed; the runbook is a single act that calls itself a change.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.paths.hands import hands_on

from posdeck.audit.record import RecordKind
from posdeck.audit.sqlite import AuditStore, open_store
from posdeck.clock import SystemClock
from posdeck.config import state_folder
from posdeck.operations import gate
from posdeck.operations.console import Console
from posdeck.operations.embedded import seed_of
from posdeck.operations.facts import Facts
from posdeck.operations.opening import Request, open_content
from posdeck.operations.standing import Standing
from posdeck.operations.view import SessionView
from posdeck.operations.write import Write
from posdeck.simulator.server import Simulator

pytestmark = pytest.mark.ansible
ROOT = Path(__file__).parents[2]
LENIENT: dict[str, Any] = {
    "read_only": False,
    "confirm": "yes",
    "reason_required": False,
    "ticket_required": False,
    "mitigation_grace_minutes": 60,
    "staging_first": {"required": False, "environment": None, "within_hours": None},
    "approvals": 0,
    "change_windows": [],
    "freezes": [],
    "blast_radius": {"objects_at_once": 1, "per_hour": None},
    "inform": [],
}
FREEZE = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "reason": "test"}
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).strftime("%a").lower()
SHUT = {"days": [TOMORROW], "from": "10:00", "to": "11:00", "timezone": "UTC"}
# rule: (what is changed in the policy, what is changed in the confirmation)
VIOLATIONS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "read-only": ({"read_only": True}, {}),
    "confirmation": ({"confirm": "typed"}, {"typed": "consumer"}),
    "reason": ({"reason_required": True}, {"reason": ""}),
    "ticket": ({"ticket_required": True}, {"ticket": ""}),
    "freeze": ({"freezes": [FREEZE]}, {}),
    "change-window": ({"change_windows": [SHUT]}, {}),
    "staging-first": (
        {"staging_first": {"required": True, "environment": "staging", "within_hours": 1}},
        {},
    ),
    "approvals": ({"approvals": 1}, {}),
    "blast-radius": ({"blast_radius": {"objects_at_once": 1, "per_hour": 1}}, {}),
    "inform": ({"inform": ["finance"]}, {}),
}
RUNBOOK: dict[str, Any] = {
    "apiVersion": "runbook/v1",
    "metadata": {
        "id": "try-it",
        "title": "Try it",
        "summary": "A test.",
        "owner": "tests",
        "severity": "routine",
        "review_by": "2099-01-01",
        "symptoms": ["none"],
        "expected_duration": "1m",
    },
    "policy": {"class": "change"},
    "steps": [
        {
            "id": "act",
            "type": "act",
            "title": "Restart",
            "why": "A test.",
            "playbook": "restart.yml",
            "target": "consumer-order",
            "preview": "A restart.",
            "irreversible": "A restart cannot be taken back.",
            "on_failure": "end",
            "on_cancel": "end",
            "kubectl": "kubectl rollout restart deployment/x",
        },
        {"id": "end", "type": "done", "result": "Over.", "outcome": "resolved"},
    ],
}


@pytest.fixture
def content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, Any]], None]:
    """Content folders and state of their own; call it with what is changed in the policy."""
    for name in ("STATE", "CONFIG", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name.lower()))
    folder = tmp_path / "content"
    shutil.copytree(ROOT / "inventory", folder / "inventory")
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "try-it.yml").write_text(yaml.safe_dump(RUNBOOK, sort_keys=False))
    monkeypatch.setenv("POSDECK_CONTENT", str(folder))

    def write(policy: dict[str, Any]) -> None:
        path = folder / "inventory" / "simulated" / "group_vars" / "all" / "policy.yml"
        path.write_text(yaml.safe_dump({"policy": {**LENIENT, **policy}}))

    write({})
    return write


@pytest.fixture
async def cluster(content: Callable[[dict[str, Any]], None], tmp_path: Path) -> AsyncIterator[Path]:
    """The kubeconfig of an embedded cluster."""
    running = Simulator(seed_of(open_content(Request(environment="simulated")).catalogue))
    await running.start()
    yield running.write_kubeconfig(tmp_path / "kubeconfig", "operator")
    await running.stop()


async def by_command(kubeconfig: Path, given: dict[str, str]) -> tuple[int, str]:
    """``posdeck runbook run`` with these options: its exit code and all that it said."""
    options = {"typed": "--confirm", "reason": "--reason", "ticket": "--ticket"}
    words = [word for name, option in options.items() for word in (option, given[name])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "posdeck", "--kubeconfig", str(kubeconfig), "--environment", "simulated",
        "runbook", "run", "try-it", "-o", "json", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=dict(os.environ),
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def by_key(kubeconfig: Path, given: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """By keyboard on the session screen; the session's message and form, and the screen, when it is refused."""
    request = Request(kubeconfig=kubeconfig, environment="simulated")
    async with hands_on(request, monkeypatch, proofs=frozenset(), blind=False, played=False) as hands:
        await hands.say("run try-it")
        pane = hands.app.console_screen
        await hands.until(lambda: hands.session and _waits(hands.session), "a plan or a refusal")
        if hands.session is not None and hands.session.confirmation is not None:
            form = pane.current.form  # type: ignore[attr-defined]
            for name in ("typed", "reason", "ticket"):
                if name in form.wanted:
                    form.query_one(f"#input-{name}").focus()
                    await hands.press(*given[name])
            await hands.press("f2" if form.wanted else "y")
            await hands.until(lambda: form.refusal or _refused(hands.session), "a refusal")
            if form.refusal:
                return str(form.refusal), hands.text()
        assert hands.session is not None
        return hands.session.message, hands.text()


def _waits(session: SessionView) -> bool:
    return session.confirmation is not None or _refused(session)


def _refused(session: SessionView | None) -> bool:
    return session is not None and session.exit_code == 3


async def quiet(console: Console, view: SessionView) -> SessionView:
    await console.driver(view.id).wait_until_quiet()
    return console.session(view.id)


def record() -> AuditStore:
    return open_store(state_folder() / "audit.sqlite", SystemClock())


def an_act_within_the_hour(write: Write, facts: Facts, standing: Standing) -> None:
    with record() as store:
        gate.authorise(write, facts, standing, store)


@pytest.mark.parametrize("rule", VIOLATIONS)
async def test_refused_and_recorded(
    rule: str,
    monkeypatch: pytest.MonkeyPatch,
    content: Callable[[dict[str, Any]], None],
    cluster: Path,
    write: Callable[..., Write],
    facts: Facts,
    standing: Callable[..., Standing],
) -> None:
    policy, changed = VIOLATIONS[rule]
    content(policy)
    acts = 0
    if rule == "blast-radius":
        an_act_within_the_hour(write(), facts, replace(standing(), now=SystemClock().now()))
        acts = 1
    given = {"typed": "consumer-order", "reason": "a test", "ticket": "T-1", **changed}
    code, said = await by_command(cluster, given)
    assert (code, rule in said) == (3, True), said
    told, screen = await by_key(cluster, given, monkeypatch)
    assert f"rule {rule}" in told
    assert "efused" in screen
    with record() as store:
        refusals = [r.content for r in store.records(RecordKind.REFUSAL)]
        assert [r["rule"] for r in refusals] == [rule, rule]
        assert all(r["remedy"] and r["kubectl"].startswith("kubectl ") for r in refusals)
        assert len(store.records(RecordKind.INTENT)) == acts


async def test_break_glass_goes_through_and_is_loud(
    content: Callable[[dict[str, Any]], None], cluster: Path
) -> None:
    content({"freezes": [FREEZE], "ticket_required": True})
    console = Console(open_content(Request(kubeconfig=cluster, environment="simulated")))
    await console.start()
    try:
        async with asyncio.timeout(90):
            await console.wait_for(lambda v: v.surroundings.writes == "ask" and bool(v.snapshot.pods))
            view = await quiet(console, await console.open_session("try-it", {}))
            assert view.confirmation is not None
            assert "freeze" in view.confirmation.overridable
            await console.confirm(view.id, typed="yes", reason="", ticket="", break_glass="orders are lost")
            view = await quiet(console, view)
    finally:
        await console.stop()
    assert view.status == "done", view.message
    assert "BREAK-GLASS on consumer-order: freeze, ticket set aside" in view.message
    assert "owes a ticket" in view.message
    with record() as store:
        intent = store.records(RecordKind.INTENT)[0].content
        outcome = store.records(RecordKind.OUTCOME)[0].content
        topics = [json.loads(r.body)["topic"] for r in store.records(RecordKind.NOTE)]
    assert outcome["result"] == "succeeded"
    assert intent["break_glass"]
    assert intent["overrides"] == ["freeze", "ticket"]
    assert intent["reason"] == "break-glass: orders are lost"
    assert topics == ["exempt-write"]
