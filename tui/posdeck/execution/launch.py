"""What a run is started with: its private folder, its whole environment, its command line.

The environment is made up here from a short list, not inherited: what is not named does not reach Ansible.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import site
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from posdeck.errors import ExecutionError
from posdeck.execution import process_tree
from posdeck.execution.extra_vars import to_json

RUNNER_FOLDER = "runner"
_SOURCE_ROOT = str(Path(__file__).resolve().parents[2])
_PASSED_ON = frozenset(
    {
        "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
        "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy",
        "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What to run. ``run_folder`` must be new or empty: it is made private (0700) and belongs to this run
    alone.

    ``timeout`` is in seconds from the release; ``environment`` is added to a minimal one (no token belongs
    in it); ``keep_artifacts`` leaves the runner's folder in place for a look at a failure; ``inventory``
    may be a file or a folder.
    """

    run_id: str
    playbook: Path
    inventory: Path
    run_folder: Path
    limit: str | None = None
    extra_vars: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    check: bool = False
    diff: bool = False
    kubeconfig: Path | None = None
    timeout: float | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    keep_artifacts: bool = False


def check(request: RunRequest) -> None:
    """Refuse what could only fail later, or run where nobody meant it to. Raises ExecutionError."""
    for path, what in ((request.playbook, "playbook"), (request.inventory, "inventory")):
        if not path.exists():
            raise ExecutionError(str(path), f"there is no such {what}", "Check the path.")
    if request.limit is not None and not request.limit.strip():
        raise ExecutionError(
            f"run {request.run_id}", "an empty limit would mean every host", "Name the hosts."
        )
    if request.kubeconfig is not None and not request.kubeconfig.is_file():
        raise ExecutionError(str(request.kubeconfig), "there is no such kubeconfig", "Check the path.")
    try:
        to_json(request.extra_vars)
    except TypeError as error:
        raise ExecutionError(
            f"run {request.run_id}", str(error), "Use texts, numbers, lists and mappings."
        ) from error


def find_command() -> Path:
    """The ``ansible-playbook`` to run: the one installed beside this interpreter, else the first on PATH."""
    beside = Path(sys.executable).parent / "ansible-playbook"
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("ansible-playbook")
    if found is None:
        raise ExecutionError(
            "ansible-playbook",
            f"it is neither beside {sys.executable} nor on PATH",
            "Install posdeck with its dependencies.",
        )
    return Path(found)


def boot(module: str) -> list[str]:
    """The command that runs ``main`` of a module of this package in a fresh interpreter."""
    return [sys.executable, "-c", _boot_code(module)]


def lay_out(
    request: RunRequest, command: Path, collections: Iterable[Path], *, at_once: bool = False
) -> dict[str, Any]:
    """Make the run's private folder and say, for the supervisor, what is to be started; ``at_once`` is for a run that
    is released as soon as it is ready.

    Raises ExecutionError when the folder is not new: variables and results of an earlier run must not leak
    in.
    """
    folder = _private_folder(request.run_folder)
    private = folder / RUNNER_FOLDER
    for name in ("env", "bin", "tmp"):
        (private / name).mkdir(parents=True, mode=0o700)
    # A real settings file: with suppressed env files the runner ignores its settings argument.
    _write(private / "env" / "settings", json.dumps({"pexpect_timeout": 1, "suppress_output_file": True}))
    _write(private / "env" / "extravars", "{}\n")
    gate = private / "gate"
    os.mkfifo(gate, 0o600)
    launcher = private / "bin" / "ansible-playbook"
    _write(launcher, f'#!/bin/sh\nexec {shlex.join(boot("launcher"))} "$@"\n')
    launcher.chmod(0o700)
    owner = process_tree.identify(os.getpid())
    return {
        "op": "prepare",
        "run_id": request.run_id,
        "folder": str(folder),
        "timeout": request.timeout,
        "keep": request.keep_artifacts,
        "owner": owner.to_json() if owner else None,
        "env": {
            **environment(request, collections),
            "PATH": os.pathsep.join((str(private / "bin"), os.environ.get("PATH", os.defpath))),
            "POSDECK_RUN_GATE": str(gate),
            "POSDECK_ANSIBLE_PLAYBOOK": str(command),
            **({"POSDECK_RUN_AT_ONCE": "1"} if at_once else {}),
            "ANSIBLE_HOME": str(private / "tmp"),
            "ANSIBLE_LOCAL_TEMP": str(private / "tmp"),
        },
        "host_argv": boot("host"),
        "host": {
            "private": str(private),
            "gate": str(gate),
            "project": str(request.playbook.resolve().parent),
            "playbook": str(request.playbook.resolve()),
            "inventory": str(request.inventory.resolve()),
            "limit": request.limit,
            "cmdline": " ".join(
                flag for flag, on in (("--check", request.check), ("--diff", request.diff)) if on
            ),
        },
    }


def environment(request: RunRequest, collections: Iterable[Path]) -> dict[str, str]:
    """The environment of a run without the paths that differ from run to run."""
    env = {
        name: value for name, value in os.environ.items() if name in _PASSED_ON or name.startswith("POSDECK_")
    }
    env.update(
        {
            "LC_ALL": _locale(),
            process_tree.RUN_MARKER: request.run_id,
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, _collection_paths(request, collections))),
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_DEPRECATION_WARNINGS": "False",
            "PYTHONIOENCODING": "utf-8",
            # Above this many characters the runner's callback would send an empty result instead.
            "MAX_EVENT_RES": str(8 * 1024 * 1024),
        }
    )
    if _SOURCE_ROOT not in site.getsitepackages():
        env["PYTHONPATH"] = _SOURCE_ROOT  # the collection's writing plugins import the gate
    if request.kubeconfig is not None:
        env["KUBECONFIG"] = env["K8S_AUTH_KUBECONFIG"] = str(request.kubeconfig.resolve())
    return {**env, **request.environment}


def _locale() -> str:
    """Ours when it is UTF-8, which Ansible insists on, else one that every supported system has."""
    ours = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    if "utf-8" in ours.lower() or "utf8" in ours.lower():
        return ours
    return "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"


def _collection_paths(request: RunRequest, collections: Iterable[Path]) -> list[Path]:
    beside = request.playbook.resolve().parent / "collections"
    home = Path("~/.ansible/collections").expanduser()
    return list(dict.fromkeys((beside, *collections, home, Path("/usr/share/ansible/collections"))))


def _private_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        left = next(folder.iterdir(), None)
    except OSError as error:
        raise ExecutionError(
            str(folder), f"the run's folder cannot be made ({error.strerror})", "Check its place."
        ) from error
    if left is not None:
        raise ExecutionError(
            str(folder), f"the run's folder holds {left.name} already", "Use a fresh folder for each run."
        )
    return folder.resolve()


def _write(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _boot_code(module: str) -> str:
    start = f"from posdeck.execution.{module} import main; main()"
    return f"import sys; sys.path.insert(0, {_SOURCE_ROOT!r}); {start}"
