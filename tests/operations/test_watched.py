"""What looks wrong is in the view at once; what lasts becomes a problem, and only then."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.operations.opened_console import console_on, console_sees, embedded_console, private_folders

from posdeck.clock import ManualClock
from posdeck.operations.embedded import seed_of
from posdeck.operations.opening import Request, open_content
from posdeck.simulator.registry import DeleteOptions
from posdeck.simulator.resources import PODS
from posdeck.simulator.server import Simulator

ORDER = "spc--pos--be--consumer-order--prod"


async def test_a_deployment_that_lost_its_pod_is_watched_before_it_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    # a cluster whose time stands still: the pod that follows stays unready for as long as the test looks
    clock = ManualClock(datetime.now(UTC))
    simulator = Simulator(seed_of(open_content(Request(environment="simulated")).catalogue), clock=clock)
    await simulator.start()
    try:
        async with console_on(simulator.write_kubeconfig(tmp_path / "kubeconfig")) as console:
            await console_sees(console, lambda view: not view.watched and not view.problems)
            pod = next(p for p in simulator.objects("pods") if p["metadata"]["labels"].get("app") == ORDER)
            options = DeleteOptions(grace=0)
            simulator.registry.delete(PODS, simulator.seed.namespace, pod["metadata"]["name"], options)
            seen = await console_sees(console, lambda view: bool(view.watched or view.problems))
            assert not seen.problems, "too early: a pod may be unready for a moment"
            assert {each.short for each in seen.watched} == {"consumer-order"}
    finally:
        await simulator.stop()


async def test_a_view_that_cannot_be_made_says_so_and_the_next_one_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folders(monkeypatch, tmp_path)
    async with embedded_console(tmp_path) as (console, _):
        whole = console._histories.take

        def broken(*_: object) -> None:
            monkeypatch.setattr(console._histories, "take", whole)
            raise ValueError("an absurd object")

        before = console.view.snapshot.revision
        monkeypatch.setattr(console._histories, "take", broken)
        console.look_again()
        seen = await console_sees(console, lambda view: bool(view.notices))
        assert "ValueError: an absurd object" in seen.notices[0]
        assert seen.notices[0] in seen.cannot_tell
        console.look_again()
        later = await console_sees(console, lambda view: seen.notices[0] not in view.cannot_tell)
        assert later.snapshot.revision >= before
