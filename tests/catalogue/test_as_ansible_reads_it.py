"""posdeck's own reading of an inventory equals Ansible's: every group, host and variable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from posdeck.catalogue.inventory import Inventory, read_inventory

ROOT = Path(__file__).resolve().parents[2]

PRECEDENCE = {
    "hosts.yml": """\
all:
  vars: {from_all: all inline, both: all inline, deep: {a: 1, b: 2}}
  hosts:
    loose:
  children:
    outer:
      vars: {both: outer inline, level: outer, ranked: outer}
      children:
        inner:
          vars: {level: inner}
          hosts:
            one: {own: host inline, listed: [1, 2]}
        empty:
    zebra:
      vars: {same: zebra, ansible_group_priority: 5, weighed: zebra}
      hosts: {one: }
    aardvark:
      vars: {same: aardvark, weighed: aardvark}
      hosts: {one: , two: {number: 1, real: 0.5, text: "010", truth: true, nothing: }}
    inner:
      vars: {added: later}
""",
    "more.yml": """\
outer:
  hosts:
    three: {where: second file}
    one: {own: second file wins}
""",
    "group_vars/all.yml": "both: all file\ndeep: {c: 3}\n",
    "group_vars/outer/a.yml": "ranked: a\nlater: a\n",
    "group_vars/outer/b.yml": "later: b\n",
    "group_vars/outer/sub/c.yaml": "deepest: c\n",
    "group_vars/outer/.hidden.yml": "later: hidden\n",
    "group_vars/outer/notes.txt": "later: [not read\n",
    "group_vars/inner.json": '{"kind": "json"}',
    "group_vars/zebra.yml": "from_file: zebra\n",
    "host_vars/one.yml": "own: host file\ndefault: &d {x: 1}\nalias: *d\nmerged: {<<: *d, y: 2}\n",
}


def ansible_reads(folder: Path) -> dict[str, Any]:
    """What ansible-inventory says, apart from this process."""
    command = [str(Path(sys.executable).with_name("ansible-inventory")), "-i", str(folder), "--list"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")}
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert found.returncode == 0, found.stderr
    assert "WARNING" not in found.stderr, found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def assert_equal(ours: Inventory, theirs: dict[str, Any]) -> None:
    """Hosts, variables, and the direct hosts and children of every group."""
    hostvars = theirs.pop("_meta")["hostvars"]
    mine = {h.name: {n: v.value for n, v in h.variables.items()} for h in ours.hosts.values()}
    assert {name: values for name, values in mine.items() if values} == hostvars
    for name, group in theirs.items():
        assert set(ours.groups[name].children) == set(group.get("children", [])), name
        # Ansible lists the hosts of group all only below its children
        own = set() if name == "all" else set(ours.groups[name].hosts)
        assert own == set(group.get("hosts", [])), name
    assert {g.name for g in ours.groups.values() if g.hosts or g.children} <= set(theirs)


@pytest.mark.ansible
@pytest.mark.parametrize("environment", ["production", "staging", "simulated"])
def test_each_environment_reads_as_ansible_reads_it(environment: str) -> None:
    folder = ROOT / "inventory" / environment
    theirs = ansible_reads(folder)
    assert len(theirs["_meta"]["hostvars"]) == 18
    assert_equal(read_inventory(folder), theirs)


@pytest.mark.ansible
def test_precedence_follows_ansible_in_every_corner(tmp_path: Path) -> None:
    """Inline and files, depth, priority and name, several inventory files, folders of variables, JSON,
    aliases."""
    for name, text in PRECEDENCE.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ours = read_inventory(tmp_path)
    assert_equal(ours, ansible_reads(tmp_path))
    one = {n: v.value for n, v in ours.hosts["one"].variables.items()}
    assert (one["both"], one["level"], one["same"], one["own"]) == ("all file", "inner", "zebra", "host file")


@pytest.mark.ansible
def test_a_play_on_the_inventory_raises_no_warning(tmp_path: Path) -> None:
    """A variable with a name that Ansible keeps for itself would warn at every start."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(
        "- hosts: order_consumers\n  gather_facts: false\n  serial: 1\n  tasks:\n"
        '    - ansible.builtin.debug:\n        msg: "{{ kube_namespace }}/{{ deployment }}"\n'
    )
    command = [str(Path(sys.executable).with_name("ansible-playbook"))]
    command += ["-i", str(ROOT / "inventory/simulated"), str(playbook)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ANSIBLE_")} | {
        "ANSIBLE_NOCOLOR": "1"
    }
    found = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "WARNING" not in found.stdout + found.stderr, found.stdout + found.stderr
    assert "spc--pos/spc--pos--be--consumer-order--prod" in found.stdout
    assert "spc--pos/spc--pos--be--consumer-pos-order--prod" in found.stdout
