"""Each action is documented where Ansible looks for it, and with the arguments that it takes."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PLAYBOOKS = ROOT / "playbooks"
PLUGINS = PLAYBOOKS / "collections" / "ansible_collections" / "posdeck" / "k8s" / "plugins"
BIN = Path(sys.executable).parent
ACTIONS = sorted(path.stem for path in (PLUGINS / "action").glob("*.py"))
SHIPPED = sorted(path.name for path in PLAYBOOKS.glob("*.yml"))


def environment() -> dict[str, str]:
    return {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_COLLECTIONS_PATH": str(PLAYBOOKS / "collections"),
    }


def documented_options() -> dict[str, dict[str, Any]]:
    names = [f"posdeck.k8s.{name}" for name in ACTIONS]
    done = subprocess.run(
        [BIN / "ansible-doc", "-j", *names], capture_output=True, text=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    return {
        name.rsplit(".", 1)[1]: entry["doc"]["options"] for name, entry in json.loads(done.stdout).items()
    }


@pytest.mark.ansible
def test_ansible_shows_every_action_with_the_arguments_that_it_takes() -> None:
    documented = documented_options()
    assert sorted(documented) == ACTIONS
    for name in ACTIONS:
        module = importlib.import_module(f"ansible_collections.posdeck.k8s.plugins.action.{name}")
        shared = importlib.import_module("ansible_collections.posdeck.k8s.plugins.plugin_utils.action")
        taken = {**shared.CONNECTION_ARGUMENTS, **module.ActionModule.ARGUMENTS}
        assert set(taken) == set(documented[name]), name
        for argument, spec in taken.items():
            said = documented[name][argument]
            assert said.get("type", "str") == spec.get("type", "str"), (name, argument)
            assert said.get("default") == spec.get("default"), (name, argument)
            assert bool(said.get("required")) == bool(spec.get("required")), (name, argument)
            assert said.get("choices") == spec.get("choices"), (name, argument)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_playbook_opens_with_what_it_does_and_asks_nothing(name: str) -> None:
    text = (PLAYBOOKS / name).read_text()
    assert text.splitlines()[1].startswith("# ")
    assert f"playbooks/{name} -l " in text
    for play in yaml.safe_load(text):
        assert play["gather_facts"] is False
        assert "vars_prompt" not in play
        assert all("ansible.builtin.pause" not in task for task in play["tasks"])
        writes = any(
            key.startswith("posdeck.k8s.rollout_re") or "undo" in key for t in play["tasks"] for key in t
        )
        assert not writes or play["serial"] == 1


@pytest.mark.ansible
def test_the_playbooks_are_clean_by_the_linters_strictest_profile() -> None:
    linter = BIN / "ansible-lint"
    if not linter.exists():
        assert os.environ.get("CI", "").lower() != "true", "CI has to run ansible-lint"
        pytest.skip("ansible-lint is not installed (it is part of the lint dependencies)")
    done = subprocess.run(
        [linter, "--profile", "production", "--offline", "--nocolor", *SHIPPED, "collections"],
        cwd=PLAYBOOKS, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
