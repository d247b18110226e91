"""A malformed file is named with its line, the cause and what to do; what does not need it goes on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from tests.acceptance.places import Desk, confirmed, with_content

ROOT = Path(__file__).parents[2]


def posdeck(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_CACHE_HOME": str(home / "cache"),
        **variables,
    }
    command = [sys.executable, "-m", "posdeck", *arguments]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, timeout=60)


def kubeconfig(home: Path) -> tuple[Path, int, subprocess.CompletedProcess[str]]:
    path = home / "kubeconfig"
    path.write_text("apiVersion: v1\nkind: Config\nclusters: 5\ncurrent-context: x\n")
    path.chmod(0o600)
    return path, 3, posdeck(home, "--environment", "simulated", "--kubeconfig", str(path), "status")


def inventory(home: Path) -> tuple[Path, int, subprocess.CompletedProcess[str]]:
    shutil.copytree(ROOT / "inventory" / "simulated", home / "content" / "inventory" / "simulated")
    path = home / "content" / "inventory" / "simulated" / "hosts.yml"
    text = path.read_text()
    line = text.count("\n") + 1
    path.write_text(f"{text}broken: [\n")
    options = ["--environment", "simulated", "status"]
    return path, line, posdeck(home, *options, POSDECK_CONTENT=str(home / "content"))


def configuration(home: Path) -> tuple[Path, int, subprocess.CompletedProcess[str]]:
    path = home / "config" / "posdeck" / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_text('# settings\n\n[audit]\nfiel = "/tmp/x"\n')
    return path, 4, posdeck(home, "status")


def runbook(home: Path) -> tuple[Path, int, subprocess.CompletedProcess[str]]:
    path = home / "content" / "runbooks" / "broken.yml"
    path.parent.mkdir(parents=True)
    path.write_text("apiVersion: runbook/v1\nmetadata:\n  id: broken\n  id: again\n")
    return path, 4, posdeck(home, "runbook", "lint", POSDECK_CONTENT=str(home / "content"))


def playbook(home: Path, desk: Desk) -> tuple[Path, int, subprocess.CompletedProcess[str]]:
    path = home / "content" / "playbooks" / "restart.yml"
    path.parent.mkdir(parents=True)
    path.write_text("- name: Restart\n  hosts: all\n  tasks: [\n")
    before = desk.place.generations()
    done = restart(with_content(desk, home / "content"))
    assert desk.place.generations() == before
    return path, 4, done


def restart(desk: Desk, *interpreter: str) -> subprocess.CompletedProcess[str]:
    """Run the short runbook, by another interpreter where one is given."""
    command = desk.command("runbook", "run", "restart-now", "--param", "consumer=consumer-customer",
                           *confirmed("consumer-customer"))  # fmt: skip
    command[:1] = interpreter or command[:1]
    return subprocess.run(
        command, env=desk.variables(), cwd=desk.home, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("broken", [kubeconfig, inventory, configuration, runbook], ids=lambda f: f.__name__)
def test_a_mistake_is_named_with_file_line_and_remedy(broken, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, line, done = broken(tmp_path)
    named(path, line, done)


@pytest.mark.long
@pytest.mark.ansible
def test_a_mistake_in_a_playbook_is_named_with_file_and_line(
    embedded_desk: Desk, restarting: Path, tmp_path: Path
) -> None:
    """In Ansible's words, and nothing was changed."""
    path, line, done = playbook(tmp_path, with_content(embedded_desk, restarting))
    named(path, line, done, remedy=False)


def named(path: Path, line: int, done: subprocess.CompletedProcess[str], *, remedy: bool = True) -> None:
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    found = re.search(rf"{re.escape(path.name)}:(\d+)(?::\d+)?(.*)", said, re.DOTALL)
    assert found, said
    assert abs(int(found[1]) - line) <= 1, said  # a parser may notice at the line after
    assert len(found[2].split()) > 3, "the cause"
    if remedy:
        assert re.search(r"[.:] +[A-Z`][^.]*", found[2]), f"what to do: {said}"


@pytest.mark.long
@pytest.mark.ansible
def test_the_rest_goes_on_beside_a_mistake(embedded_desk: Desk, restarting: Path, tmp_path: Path) -> None:
    """A runbook and a playbook that are wrong hold up neither views nor other runbooks; no cluster, no library."""
    content = tmp_path / "content"
    (content / "runbooks").mkdir(parents=True)
    shutil.copytree(ROOT / "playbooks", content / "playbooks")
    (content / "runbooks" / "broken.yml").write_text("apiVersion: runbook/v1\nmetadata: [\n")
    (content / "playbooks" / "broken.yml").write_text("- [\n")
    shutil.copy(restarting / "runbooks" / "restart-now.yml", content / "runbooks")
    desk = with_content(embedded_desk, content)
    assert "consumer-order" in desk.run("snapshot", "pods").stdout
    done = restart(desk)
    assert done.returncode in {0, 2}, done.stdout + done.stderr
    broken = tmp_path / "broken-kubeconfig"
    broken.write_text("clusters: 5\n")
    broken.chmod(0o600)
    desk.kubeconfig = broken
    listed = desk.run("runbook", "list")
    assert listed.returncode == 0, listed.stderr
    assert "restart-now" in listed.stdout
    assert desk.run("audit", "verify").returncode == 0


@pytest.mark.long
@pytest.mark.ansible
def test_without_ansible_everything_is_seen_and_an_act_says_what_is_missing(
    embedded_desk: Desk, restarting: Path, tmp_path: Path
) -> None:
    """An interpreter that has the libraries, and no ansible-playbook beside it nor on the path."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(Path(sys.executable).resolve())
    desk = with_content(embedded_desk, restarting)
    desk.extra["PATH"] = os.pathsep.join(
        folder
        for folder in os.environ["PATH"].split(os.pathsep)
        if not (Path(folder) / "ansible-playbook").exists()
    )
    desk.extra["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tui"), sysconfig.get_path("purelib")])
    before = desk.place.generations()
    done = restart(desk, str(python))
    said = done.stdout + done.stderr
    assert done.returncode not in {0, 2}, said
    assert "ansible-playbook" in said
    assert "Install posdeck with its dependencies" in said
    assert "Traceback" not in said
    assert desk.place.generations() == before
    seen = subprocess.run(
        [str(python), *desk.command("snapshot", "pods")[1:]],
        env=desk.variables(), cwd=desk.home, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert "consumer-order" in seen.stdout
