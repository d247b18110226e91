"""However a run is stopped, nothing of it is left that could still write."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from posdeck.execution import orphans, process_tree
from posdeck.execution.events import EventKind, RunStatus
from posdeck.execution.process_tree import ProcessIdentity
from posdeck.execution.runs import PlaybookRunner, RunRequest

pytestmark = pytest.mark.ansible
Ask = Callable[..., RunRequest]
Until = Callable[[Callable[[], bool], str], Awaitable[None]]

OWNER = textwrap.dedent("""
    PATHS = ("playbook", "inventory", "run_folder")
    import asyncio, json, sys
    from pathlib import Path
    from posdeck.execution.runs import PlaybookRunner, RunRequest

    async def main():
        spec = json.loads(sys.argv[1])
        variables = spec.pop("extra_vars")
        request = RunRequest(spec.pop("run_id"), *(Path(spec[k]) for k in PATHS),
                             extra_vars=variables)
        if spec["hold"]:
            await PlaybookRunner().prepare(request)
            await asyncio.sleep(600)
        await (await PlaybookRunner().start(request)).wait()

    asyncio.run(main())
""")


def alive(pid_file: Path) -> bool:
    """Whether the process that wrote its pid there still runs."""
    found = process_tree.identify(int(pid_file.read_text()))
    return found is not None


def own(request: RunRequest, python: str, *, hold: bool = False) -> subprocess.Popen[bytes]:
    """Another process that starts the run, and so owns it."""
    spec = {
        "run_id": request.run_id,
        "playbook": str(request.playbook),
        "inventory": str(request.inventory),
        "run_folder": str(request.run_folder),
        "extra_vars": dict(request.extra_vars),
        "hold": hold,
    }
    return subprocess.Popen([python, "-c", OWNER, json.dumps(spec)])


@pytest.mark.parametrize("daemon", ["", "yes"], ids=["worker", "and-a-daemon-of-its-own"])
async def test_cancel_leaves_nothing_running(
    *, runner: PlaybookRunner, delayed: Path, ask_for: Ask, eventually: Until, tmp_path: Path, daemon: str
) -> None:
    request = ask_for(delayed, extra_vars={"folder": str(tmp_path), "daemon": daemon})
    run = await runner.start(request)
    await eventually((tmp_path / "begun").exists, "the task has begun")
    assert alive(tmp_path / "begun")
    result = await run.cancel()
    assert result.status is RunStatus.CANCELLED
    assert result.left == 0
    assert not alive(tmp_path / "begun")
    assert not daemon or not alive(tmp_path / "daemon")
    assert process_tree.marked(run.run_id) == []
    assert not (tmp_path / "landed").exists()
    last = [event async for event in run.events()][-1]
    assert last.kind is EventKind.FINISHED
    assert last.result["status"] == "cancelled"


async def test_cancel_before_the_first_task_leaves_nothing_running(
    runner: PlaybookRunner, delayed: Path, ask_for: Ask, tmp_path: Path
) -> None:
    run = await runner.start(ask_for(delayed, extra_vars={"folder": str(tmp_path)}))
    results = await asyncio.gather(run.cancel(), run.cancel())
    assert [result.status for result in results] == [RunStatus.CANCELLED] * 2
    assert process_tree.marked(run.run_id) == []
    assert not (tmp_path / "landed").exists()


async def test_a_run_over_its_time_is_stopped_and_has_failed(
    runner: PlaybookRunner, delayed: Path, ask_for: Ask, tmp_path: Path
) -> None:
    run = await runner.start(ask_for(delayed, extra_vars={"folder": str(tmp_path)}, timeout=0.3))
    result = await run.wait()
    assert result.status is RunStatus.FAILED
    assert result.message == "stopped: not done after 0.3 s"
    assert process_tree.marked(run.run_id) == []


@pytest.mark.parametrize("daemon", ["", "yes"], ids=["worker", "and-a-daemon-of-its-own"])
async def test_a_killed_owner_takes_its_run_along(
    *, delayed: Path, ask_for: Ask, eventually: Until, tmp_path: Path, python: str, daemon: str
) -> None:
    """kill -9 of posdeck: its supervisor ends everything, before the write was made."""
    request = ask_for(delayed, extra_vars={"folder": str(tmp_path), "daemon": daemon})
    owner = own(request, python)
    try:
        await eventually((tmp_path / "begun").exists, "the task has begun")
        assert orphans.find(request.run_folder.parent) == []  # its owner lives
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    ended = request.run_folder / "ended.json"
    await eventually(ended.exists, "the supervisor has closed the run")
    assert json.loads(ended.read_text()) == {
        "reason": "owner-died",
        "rc": json.loads(ended.read_text())["rc"],
        "left": 0,
        "at": json.loads(ended.read_text())["at"],
    }
    assert not alive(tmp_path / "begun")
    assert not daemon or not alive(tmp_path / "daemon")
    assert process_tree.marked(request.run_id) == []
    assert not (tmp_path / "landed").exists()
    await eventually(lambda: not (request.run_folder / "runner").exists(), "the working files are gone")


async def test_a_run_that_was_only_prepared_dies_with_its_owner(
    delayed: Path, ask_for: Ask, eventually: Until, tmp_path: Path, python: str
) -> None:
    request = ask_for(delayed, extra_vars={"folder": str(tmp_path), "delay": 0})
    owner = own(request, python, hold=True)
    try:
        await eventually(
            lambda: len(process_tree.marked(request.run_id)) >= 2, "the launcher waits at its gate"
        )
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    await eventually((request.run_folder / "ended.json").exists, "the supervisor has closed the run")
    assert process_tree.marked(request.run_id) == []
    assert not (tmp_path / "begun").exists()


async def test_a_killed_supervisor_means_a_lost_run_of_which_nothing_is_left(
    runner: PlaybookRunner, delayed: Path, ask_for: Ask, eventually: Until, tmp_path: Path
) -> None:
    run = await runner.start(ask_for(delayed, extra_vars={"folder": str(tmp_path)}))
    await eventually((tmp_path / "begun").exists, "the task has begun")
    assert run.process is not None
    os.kill(run.process.pid, signal.SIGKILL)
    result = await run.wait()
    assert result.status is RunStatus.LOST
    assert result.left == 0
    assert not alive(tmp_path / "begun")
    assert not (tmp_path / "landed").exists()


async def test_a_killed_host_means_an_incomplete_run_of_which_nothing_is_left(
    runner: PlaybookRunner, delayed: Path, ask_for: Ask, eventually: Until, tmp_path: Path
) -> None:
    request = ask_for(delayed, extra_vars={"folder": str(tmp_path)})
    run = await runner.start(request)
    await eventually((tmp_path / "begun").exists, "the task has begun")
    host = ProcessIdentity.from_json(json.loads((request.run_folder / "run.json").read_text())["host"])
    assert host is not None
    os.kill(host.pid, signal.SIGKILL)
    result = await run.wait()
    assert result.status is RunStatus.INCOMPLETE
    assert not alive(tmp_path / "begun")


async def test_when_all_that_watched_is_killed_the_next_start_settles_it(
    delayed: Path, ask_for: Ask, eventually: Until, tmp_path: Path, python: str
) -> None:
    """Owner and supervisor killed together: the run is found by its folder and by its mark, and ended."""
    request = ask_for(delayed, extra_vars={"folder": str(tmp_path), "daemon": ""})
    owner = own(request, python)
    try:
        await eventually((tmp_path / "begun").exists, "the task has begun")
        supervisor = json.loads((request.run_folder / "run.json").read_text())["supervisor"]["pid"]
        host = json.loads((request.run_folder / "run.json").read_text())["host"]["pid"]
        for pid in (host, supervisor):
            os.kill(pid, signal.SIGSTOP)  # so that none of them can tidy up
        os.kill(supervisor, signal.SIGKILL)
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    assert alive(tmp_path / "begun")
    found = orphans.find(request.run_folder.parent)
    assert [orphan.run_id for orphan in found] == [request.run_id]
    assert found[0].ended is None
    assert await asyncio.to_thread(orphans.settle, found[0]) == 0
    assert not alive(tmp_path / "begun")
    assert not (tmp_path / "landed").exists()
    assert not (request.run_folder / "runner").exists()
    assert orphans.find(request.run_folder.parent) == []


def test_a_process_is_not_mistaken_for_a_later_one_with_its_pid() -> None:
    me = process_tree.identify(os.getpid())
    assert me is not None
    assert process_tree.is_alive(me)
    assert not process_tree.is_alive(ProcessIdentity(me.pid, me.started + "0", me.boot))
    assert not process_tree.is_alive(ProcessIdentity(me.pid, me.started, "another boot"))
    assert ProcessIdentity.from_json(me.to_json()) == me
    assert ProcessIdentity.from_json({"pid": 1, "started": "0"}) is None
    assert ProcessIdentity.from_json("nonsense") is None


def test_a_tree_is_ended_although_it_ignores_term(tmp_path: Path) -> None:
    script = "trap '' TERM; (trap '' TERM; echo ready; exec sleep 600) & wait; wait"
    process = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
    me = process_tree.identify(process.pid)
    assert me is not None
    below = process_tree.descendants(process.pid)
    left = process_tree.end_tree(None, first=[me], also=lambda: [me, *below], reap=process.poll, grace=0.05)
    assert left == 0
    process.wait()  # reaped; the shell may have left by itself when its child was killed a moment before
    assert not any(process_tree.is_alive(each) for each in (me, *below))


@pytest.mark.parametrize(
    ("record", "ended", "orphaned"),
    [
        (None, None, False),
        ("{", None, True),
        ({"run_id": "x", "owner": {"pid": 999999, "started": "1", "boot": "b"}}, None, True),
        (
            {"run_id": "x", "owner": {"pid": 999999, "started": "1", "boot": "b"}},
            {"reason": "owner-died"},
            True,
        ),
        (
            {"run_id": "x", "owner": {"pid": 999999, "started": "1", "boot": "b"}},
            {"reason": "finished"},
            False,
        ),
    ],
    ids=["empty", "unreadable", "no-word", "owner-died", "finished"],
)
def test_which_folders_are_orphans(tmp_path: Path, record: Any, ended: Any, orphaned: bool) -> None:
    folder = tmp_path / "x"
    folder.mkdir()
    for name, content in (("run.json", record), ("ended.json", ended)):
        if content is not None:
            (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))
    assert [orphan.run_id for orphan in orphans.find(tmp_path)] == (["x"] if orphaned else [])
