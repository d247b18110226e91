"""What a posdeck that died has left of its runs: processes, and folders with credentials in them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.cluster.api import wait_until

from posdeck.execution import process_tree
from posdeck.execution.process_tree import ProcessIdentity
from posdeck.execution.supervisor import RUN_FILE
from posdeck.operations.recovery import ABANDONED, clear_runs
from posdeck.operations.running import RUN, run_folders


def left(state: Path, run_id: str, owner: ProcessIdentity | None) -> Path:
    """The folder of a run, with a kubeconfig in it."""
    folder = run_folders(state) / run_id
    (folder / RUN).mkdir(parents=True)
    (folder / "kubeconfig").write_text("a token")
    if owner is not None:
        record = {"run_id": run_id, "owner": owner.to_json(), "supervisor": None, "host": None}
        (folder / RUN / RUN_FILE).write_text(json.dumps(record))
    return folder


@pytest.fixture
def dead() -> ProcessIdentity:
    """A process that has ended."""
    with subprocess.Popen(["sleep", "600"]) as process:
        found = process_tree.identify(process.pid)
        process.kill()
    assert found is not None
    return found


def test_the_run_of_a_dead_posdeck_is_ended_and_its_credentials_are_removed(
    tmp_path: Path, dead: ProcessIdentity
) -> None:
    folder = left(tmp_path, "run-1", dead)
    survivor = subprocess.Popen(
        ["sleep", "600"], env={**os.environ, process_tree.RUN_MARKER: "run-1"}, start_new_session=True
    )
    # for a moment after its start a process has no environment that could be read
    wait_until(lambda: process_tree.marked("run-1"), "the mark of the run")
    assert clear_runs(tmp_path) == set()
    assert survivor.wait(timeout=10) != 0
    assert not folder.exists()


def test_a_run_whose_posdeck_lives_is_left_alone(tmp_path: Path) -> None:
    me = process_tree.identify(os.getpid())
    folder = left(tmp_path, "run-1", me)
    assert clear_runs(tmp_path) == set()
    assert (folder / "kubeconfig").exists()


def test_a_folder_that_no_run_began_in_goes_when_it_is_old(tmp_path: Path) -> None:
    new, old = left(tmp_path, "new", None), left(tmp_path, "old", None)
    then = old.stat().st_mtime - ABANDONED - 1
    os.utime(old, (then, then))
    clear_runs(tmp_path)
    assert (new / "kubeconfig").exists()
    assert not old.exists()


def test_a_run_that_cannot_be_ended_is_named(
    tmp_path: Path, dead: ProcessIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = left(tmp_path, "run-1", dead)
    monkeypatch.setattr("posdeck.execution.orphans.sweep", lambda run_id, where: 1)
    assert clear_runs(tmp_path) == {"run-1"}
    assert folder.exists(), "it is found again at the next start"
