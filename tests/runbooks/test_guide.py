"""``docs/writing-a-runbook.md``, followed to the letter, yields a runbook that works."""

from __future__ import annotations

import re
import shutil
from datetime import date
from pathlib import Path

import pytest

from posdeck.runbooks import validation
from posdeck.runbooks.checks import BEFORE, CHECKS, READINGS
from posdeck.runbooks.graph import paths
from posdeck.runbooks.loading import load_library
from posdeck.runbooks.session import Phase
from posdeck.runbooks.validation import LintContext, lint

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "writing-a-runbook.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```yaml file=(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def followed(tmp_path):
    """A copy of the content with what the guide tells one to save, blocks of one file joined in order."""
    for folder in ("runbooks", "playbooks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    written: dict[str, list[str]] = {}
    for name, text in BLOCK.findall(GUIDE):
        written.setdefault(name, []).append(text)
    for name, parts in written.items():
        assert not (tmp_path / name).exists()
        (tmp_path / name).write_text("\n".join(parts), encoding="utf-8")
    return tmp_path


def test_the_lint_has_nothing_to_say_about_the_example(followed):
    library = load_library(followed / "runbooks")
    assert library.get("stale-settings") is not None
    context = LintContext(followed / "playbooks", date(2026, 11, 1))
    names = ("stale-settings.yml", "settings-age.yml")
    assert [str(problem) for problem in lint(library, context) if problem.path.name in names] == []


def test_the_example_can_be_carried_out_along_every_path(followed, operations):
    runbook = load_library(followed / "runbooks").get("stale-settings")
    ends = {operations(runbook).drive(path).step for path in paths(runbook)}
    assert ends == {step.id for step in runbook.steps if step.type == "done"}
    assert all(operations(runbook).drive(path).phase is Phase.ENDED for path in paths(runbook))


def test_the_guide_names_every_check_reading_and_rule():
    for each in (*CHECKS, *READINGS):
        assert f"`{each.id}`" in GUIDE
    for each in BEFORE:
        assert f"`before.{each.id}`" in GUIDE
    source = Path(validation.__file__).read_text(encoding="utf-8")
    rules = set(re.findall(r'(?:where|place\)?|at\(.*?), "([a-z]+(?:-[a-z]+)+)",', source))
    assert len(rules) > 15
    assert not [rule for rule in sorted(rules) if f"`{rule}`" not in GUIDE]
