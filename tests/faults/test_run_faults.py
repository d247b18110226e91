"""What breaks while a playbook is in the middle of an act: every intent gets its outcome, and nothing runs on."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import RESTART_NOW
from tests.faults.bench import Bench
from tests.faults.conftest import CONSUMER, NAME, PATIENCE
from tests.faults.faulty_api import Fault
from tests.operations.opened_console import eventually

from posdeck.clock import ManualClock
from posdeck.execution import process_tree
from posdeck.operations import journal
from posdeck.operations.embedded import seed_of
from posdeck.operations.view import SessionView
from posdeck.simulator.server import Simulator

pytestmark = [pytest.mark.long, pytest.mark.ansible]
Record = Callable[[str, object], None]

PLAYBOOK = """\
- name: Restart when told
  hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - name: Wait for the sign
      await_sign:

    - name: Restart the deployment
      posdeck.k8s.rollout_restart:
        name: "{{ deployment }}"
        namespace: "{{ kube_namespace }}"
        restarted_at: "{{ posdeck_restarted_at | default(omit) }}"
"""
AWAIT_SIGN = """
import os, time
from pathlib import Path
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        if not self._task.check_mode:
            signs = Path(os.environ["POSDECK_TEST_SIGNS"])
            (signs / "begun").write_text(str(os.getpid()))
            while not (signs / "go").exists():
                time.sleep(0.02)
        return {"changed": False}
"""


class Act:
    """A restart whose playbook has begun and waits for a sign before it writes."""

    def __init__(self, bench: Bench, session: str, signs: Path) -> None:
        self.bench, self.session, self.signs = bench, session, signs

    def go(self) -> None:
        """Let it write now."""
        (self.signs / "go").touch()

    async def over(self) -> SessionView:
        """The session at its end; the rollout goes on meanwhile."""
        console = self.bench.console
        assert console is not None
        driver = console.driver(self.session)
        await self.passes(lambda: driver.finished.is_set() and not _running(self), "the session is over")
        return console.session(self.session)

    async def passes(self, check: Callable[[], bool], what: str) -> None:
        """Let the cluster's time go on until ``check`` holds."""
        try:
            async with asyncio.timeout(PATIENCE * 2):
                while not check():
                    await self.bench.time.advance(1)
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"never came: {what}") from None

    def generation(self) -> int:
        found = self.bench.cluster.object("apps/deployments", NAME)
        assert found is not None
        return int(found["metadata"]["generation"])

    def outcome(self) -> dict[str, Any]:
        """The outcome of the one intent; the record is whole, and no process of the run is left."""
        assert self.bench.console is not None
        with journal.reading_store(self.bench.console.opening.audit_file) as store:
            records = list(store.records())
            assert store.verify().ok
        [intent] = [r.content for r in records if r.kind == "intent"]
        [outcome] = [r.content for r in records if r.kind == "outcome"]
        assert outcome["intent_id"] == intent["id"]
        assert process_tree.marked(intent["run_id"]) == []
        return dict(outcome)


@pytest.fixture
async def act(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Act:
    """In the middle of the act: the gate has passed, the intent is on record, nothing is written yet."""
    content, signs = tmp_path / "content", tmp_path / "signs"
    (content / "runbooks").mkdir(parents=True)
    (content / "playbooks" / "action_plugins").mkdir(parents=True)
    signs.mkdir()
    runbook = RESTART_NOW.replace("restart-now", "restart-when-told").replace("restart.yml", "told.yml")
    (content / "runbooks" / "restart-when-told.yml").write_text(runbook)
    (content / "playbooks" / "told.yml").write_text(PLAYBOOK)
    (content / "playbooks" / "action_plugins" / "await_sign.py").write_text(AWAIT_SIGN)
    monkeypatch.setenv("POSDECK_CONTENT", str(content))
    monkeypatch.setenv("POSDECK_TEST_SIGNS", str(signs))
    console = await bench.open()
    await bench.live()
    await console.settled.wait()
    opened = await console.open_session("restart-when-told", {"consumer": CONSUMER})
    async with asyncio.timeout(PATIENCE * 2):
        await console.driver(opened.id).wait_until_quiet()
    assert console.session(opened.id).confirmation is not None, console.session(opened.id)
    await console.confirm(opened.id, typed=CONSUMER, reason="a test", ticket="", informed=("operations",))
    await eventually((signs / "begun").exists, "the act began")
    return Act(bench, opened.id, signs)


async def test_a_run_folder_that_is_gone_ends_with_a_word_and_the_next_run_works(
    act: Act, record_property: Record
) -> None:
    before = act.generation()
    console = act.bench.console
    assert console is not None
    shutil.rmtree(console.opening.state / "runs")
    act.go()
    began = time.monotonic()
    view = await act.over()
    record_property("recovered_after", time.monotonic() - began)
    outcome = act.outcome()
    assert outcome["result"] in {"failed", "unknown", "nothing-changed", "succeeded"}
    changed = act.generation() - before
    assert (outcome["result"] == "succeeded") == (changed == 1) or outcome["result"] == "unknown"
    assert view.result
    again = await console.open_session("restart-when-told", {"consumer": CONSUMER}, check_only=True)
    async with asyncio.timeout(PATIENCE * 2):
        await console.driver(again.id).wait_until_quiet()
    assert (console.opening.state / "runs").exists()


async def test_a_cluster_swapped_after_the_gate_gets_no_write(act: Act, record_property: Record) -> None:
    """The gate has passed and the intent is on record; then the address leads to another cluster."""
    first, before = act.bench.cluster, act.generation()
    assert act.bench.console is not None
    other = Simulator(seed_of(act.bench.console.catalogue, 2), clock=ManualClock())
    await other.start()
    try:
        theirs = other.object("apps/deployments", NAME)
        act.bench.api.upstream = other
        act.bench.api.cut()
        act.go()
        await eventually(lambda: len(_results(act)) > 0 or _failed(act), "the playbook was refused")
        found = other.object("apps/deployments", NAME)
        assert found is not None
        assert theirs is not None
        assert found["metadata"]["generation"] == theirs["metadata"]["generation"]
        assert "restartedAt" not in json.dumps(found["spec"]["template"])
    finally:
        act.bench.api.upstream = first
        act.bench.api.cut()
        began = time.monotonic()
    await act.bench.live()
    record_property("recovered_after", time.monotonic() - began)
    view = await act.over()
    await other.stop()
    assert act.generation() == before
    assert act.outcome()["result"] in {"failed", "nothing-changed", "unknown"}
    assert view.result


@pytest.mark.parametrize("answer", ["lost", "never"])
async def test_a_connection_lost_in_the_middle_of_the_change_is_settled_with_the_cluster(
    act: Act, answer: str, record_property: Record
) -> None:
    """The server carries the write out, and its answer is lost, or does not come at all."""
    before = act.generation()
    act.bench.api.set(Fault(lost=answer == "lost", held=answer == "never", method="PATCH"))
    act.go()
    await eventually(lambda: act.generation() == before + 1, "the write was carried out")
    if answer == "never":
        await eventually(lambda: _failed(act), "the playbook gave up")
    act.bench.api.set(None)
    began = time.monotonic()
    await act.bench.live()
    record_property("recovered_after", time.monotonic() - began)
    await act.over()
    assert act.generation() == before + 1, "never twice"
    outcome = act.outcome()
    assert outcome["result"] in {"failed", "succeeded", "unknown"}, "nothing-changed would be a lie"
    assert outcome["generation_after"] == before + 1
    assert outcome["message"]


async def test_a_disk_that_is_full_when_the_outcome_is_due_gets_it_as_soon_as_there_is_room(
    act: Act, record_property: Record
) -> None:
    """The intent is on record, the write is made, and then nothing more can be written down for a while."""
    before = act.generation()
    console = act.bench.console
    assert console is not None
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, limits[1]))
    try:
        act.go()
        await eventually(lambda: act.generation() == before + 1, "the write was carried out")
        await act.passes(lambda: not _running(act), "its run is over")
        assert _results(act) == []
        assert "not recorded yet" in console.session(act.session).message
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        began = time.monotonic()
    await eventually(lambda: bool(_results(act)), "the outcome is recorded")
    record_property("recovered_after", time.monotonic() - began)
    assert act.generation() == before + 1
    assert act.outcome()["result"] == "succeeded"


def _results(act: Act) -> list[str]:
    assert act.bench.console is not None
    with journal.reading_store(act.bench.console.opening.audit_file) as store:
        return [r.content["result"] for r in store.records() if r.kind == "outcome"]


def _failed(act: Act) -> bool:
    assert act.bench.console is not None
    return not act.bench.console.driver(act.session)._runs


def _running(act: Act) -> bool:
    assert act.bench.console is not None
    return bool(act.bench.console.driver(act.session)._tasks)
