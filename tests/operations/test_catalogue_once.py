"""A plain run of Ansible reads the catalogue once for all its tasks, and again when a file of it differs."""

from __future__ import annotations

import shutil
from pathlib import Path

from posdeck.operations.playbook_gate import catalogue_of

INVENTORY = Path(__file__).parents[2] / "inventory"


def test_read_once_until_a_file_differs(tmp_path: Path) -> None:
    shutil.copytree(INVENTORY, tmp_path / "inventory", symlinks=True)  # environments share files
    folder = tmp_path / "inventory" / "simulated"
    first = catalogue_of(folder)
    assert catalogue_of(folder) is first
    policy = folder / "group_vars" / "all" / "policy.yml"
    assert first.environment.policy.mitigation_grace_minutes == 60
    policy.write_text(
        policy.read_text().replace("mitigation_grace_minutes: 60", "mitigation_grace_minutes: 61")
    )
    again = catalogue_of(folder)
    assert again is not first
    assert again.environment.policy.mitigation_grace_minutes == 61
