"""The example of ``docs/writing-a-runbook.md``, saved as the guide says, is carried out by Ansible on a cluster."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from tests.operations.opened_console import private_folders
from tests.paths.conftest import ROOT, console_on, embedded_cluster
from tests.paths.leading import Leading
from tests.paths.scenes import Scene
from tests.paths.taking import chosen

from posdeck.operations.opening import open_content
from posdeck.runbooks.loading import load_library

pytestmark = pytest.mark.ansible
GUIDE = (ROOT / "docs" / "writing-a-runbook.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```yaml file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


async def test_what_the_guide_writes_is_led(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a folder of its own, by whole processes; the fact that its playbook sets is there to decide by."""
    content = tmp_path / "content"
    for folder in ("runbooks", "playbooks"):
        shutil.copytree(ROOT / folder, content / folder)
    for name, text in BLOCK.findall(GUIDE):
        with (content / name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    private_folders(monkeypatch, tmp_path)
    monkeypatch.setenv("POSDECK_CONTENT", str(content))
    runbook = load_library(content / "runbooks").get("stale-settings")
    assert runbook is not None
    async with embedded_cluster(tmp_path) as request, console_on(request, monkeypatch, blind=False) as stage:
        assert open_content(request).folders.playbooks == content / "playbooks"
        for path in chosen(runbook):
            leading = Leading(stage, runbook, Scene({"consumer": "consumer-customer"}))
            await leading.lead(path)
            assert leading.driver.session.steps["age"].facts["running"] == 1
        assert stage.acts == 1
