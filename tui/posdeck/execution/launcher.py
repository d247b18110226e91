"""Stands in for ``ansible-playbook`` on the run's PATH: the same program in the same interpreter, but it
imports Ansible while the engineer still reads the dialog, and starts only when the run is released.

Anything unusual (another interpreter, an import that fails) falls back to executing the plain command.
On Linux it also asks the kernel for SIGTERM should the runner's process die: a playbook must not outlive it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import os
import signal
import ssl
import sys

GATE = "POSDECK_RUN_GATE"
REAL = "POSDECK_ANSIBLE_PLAYBOOK"
AT_ONCE = "POSDECK_RUN_AT_ONCE"  # nobody reads a dialog meanwhile: load only what every run needs
_PR_SET_PDEATHSIG = 1
_YOUNG = 20_000  # objects made before the collector looks at them: more than one task makes
# What a run imports anyway, in the order in which the command itself does it.
_PRELOADED = (
    "ansible.cli.playbook",
    "ansible.executor.task_queue_manager",
    "ansible.executor.playbook_executor",
    "ansible.inventory.manager",
    "ansible.vars.manager",
    "ansible.plugins.strategy.linear",
    "ansible.plugins.inventory.yaml",
    "ansible.plugins.inventory.auto",
    "ansible.plugins.inventory.ini",
    "ansible.plugins.vars.host_group_vars",
    "ansible.plugins.connection.local",
    "ansible.plugins.shell.sh",
    "ansible.plugins.callback.default",
    "ansible.plugins.action.normal",
    "http.client",
    "ssl",
)
# What a writing task imports on top; without it everything runs, and such a task says what is missing.
_WELCOME = ("posdeck.operations.playbook_gate",)


def main() -> None:
    """Load, wait at the gate, become ``ansible-playbook``."""
    gate = os.environ.pop(GATE, "")
    real = os.environ.pop(REAL)
    at_once = bool(os.environ.pop(AT_ONCE, ""))
    _die_with_parent()
    configuration = _configuration()
    loaded = _same_folder(real, sys.executable) and _load(welcome=not at_once)
    if gate:
        with open(f"{gate}.ready", "wb"):
            pass
        with open(gate, "rb", buffering=0) as waiting:
            if not waiting.read(1):  # the gate was opened and shut without a release
                sys.exit(1)
    # Ansible reads its configuration when it is imported: what changed since would go unnoticed.
    if not loaded or configuration != _configuration():
        os.execv(real, [real, *sys.argv[1:]])  # noqa: S606 - no shell is wanted
    sys.argv[0] = real
    playbook = importlib.import_module("ansible.cli.playbook")
    sys.exit(playbook.main())


def _same_folder(one: str, other: str) -> bool:
    """Whether the command was installed beside this interpreter (the files themselves may be links)."""
    return os.path.realpath(os.path.dirname(one)) == os.path.realpath(os.path.dirname(other))


def _configuration() -> list[tuple[str, int, int]]:
    """The configuration files that Ansible may read, with what tells that one was changed."""
    home, system = os.path.expanduser("~/.ansible.cfg"), "/etc/ansible/ansible.cfg"
    found = []
    for path in (os.environ.get("ANSIBLE_CONFIG", ""), os.path.abspath("ansible.cfg"), home, system):
        with contextlib.suppress(OSError):
            state = os.stat(path)
            found.append((path, state.st_mtime_ns, state.st_size))
    return found


def _load(*, welcome: bool) -> bool:
    """Import what a run needs, with ``welcome`` also what its writing tasks do, who else load it themselves. What is
    there then is kept from the collector, whose looking through it would copy the memory that every task's process
    shares with this one."""
    gc.disable()
    try:
        for name in _PRELOADED:
            importlib.import_module(name)
        ssl.SSLContext(
            ssl.PROTOCOL_TLS_CLIENT
        )  # OpenSSL sets itself up once here, not in every task's process
        for name in _WELCOME if welcome else ():
            with contextlib.suppress(Exception):
                importlib.import_module(name)
    except BaseException:
        return False
    finally:
        gc.freeze()
        gc.set_threshold(_YOUNG, 20, 20)
        gc.enable()
    return True


def _die_with_parent() -> None:
    if sys.platform.startswith("linux"):
        parent = os.getppid()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit(1)
