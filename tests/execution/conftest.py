"""Playbooks of a few lines, run for real: what they do to the world is a file in the test's own folder."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posdeck.execution.runs import PlaybookRunner, RunRequest

INVENTORY = """
all:
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  hosts:
    one:
    two:
"""

# An action that says that it has begun, and writes only after a long while. A survivor would hold on to it.
DELAYED_WRITE = """
import os, subprocess, time
from pathlib import Path
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        folder = Path(self._task.args["folder"])
        if self._task.args.get("daemon"):
            # Its own session, no trace of the run in its environment, its parent gone at once.
            subprocess.run(
                ["sh", "-c", "setsid sh -c 'echo $$ > daemon.new; mv daemon.new daemon; exec sleep 600' &"],
                cwd=folder, env={"PATH": os.environ["PATH"]}, check=True,
            )
            while not (folder / "daemon").exists():
                time.sleep(0.01)
        (folder / "begun.new").write_text(str(os.getpid()))
        (folder / "begun.new").rename(folder / "begun")
        time.sleep(float(self._task.args["delay"]))
        (folder / "landed").write_text("written")
        return {"changed": True}
"""

DELAYED_PLAY = """
- hosts: one
  gather_facts: false
  tasks:
    - name: Write later
      delayed_write:
        folder: "{{ folder }}"
        delay: "{{ delay | default(600) }}"
        daemon: "{{ daemon | default('') }}"
"""


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    path = tmp_path / "hosts.yml"
    path.write_text(INVENTORY)
    return path


@pytest.fixture
def playbook(tmp_path: Path) -> Callable[[str], Path]:
    """Write a playbook, with the delayed action beside it."""

    def write(text: str) -> Path:
        folder = tmp_path / "playbooks"
        (folder / "action_plugins").mkdir(parents=True, exist_ok=True)
        (folder / "action_plugins" / "delayed_write.py").write_text(DELAYED_WRITE)
        path = folder / f"play{len(list(folder.glob('*.yml')))}.yml"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def ask_for(tmp_path: Path, inventory: Path) -> Callable[..., RunRequest]:
    """A request with a fresh folder of its own."""

    def make(playbook: Path, **options: Any) -> RunRequest:
        number = len(list((tmp_path / "runs").glob("*"))) if (tmp_path / "runs").is_dir() else 0
        run_id = f"test-{tmp_path.name}-{number}"
        return RunRequest(run_id, playbook, inventory, tmp_path / "runs" / run_id, **options)

    return make


@pytest.fixture
def runner() -> PlaybookRunner:
    return PlaybookRunner()


async def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Wait for ``condition``; fails with ``what`` when the deadline passes."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[..., Any]:
    return until


@pytest.fixture
def delayed(playbook: Callable[[str], Path]) -> Path:
    return playbook(DELAYED_PLAY)


@pytest.fixture
def python() -> str:
    return sys.executable
