"""The content is found in the right place, and its environments by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from posdeck import content
from posdeck.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]


def folders(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
    return root


def test_a_checkout_is_found_before_the_shipped_copy() -> None:
    found = content.find_content(environ={})
    assert (found.inventory, found.runbooks, found.playbooks) == tuple(
        ROOT / kind for kind in ("inventory", "runbooks", "playbooks")
    )
    assert found.collections == ROOT / "playbooks/collections"
    assert set(found.environments()) == {"production", "staging", "simulated"}
    assert found.environment("production") == ROOT / "inventory/production"


def test_a_team_brings_an_inventory_and_keeps_the_playbooks(tmp_path: Path) -> None:
    team = folders(tmp_path / "team", "inventory/shop")
    (team / "inventory/shop/hosts.yml").write_text("all:\n")
    (team / "inventory/not-one").mkdir()
    found = content.find_content([team], environ={})
    assert found.environments() == ("shop",)
    assert found.playbooks == ROOT / "playbooks"


def test_a_teams_own_playbooks_still_find_the_shipped_collection(tmp_path: Path) -> None:
    found = content.find_content([folders(tmp_path / "team", "playbooks")], environ={})
    assert found.playbooks == tmp_path / "team/playbooks"
    assert found.collections == ROOT / "playbooks/collections"


def test_the_variable_comes_before_the_configuration(tmp_path: Path) -> None:
    first = folders(tmp_path / "first", "runbooks")
    second = folders(tmp_path / "second", "runbooks", "playbooks")
    found = content.find_content([second], environ={"POSDECK_CONTENT": f"{first}:"})
    assert (found.runbooks, found.playbooks) == (first / "runbooks", second / "playbooks")


def test_an_overlay_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such folder, named by POSDECK_CONTENT"):
        content.find_content(environ={"POSDECK_CONTENT": str(tmp_path / "nowhere")})
    with pytest.raises(ConfigurationError, match="holds none of inventory, runbooks, playbooks"):
        content.find_content([tmp_path], environ={})


@pytest.mark.parametrize(
    "name", ["prodution", "", "..", "../inventory/production", "production/", "group_vars"]
)
def test_an_unknown_environment_is_told(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Did you mean production|There are: production"):
        content.find_content(environ={}).environment(name)


def test_a_playbook_is_a_name_and_no_path(tmp_path: Path) -> None:
    team = folders(tmp_path / "team", "playbooks")
    (team / "playbooks/one.yml").write_text("[]\n")
    (team / "outside.yml").write_text("[]\n")
    found = content.find_content([team], environ={})
    assert found.playbook("one.yml") == team / "playbooks/one.yml"
    for name in ("two.yml", "../outside.yml", str(team / "outside.yml"), ""):
        with pytest.raises(ConfigurationError, match="there is none in"):
            found.playbook(name)


def test_without_a_checkout_the_shipped_copy_serves(tmp_path: Path) -> None:
    """The package as installed from a wheel: copied elsewhere, with its _shipped folder."""
    package = tmp_path / "site" / "posdeck"
    folders(package, "_shipped/inventory", "_shipped/runbooks", "_shipped/playbooks/collections")
    for name in ("__init__.py", "content.py", "errors.py"):
        (package / name).write_text((ROOT / "tui/posdeck" / name).read_text())
    code = (
        "from posdeck.content import find_content as f; c = f(environ={}); print(c.inventory, c.collections)"
    )
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(package.parent)!r}); {code}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    shipped = package / "_shipped"
    assert found.stdout.split() == [str(shipped / "inventory"), str(shipped / "playbooks/collections")]


def test_a_digest_changes_with_any_byte_or_name_and_only_then(tmp_path: Path) -> None:
    folder = folders(tmp_path / "a", "sub")
    (folder / "sub/x.yml").write_text("a: 1\n")
    (folder / "y.yml").write_text("")
    before = content.folder_digest(folder)
    (folder / ".swap").write_text("ignored")
    (folder / "y.yml~").write_text("ignored")
    assert content.folder_digest(folder) == before
    (folder / "sub/x.yml").write_text("a: 2\n")
    changed = content.folder_digest(folder)
    assert changed != before
    (folder / "sub/x.yml").rename(folder / "sub/z.yml")
    assert content.folder_digest(folder) not in {before, changed}
    assert len(content.file_digest(folder / "y.yml")) == 64
