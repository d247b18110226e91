"""What happens to a run in the middle: posdeck is killed, stopped, or loses its terminal.

The team's playbook of these tests says that it has begun, leaves a process in a session of its own, and restarts the
deployment only after a while: a survivor would show, as a process and as a restart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.acceptance.conftest import RESTART_NOW
from tests.acceptance.places import Desk, confirmed, full, with_content
from tests.acceptance.terminal import Terminal
from tests.cluster.api import wait_until

pytestmark = pytest.mark.ansible
CONSUMER, NAME = "consumer-default", full("consumer-default")
DELAY = 3.0  # seconds between the word that it begins and its write

PLAYBOOK = f"""\
- name: Restart later
  hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - name: Wait before the write
      linger:
        seconds: {DELAY}

    - name: Restart the deployment
      posdeck.k8s.rollout_restart:
        name: "{{{{ deployment }}}}"
        namespace: "{{{{ kube_namespace }}}}"
        restarted_at: "{{{{ posdeck_restarted_at | default(omit) }}}}"
"""

LINGER = """
import os, subprocess, time
from pathlib import Path
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        if self._task.check_mode:
            return {"changed": False}
        folder = Path(os.environ["POSDECK_TEST_SIGNS"])
        stray = subprocess.Popen(["sleep", "600"], start_new_session=True)
        (folder / "pids").write_text(f"{os.getpid()} {os.getppid()} {stray.pid}")
        (folder / "pids").rename(folder / "begun")
        time.sleep(float(self._task.args["seconds"]))
        (folder / "waited").write_text("")
        return {"changed": False}
"""


@pytest.fixture(scope="session")
def lingering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A team's own content: the runbook with a playbook that takes its time."""
    folder = tmp_path_factory.mktemp("lingering")
    (folder / "runbooks").mkdir()
    (folder / "runbooks" / "restart-later.yml").write_text(
        RESTART_NOW.replace("restart-now", "restart-later").replace("restart.yml", "later.yml")
    )
    (folder / "playbooks" / "action_plugins").mkdir(parents=True)
    (folder / "playbooks" / "later.yml").write_text(PLAYBOOK)
    (folder / "playbooks" / "action_plugins" / "linger.py").write_text(LINGER)
    return folder


@pytest.fixture
def run(
    desk: Desk, lingering: Path, tmp_path: Path
) -> Iterator[tuple[Desk, subprocess.Popen[str], list[int], Path]]:
    """posdeck in the middle of the act: its desk, its process, the processes of its run, the signs they leave."""
    signs = tmp_path / "signs"
    signs.mkdir()
    with_content(desk, lingering).extra["POSDECK_TEST_SIGNS"] = str(signs)
    process = desk.start(
        "runbook",
        "run",
        "restart-later",
        "--param",
        f"consumer={CONSUMER}",
        *confirmed(CONSUMER),
        "-o",
        "json",
    )
    wait_until(lambda: (signs / "begun").exists() or process.poll() is not None, "the act began", within=60)
    assert process.poll() is None, process.communicate()
    pids = [int(pid) for pid in (signs / "begun").read_text().split()]
    yield desk, process, pids, signs
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=10)


def gone(pid: int) -> bool:
    """Whether a process has ended (one that nobody has collected yet has)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def nothing_landed(desk: Desk, signs: Path, before: dict[str, int], began: float) -> None:
    """The write's moment has passed, and it was not made."""
    wait_until(lambda: time.monotonic() > began + DELAY + 0.5, "its moment has passed")
    assert not (signs / "waited").exists()
    assert desk.place.generations() == before
    assert not list((desk.state / "runs").glob("*/**/kubeconfig"))


def test_a_killed_posdeck_leaves_nothing_running_and_the_next_start_settles_the_record(
    run: tuple[Desk, subprocess.Popen[str], list[int], Path],
) -> None:
    desk, process, pids, signs = run
    before, began = desk.place.generations(), time.monotonic()
    assert not any(gone(pid) for pid in pids)
    os.kill(process.pid, signal.SIGKILL)
    wait_until(lambda: all(gone(pid) for pid in pids), "nothing of the run is left", within=2)
    [entry] = [r for r in desk.records() if r["kind"] == "intent"]
    assert entry["result"] == "unknown"

    assert desk.run("status").returncode in {0, 1, 2}
    nothing_landed(desk, signs, before, began)
    [entry] = [r for r in desk.records() if r["kind"] == "intent"]
    record = desk.record(entry)
    assert record["result"] == "nothing-changed"
    assert record["outcome"]["settled"] is True
    assert record["outcome"]["verification"] == "cannot-tell"
    assert desk.run("audit", "verify").returncode == 0
    [session] = json.loads(desk.run("runbook", "sessions", "-o", "json").stdout)
    assert session["runbook"] == "restart-later"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name)
def test_a_stopped_posdeck_ends_as_on_cancel_says(
    run: tuple[Desk, subprocess.Popen[str], list[int], Path], number: signal.Signals
) -> None:
    desk, process, pids, signs = run
    before, began = desk.place.generations(), time.monotonic()
    os.kill(process.pid, number)
    wait_until(lambda: all(gone(pid) for pid in pids), "nothing of the run is left", within=3)
    said, told = process.communicate(timeout=30)
    assert process.returncode == 4, said + told
    session = json.loads(said)
    assert [s["id"] for s in session["steps"]] == ["restart", "stopped"]
    nothing_landed(desk, signs, before, began)
    [entry] = [r for r in desk.records() if r["kind"] == "intent"]
    assert desk.record(entry)["outcome"]["result"] in {"cancelled", "nothing-changed"}
    assert json.loads(desk.run("runbook", "sessions", "-o", "json").stdout) == []
    assert desk.run("audit", "verify").returncode == 0


@pytest.fixture
def live(desk: Desk, lingering: Path, tmp_path: Path) -> Iterator[tuple[Desk, Terminal, list[int], Path]]:
    """The live interface in the middle of the act: its desk, its terminal, the processes of its run, their signs."""
    signs = tmp_path / "signs"
    signs.mkdir()
    variables = {"POSDECK_TEST_SIGNS": str(signs), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with_content(desk, lingering).extra.update(variables)
    terminal = Terminal(desk.command(), desk.variables(), desk.home)
    try:
        terminal.until("● LIVE", "writes: ask", CONSUMER)
        terminal.press(f":run restart-later {CONSUMER}\r")
        terminal.until("Undo", "y confirm")
        terminal.press("y")
        terminal.until_true((signs / "begun").exists, "the act began")
        yield desk, terminal, [int(pid) for pid in (signs / "begun").read_text().split()], signs
    finally:
        terminal.close()


def test_a_terminal_that_goes_without_a_signal_is_noticed(desk: Desk) -> None:
    """Under make, sudo or another program that leads the session only that one is told."""
    desk.extra.update({"TERM": "xterm-256color"})
    terminal = Terminal(desk.command(), desk.variables(), desk.home, told=False)
    try:
        terminal.until("● LIVE", "writes: ask")
        terminal.hang_up()
        assert terminal.ended() == 129
    finally:
        terminal.close()


@pytest.mark.parametrize("way", ["terminal closed", "SIGTERM", "asked twice"])
def test_a_live_screen_that_ends_in_the_middle_of_an_act_stops_it_as_on_cancel_says(
    live: tuple[Desk, Terminal, list[int], Path], way: str
) -> None:
    desk, terminal, pids, signs = live
    before, began = desk.place.generations(), time.monotonic()
    if way == "terminal closed":
        terminal.hang_up()
    elif way == "SIGTERM":
        terminal.process.send_signal(signal.SIGTERM)
    else:
        terminal.press("\x11")
        terminal.until("Still running: ", "again stops it")
        terminal.press("\x11")
    code = terminal.ended(within=60)
    assert code == {"terminal closed": 129, "SIGTERM": 143, "asked twice": 0}[way]
    assert all(gone(pid) for pid in pids), "nothing of the run is left"
    nothing_landed(desk, signs, before, began)
    [entry] = [r for r in desk.records() if r["kind"] == "intent"]
    assert desk.record(entry)["outcome"]["result"] in {"cancelled", "nothing-changed"}
    assert json.loads(desk.run("runbook", "sessions", "-o", "json").stdout) == []
    assert desk.run("audit", "verify").returncode == 0
