"""What is installed is what was locked, to the byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_dependency_has_one_version_and_its_hashes(name: str) -> None:
    joined = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) > 20
    for line in lines:
        assert re.match(r"[A-Za-z0-9_.\[\]-]+==[^\s;]+", line), line
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", line), line


def test_every_installation_of_them_asks_for_the_hashes() -> None:
    for path in (ROOT / "Makefile", ROOT / ".ci" / "run"):
        for line in path.read_text().splitlines():
            if re.search(r"install.* -r +requirements", line):
                assert "--require-hashes" in line, f"{path.name}: {line.strip()}"


def test_what_the_project_names_is_locked() -> None:
    locked = (ROOT / "requirements.txt").read_text()
    declared = re.search(r"\ndependencies = \[(.*?)\n\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL)
    assert declared
    names = re.findall(r'"([A-Za-z0-9_-]+)[>=<]', declared[1])
    assert len(names) > 8
    assert [n for n in names if not re.search(rf"^{re.escape(n)}==", locked, re.MULTILINE)] == []
