"""The restart key: every workload that runs has its operation, and the way there is straight."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.operations.opened_console import embedded_console, private_folders

from posdeck.catalogue.model import WorkloadState
from posdeck.operations.view import StepState

RESTARTABLE = {
    "app": "restart-main-api",
    "nginx": "restart-nginx",
    "cron": "restart-cron",
    "otel-collector": "restart-collector",
    "wrk--batch-publisher": "restart-worker",
}


@pytest.fixture(autouse=True)
def _private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    private_folders(monkeypatch, tmp_path)


async def test_every_workload_that_runs_can_be_restarted_by_one_key(tmp_path: Path) -> None:
    async with embedded_console(tmp_path) as (console, _):
        for short, workload in console.catalogue.workloads.items():
            found = console.restart_for(short)
            wanted = "restart-consumer" if workload.deployment.count("consumer") else RESTARTABLE.get(short)
            if workload.state is WorkloadState.ASLEEP:
                assert found is None or found[0] == "restart-worker"
                continue
            assert found is not None, f"nothing restarts {short}"
            assert found[0] == wanted
            assert set(found[1].values()) <= {short}


@pytest.mark.ansible
async def test_the_plan_comes_first_and_the_evidence_beside_it(tmp_path: Path) -> None:
    async with embedded_console(tmp_path) as (console, _):
        found = console.restart_for("consumer-order")
        assert found is not None
        view = await console.open_session(*found, straight=True)
        await console.driver(view.id).wait_until_quiet()
        view = console.session(view.id)
        assert view.current == "restart"
        assert view.confirmation is not None, view.message
        collected = {step.id: step.state for step in view.steps}
        assert (collected["pods"], collected["logs"]) == (StepState.PASSED, StepState.PASSED)
        assert {e.step for e in view.evidence} >= {"pods", "logs"}
        await console.cancel(view.id)
