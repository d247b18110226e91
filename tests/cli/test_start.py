"""The command line before it does anything: what it loads, what it says, and with which exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "textual",
    "kubernetes",
    "pydantic",
    "aiohttp",
    "ansible",
    "ansible_runner",
    "rich",
    "yaml",
    "sqlite3",
)


def python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run ``code`` in a fresh interpreter that has a home of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=home, capture_output=True, text=True, timeout=60
    )


def loaded(code: str, home: Path) -> set[str]:
    """The top-level modules that are loaded after ``code``."""
    done = python(
        f"import sys\n{code}\nprint('LOADED', *{{m.split('.')[0] for m in sys.modules}}, file=sys.stderr)",
        home,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("LOADED")[2].split())


def called(*arguments: str) -> str:
    """Code that calls the command line and goes on."""
    return f"""
sys.argv = ['posdeck', *{arguments!r}]
from posdeck.__main__ import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
"""


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_the_first_answers_load_nothing_heavy(option: str, tmp_path: Path) -> None:
    assert loaded(called(option), tmp_path).isdisjoint(HEAVY)


@pytest.mark.parametrize("module", ["console", "gate", "playbook_gate", "opening"])
def test_operations_work_without_a_screen(module: str, tmp_path: Path) -> None:
    assert "textual" not in loaded(f"import posdeck.operations.{module}", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--version"], 0, "posdeck "),
        (["--help"], 0, "Commands"),
        (["statsu"], 64, "Did you mean 'status'?"),
        (["status", "--nonsense"], 64, "--nonsense"),
        (["--environment", "produktion", "runbook", "list"], 5, "Did you mean production?"),
        (["--environment", "simulated", "runbook", "list"], 0, "consumer-not-processing"),
        (
            ["--environment", "simulated", "runbook", "list", "-o", "json"],
            0,
            '"id": "consumer-not-processing"',
        ),
        (["--environment", "simulated", "runbook", "show", "consumer-not-processing"], 0, "# "),
        (["--environment", "simulated", "runbook", "show", "nonsense"], 5, "nonsense"),
        (["--kubeconfig", "missing", "--environment", "simulated", "status"], 2, "cannot tell"),
        (["snapshot", "pods", "--size", "1x1"], 64, "160x50"),
        (["audit", "list"], 5, "Nothing has been recorded here yet"),
        (["environment", "list"], 0, "PRODUCTION"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_each_answer_has_its_exit_code_and_no_traceback(
    arguments: list[str], code: int, words: str, tmp_path: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, "-m", "posdeck", *arguments],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode == code, said
    assert words in said
    assert "Traceback" not in said
