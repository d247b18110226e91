"""``--check`` looks and previews: every shipped runbook is carried through to its last preview, and no object moves."""

from __future__ import annotations

import asyncio
import json
import os
from typing import Any

import pytest
from tests.acceptance.places import ROOT, Desk, Place

from posdeck.cli.headless import live_view
from posdeck.operations.console import Console
from posdeck.operations.opening import Request, open_content
from posdeck.runbooks.conditions import unattended_choice
from posdeck.runbooks.digests import playbooks_named
from posdeck.runbooks.loading import load_library
from posdeck.runbooks.session import Phase

pytestmark = [pytest.mark.ansible, pytest.mark.long]
LIBRARY = load_library(ROOT / "runbooks").runbooks
ON_THE_REAL_ONE = {"consumer-not-processing", "delete-pod", "roll-back", "scale-workload", "set-hpa-bounds"}
TEXTS = {"queue": "pos.order", "authentication": "broker"}


def covering(runbooks: list[Any]) -> list[Any]:
    """With CI=true all of them; else as few as use every one of their playbooks, since each run takes seconds."""
    used = {r.id: {p for p in playbooks_named(r) if (ROOT / "playbooks" / p).is_file()} for r in runbooks}
    if os.environ.get("CI", "").lower() == "true":
        return runbooks
    chosen: list[Any] = []
    missing = set().union(*used.values())
    while missing:
        # the most new playbooks for the fewest steps
        best = max(runbooks, key=lambda r: (len(used[r.id] & missing) / len(r.steps), r.id))
        chosen.append(best)
        missing -= used[best.id]
    return chosen


def moving_parts(place: Place) -> dict[str, str]:
    """The version of every object that a write could move; of what the cluster itself writes to, what it was told."""
    kinds = "deployments,services,configmaps,poddisruptionbudgets,leases,hpa"
    items = json.loads(place.kubectl("get", kinds, "-o", "json"))["items"]
    return {
        f"{i['kind']}/{i['metadata']['name']}": json.dumps(i["spec"], sort_keys=True)
        if i["kind"] == "HorizontalPodAutoscaler"
        else i["metadata"]["resourceVersion"]
        for i in items
    }


def answers(console: Console, runbook: Any) -> dict[str, str]:
    """An answer to each thing that the runbook asks first, as somebody would give it here."""
    found: dict[str, str] = {}
    for param in runbook.params:
        if param.type == "workload":
            names = [n for n, w in console.catalogue.workloads.items() if _belongs(w, param.source.group)]
            found[param.name] = "consumer-order" if "consumer-order" in names else names[0]
        elif param.name == "pod":
            pods = console.view.snapshot.pods
            found["pod"] = next(p for p in pods if "consumer-order--" in p)
        elif param.default is None and param.required:
            found[param.name] = TEXTS[param.name]
    return found


def _belongs(workload: Any, group: str) -> bool:
    return group == "all" or group in workload.groups


async def carry_through(console: Console, runbook: Any) -> str:
    """Answer what is asked, as an unattended run does, to the end or to a refusal; how it ended."""
    view = await console.open_session(runbook.id, answers(console, runbook), check_only=True)
    driver = console.driver(view.id)
    while True:
        await driver.wait_until_quiet()
        session = console.session(view.id)
        if driver.finished.is_set() or driver.session.phase is Phase.REFUSED:
            return f"{session.exit_code}: {session.message or session.result}"
        assert session.confirmation is None, (
            f"{runbook.id}: nobody is asked to confirm what is only looked at"
        )
        assert session.question is not None, f"{runbook.id} waits for nothing at {driver.session.step}"
        if driver.session.phase is Phase.TELLING:
            choice = "later"
        else:
            asked = driver.showing.decision
            choice = unattended_choice(driver.runbook.step(session.question.step), asked.suggestion)
            choice = choice or session.question.choices[0].id
        await console.answer(view.id, choice)


async def test_no_shipped_runbook_moves_anything_when_it_only_checks(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = desk.place
    for name, value in desk.variables().items():
        monkeypatch.setenv(name, value)
    chosen = covering([r for r in LIBRARY if not place.real or r.id in ON_THE_REAL_ONE])
    assert len(chosen) >= 4
    before, pods = moving_parts(place), place.kubectl("get", "pods", "-o", "name")
    console = Console(
        open_content(Request(kubeconfig=place.kubeconfig, namespace=place.namespace, environment="simulated"))
    )
    await console.start()
    try:
        await live_view(console)
        two_at_once = asyncio.Semaphore(2)

        async def one(runbook: Any) -> tuple[str, str]:
            async with two_at_once:
                return runbook.id, await carry_through(console, runbook)

        ended = dict(await asyncio.gather(*map(one, chosen)))
    finally:
        await console.stop()
    for runbook, said in ended.items():
        assert "Error:" not in said, f"{runbook}: {said}"
    assert moving_parts(place) == before
    assert place.kubectl("get", "pods", "-o", "name") == pods
    assert not desk.store.exists() or not [r for r in desk.records() if r["kind"] == "intent"]
