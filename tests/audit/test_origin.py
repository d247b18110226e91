"""Who and where, and whether a process is still the one that was recorded."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from posdeck.audit import origin
from posdeck.audit.record import Process


def test_the_user_is_who_the_system_says_and_not_who_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("USER", "LOGNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    actor = origin.os_actor("sre@example.com", ("sre",))
    assert actor.user == pwd.getpwuid(os.getuid()).pw_name
    assert actor.uid == os.getuid()
    assert actor.kubernetes_user == "sre@example.com"


def test_the_login_uid_where_the_system_keeps_one(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    loginuid = tmp_path / "self" / "loginuid"
    assert origin.login_uid(tmp_path) is None
    loginuid.write_text("1000")
    assert origin.login_uid(tmp_path) == 1000
    loginuid.write_text("4294967295")
    assert origin.login_uid(tmp_path) is None
    loginuid.write_text("?")
    assert origin.login_uid(tmp_path) is None


def test_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "192.0.2.7 50022 192.0.2.1 22")
    place = origin.os_place(context="prod", namespace="spc--pos")
    assert (place.host, place.ssh_connection) == (socket.gethostname(), "192.0.2.7 50022 192.0.2.1 22")
    assert (place.context, place.namespace, place.environment) == ("prod", "spc--pos", "")


def test_this_process_is_alive_and_its_lookalikes_are_not() -> None:
    process = origin.this_process()
    assert process.start_time
    assert origin.process_alive(process)
    assert not origin.process_alive(replace(process, start_time="1"))  # the pid was given out again
    assert not origin.process_alive(replace(process, boot_id="before the last boot"))


def test_a_process_that_ended_is_not_alive_also_while_nobody_has_waited_for_it() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = origin.start_time(child.pid)
    process = Process(child.pid, started or "", origin.boot_id())
    assert origin.process_alive(process)
    assert child.stdin is not None
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended and is still in the table
    assert not origin.process_alive(process)
    child.stdin.close()
    child.wait()
    assert not origin.process_alive(process)


def test_a_command_name_with_spaces_and_parentheses(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    fields = " ".join(["S", *(str(number) for number in range(4, 53))])
    (tmp_path / "7" / "stat").write_text(f"7 (a) b (c) {fields}\n")
    assert origin.start_time(7, tmp_path) == "22"
    assert origin.start_time(8, tmp_path) is None
