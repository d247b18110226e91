"""A run tells what happens as it happens, and how it ended; it is a success only when it says so itself."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from posdeck.errors import ExecutionError
from posdeck.execution.events import EventKind, RunEvent, RunStatus
from posdeck.execution.runs import PlaybookRunner, Run, RunRequest

pytestmark = pytest.mark.ansible
Ask = Callable[..., RunRequest]
Write = Callable[[str], Path]

GREETING = """
- name: Greeting
  hosts: all
  gather_facts: false
  tasks:
    - name: Say it
      ansible.builtin.debug:
        msg: "{{ greeting }}"
    - name: Skip it
      ansible.builtin.debug:
        msg: never
      when: false
    - name: Change it
      ansible.builtin.debug:
        msg: changed
      changed_when: true
"""


async def collect(run: Run) -> list[RunEvent]:
    return [event async for event in run.events()]


async def test_events_come_in_order_and_numbered_without_gaps(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    run = await runner.start(ask_for(playbook(GREETING), extra_vars={"greeting": "hello"}))
    events = await collect(run)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    kinds = [event.kind for event in events]
    wanted = ["starting", "running", "play"]
    wanted += ["task_started", "task_ok", "task_ok"]
    wanted += ["task_started", "task_skipped", "task_skipped"]
    wanted += ["task_started", "task_changed", "task_changed", "stats", "finished"]
    assert [str(kind) for kind in kinds] == wanted
    said = [event for event in events if event.kind is EventKind.TASK_OK]
    assert {event.host for event in said} == {"one", "two"}
    assert said[0].task == "Say it"
    assert said[0].action == "ansible.builtin.debug"
    assert said[0].result["msg"] == "hello"
    assert said[0].duration is not None
    assert all(event.at.tzinfo is not None for event in events)


async def test_a_run_that_came_through_has_succeeded_and_may_be_read_again(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    run = await runner.start(ask_for(playbook(GREETING), extra_vars={"greeting": "hello"}, limit="two"))
    first = await collect(run)
    assert await collect(run) == first
    result = await run.wait()
    assert result.succeeded
    assert result.rc == 0
    assert result.stats["ok"] == {"two": 2}
    assert await run.cancel() == result  # too late to change anything


async def test_variables_are_never_templates(runner: PlaybookRunner, playbook: Write, ask_for: Ask) -> None:
    """Nor do they become dates, numbers or truth values on the way."""
    hostile = "{{ lookup('pipe', 'id') }} 'quoted' \"doubly\" é 😀 \u0085 \\ %"
    request = ask_for(playbook(GREETING), extra_vars={"greeting": hostile})
    events = await collect(await runner.start(request))
    said = [event.result["msg"] for event in events if event.kind is EventKind.TASK_OK]
    assert said == [hostile, hostile]


async def test_plain_data_arrives_as_it_was(runner: PlaybookRunner, playbook: Write, ask_for: Ask) -> None:
    given = {
        "texts": ["yes", "null", "010", "2026-01-02T03:04:05Z", "1e3", "~", ""],
        "one": 1,
        "no": None,
        "on": True,
    }
    events = await collect(
        await runner.start(ask_for(playbook(GREETING), extra_vars={"greeting": given}, limit="one"))
    )
    assert next(event.result["msg"] for event in events if event.kind is EventKind.TASK_OK) == given


@pytest.mark.parametrize("odd", [{"x": object()}, {"x": {1: 2}}, {"x": {"__ansible_vault": "y"}}])
async def test_other_data_is_refused(playbook: Write, ask_for: Ask, odd: dict[str, object]) -> None:
    with pytest.raises(ExecutionError, match="extra variable"):
        await PlaybookRunner().start(ask_for(playbook(GREETING), extra_vars=odd))


async def test_a_failed_task_says_which_and_why(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    play = playbook("""
- hosts: one
  gather_facts: false
  tasks:
    - name: Harmless
      ansible.builtin.fail: {msg: forgiven}
      ignore_errors: true
    - name: Break
      ansible.builtin.fail: {msg: the disk is gone}
""")
    run = await runner.start(ask_for(play))
    failed = [event for event in await collect(run) if event.kind is EventKind.TASK_FAILED]
    assert [event.result.get("ignored", False) for event in failed] == [True, False]
    result = await run.wait()
    assert result.status is RunStatus.FAILED
    assert result.message == "one: Break: the disk is gone"


async def test_a_play_that_concerns_no_host_has_not_succeeded(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    play = playbook("- hosts: nowhere\n  gather_facts: false\n  tasks: [{ansible.builtin.debug: {msg: x}}]\n")
    result = await (await runner.start(ask_for(play))).wait()
    assert result.status is RunStatus.FAILED
    assert "no host" in result.message


@pytest.mark.parametrize(
    ("text", "limit", "word"),
    [("- hosts: [\n", None, "YAML"), (GREETING, "elsewhere", "limit")],
    ids=["syntax", "limit"],
)
async def test_a_playbook_that_cannot_begin_has_failed_and_says_why(
    *, runner: PlaybookRunner, playbook: Write, ask_for: Ask, text: str, limit: str | None, word: str
) -> None:
    run = await runner.start(ask_for(playbook(text), limit=limit))
    await collect(run)
    result = await run.wait()
    assert result.status is RunStatus.FAILED
    assert word.lower() in result.message.lower()


async def test_a_playbook_that_dies_on_the_way_is_incomplete(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    """Its last task was seen, its statistics were not: whether it was through, nobody can say."""
    play = playbook("""
- hosts: one
  gather_facts: false
  tasks:
    - name: Kill ansible-playbook
      ansible.builtin.debug:
        msg: "{{ lookup('pipe', 'kill -9 ' ~ lookup('pipe', 'ps -o ppid= -p $PPID')) }}"
""")
    result = await (await runner.start(ask_for(play))).wait()
    assert result.status is RunStatus.INCOMPLETE
    assert result.left == 0


async def test_check_and_diff_reach_the_playbook(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask, tmp_path: Path
) -> None:
    play = playbook(f"""
- hosts: one
  gather_facts: false
  tasks:
    - name: Write
      ansible.builtin.copy: {{content: "text", dest: {tmp_path}/written, mode: "0600"}}
""")
    events = await collect(await runner.start(ask_for(play, check=True, diff=True)))
    kinds = [event.kind for event in events]
    assert EventKind.DIFF in kinds
    assert EventKind.TASK_CHANGED in kinds
    assert kinds.index(EventKind.DIFF) < kinds.index(EventKind.TASK_CHANGED)
    assert not (tmp_path / "written").exists()


async def test_megabytes_of_output_arrive_whole_and_none_is_held_up(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    play = playbook("""
- hosts: one
  gather_facts: false
  tasks:
    - name: Talk much
      ansible.builtin.set_fact:
        much: "{{ 'x' * 2000000 }}"
    - name: Show it
      ansible.builtin.debug: {var: much}
""")
    run = await runner.start(ask_for(play))
    events = await collect(run)
    shown = next(e for e in events if e.task == "Show it" and e.kind is EventKind.TASK_OK)
    assert len(shown.result["much"]) == 2_000_000
    assert len(shown.text) < 100_000
    assert "more characters" in shown.text
    assert (await run.wait()).succeeded


async def test_text_is_redacted_and_cannot_steer_a_terminal(playbook: Write, ask_for: Ask) -> None:
    runner = PlaybookRunner(redact=lambda text: text.replace("4111111111111111", "[card]"))
    request = ask_for(playbook(GREETING), extra_vars={"greeting": "card 4111111111111111 \x1b[2J\x07!"})
    events = await collect(await runner.start(request))
    everything = repr([(e.text, dict(e.result)) for e in events])
    assert "4111" not in everything
    assert "[card]" in everything
    assert not any("\x1b" in event.text or "\x07" in event.text for event in events)


async def test_only_named_parts_of_the_environment_reach_ansible(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("{}")
    play = playbook("""
- hosts: one
  gather_facts: false
  tasks:
    - name: Look
      ansible.builtin.debug:
        msg: "{{ lookup('env', 'MY_TOKEN') }}|{{ lookup('env', 'KUBECONFIG') }}|{{ lookup('env', 'EXTRA') }}"
""")
    request = ask_for(play, kubeconfig=kubeconfig, environment={"EXTRA": "given"})
    events = await collect(await runner.start(request))
    said = next(event for event in events if event.kind is EventKind.TASK_OK)
    assert said.result["msg"] == f"|{kubeconfig.resolve()}|given"


async def test_nothing_of_the_runner_stays_behind(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    request = ask_for(playbook(GREETING), extra_vars={"greeting": "a reason that names somebody"})
    await (await runner.start(request)).wait()
    left = {path.name for path in request.run_folder.rglob("*")}
    assert left == {"run.json", "ended.json", "host.log"}
    assert stat.S_IMODE(request.run_folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in request.run_folder.iterdir())
    assert not any("somebody" in path.read_text() for path in request.run_folder.iterdir())


async def test_kept_artifacts_hold_neither_environment_nor_events(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask
) -> None:
    request = ask_for(playbook(GREETING), extra_vars={"greeting": "x"}, keep_artifacts=True)
    await (await runner.start(request)).wait()
    artifacts = request.run_folder / "runner" / "artifacts" / "run"
    assert (artifacts / "rc").read_text() == "0"
    assert not (artifacts / "command").exists()
    assert list((artifacts / "job_events").iterdir()) == []


async def test_a_folder_is_used_once(runner: PlaybookRunner, playbook: Write, ask_for: Ask) -> None:
    request = ask_for(playbook(GREETING), extra_vars={"greeting": "x"})
    await (await runner.start(request)).wait()
    with pytest.raises(ExecutionError, match="fresh folder"):
        await runner.start(request)


async def test_what_cannot_run_is_refused_before_anything_starts(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask, tmp_path: Path
) -> None:
    with pytest.raises(ExecutionError, match="no such playbook"):
        await runner.start(ask_for(tmp_path / "none.yml"))
    with pytest.raises(ExecutionError, match="every host"):
        await runner.start(ask_for(playbook(GREETING), limit=" "))
    with pytest.raises(ExecutionError, match="no such kubeconfig"):
        await runner.start(ask_for(playbook(GREETING), kubeconfig=tmp_path / "none"))
    assert not (tmp_path / "runs").exists()


async def test_a_command_that_is_not_there_fails_the_run(
    playbook: Write, ask_for: Ask, tmp_path: Path
) -> None:
    runner = PlaybookRunner(command=tmp_path / "bin" / "ansible-playbook")
    result = await (await runner.start(ask_for(playbook(GREETING)))).wait()
    assert not result.succeeded
    assert result.status is RunStatus.FAILED


async def test_another_ansible_is_run_as_the_plain_command(
    playbook: Write, ask_for: Ask, tmp_path: Path
) -> None:
    """Where the command is not the one beside our interpreter, nothing is preloaded and it runs itself."""
    command = tmp_path / "bin" / "ansible-playbook"
    command.parent.mkdir()
    real = Path(os.sys.executable).parent / "ansible-playbook"  # type: ignore[attr-defined]
    command.write_text(f'#!/bin/sh\ntouch {tmp_path}/used\nexec {real} "$@"\n')
    command.chmod(0o700)
    runner = PlaybookRunner(command=command)
    result = await (await runner.start(ask_for(playbook(GREETING), extra_vars={"greeting": "x"}))).wait()
    assert result.succeeded
    assert (tmp_path / "used").exists()


async def test_a_prepared_run_waits_for_its_release(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask, eventually: Callable[..., object]
) -> None:
    request = ask_for(playbook(GREETING), extra_vars={"greeting": "planned"})
    prepared = await runner.prepare(request)
    await eventually((request.run_folder / "run.json").exists, "the supervisor has begun")  # type: ignore[misc]
    run = await prepared.release({"greeting": "confirmed"})
    said = [e.result["msg"] for e in await collect(run) if e.kind is EventKind.TASK_OK]
    assert said == ["confirmed", "confirmed"]
    with pytest.raises(ExecutionError, match="no longer"):
        await prepared.release()


async def test_a_discarded_run_has_done_nothing(
    runner: PlaybookRunner, delayed: Path, ask_for: Ask, tmp_path: Path
) -> None:
    request = ask_for(delayed, extra_vars={"folder": str(tmp_path), "delay": 0})
    prepared = await runner.prepare(request)
    await prepared.discard()
    assert not (tmp_path / "begun").exists()
    assert json.loads((request.run_folder / "ended.json").read_text())["left"] == 0
    with pytest.raises(ExecutionError, match="no longer"):
        await prepared.release()


async def test_a_configuration_changed_while_it_waits_is_noticed(
    runner: PlaybookRunner, playbook: Write, ask_for: Ask, eventually: Callable[..., Any]
) -> None:
    """Ansible reads its configuration when it is imported, which for a prepared run was before the change."""
    play = playbook("""
- hosts: one
  gather_facts: false
  tasks:
    - name: Which
      ansible.builtin.debug:
        msg: "{{ lookup('config', 'DEFAULT_FORKS') }}"
""")
    request = ask_for(play)
    prepared = await runner.prepare(request)
    await eventually(lambda: prepared.is_ready, "Ansible is loaded and waits")
    (play.parent / "ansible.cfg").write_text("[defaults]\nforks = 17\n")
    events = await collect(await prepared.release())
    assert next(event.result["msg"] for event in events if event.kind is EventKind.TASK_OK) == 17
