"""A malformed file is named with its line, the cause and what to do; what does not need it goes on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

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


@pytest.mark.parametrize("broken", [kubeconfig, inventory, configuration, runbook], ids=lambda f: f.__name__)
def test_a_mistake_is_named_with_file_line_and_remedy(broken, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, line, done = broken(tmp_path)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "Traceback" not in said
    found = re.search(rf"{re.escape(path.name)}:(\d+)", said)
    assert found, said
    assert abs(int(found[1]) - line) <= 1, said  # a parser may notice at the line after
