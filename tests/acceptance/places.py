"""Where the acceptance tests work: the embedded cluster or the real control plane, and posdeck as a person starts
it there, in a process and a home folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
RESTARTED = "kubectl.kubernetes.io/restartedAt"


def full(short: str) -> str:
    """The deployment's name of one of the backend's workloads."""
    return f"spc--pos--be--{short}--prod"


@dataclass(frozen=True)
class Place:
    """A cluster with the known namespace on it. ``identity`` gives the kubeconfig of somebody else there."""

    name: str
    kubeconfig: Path
    namespace: str
    cache: Path
    identity: Callable[[str], Path] = field(repr=False)

    @property
    def real(self) -> bool:
        return self.name == "real"

    def kubectl(self, *arguments: str) -> str:
        """What the machine's own kubectl says, as administrator."""
        program = shutil.which("kubectl")
        if program is None:
            pytest.skip("kubectl is not on this machine")
        command = [program, "--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.cache)]
        done = subprocess.run(
            [*command, "-n", self.namespace, *arguments], capture_output=True, text=True, timeout=60
        )
        if done.returncode:
            pytest.fail(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def generations(self) -> dict[str, int]:
        """The generation of every deployment."""
        items = json.loads(self.kubectl("get", "deployments", "-o", "json"))["items"]
        return {d["metadata"]["name"]: d["metadata"]["generation"] for d in items}

    def templates(self) -> dict[str, Any]:
        """The pod template of every deployment."""
        items = json.loads(self.kubectl("get", "deployments", "-o", "json"))["items"]
        return {d["metadata"]["name"]: d["spec"]["template"] for d in items}

    def stamp(self, name: str) -> str | None:
        """The restart stamp of a deployment's pod template."""
        annotations = self.templates()[name]["metadata"].get("annotations") or {}
        found: str | None = annotations.get(RESTARTED)
        return found

    def replica_sets(self, name: str) -> set[str]:
        """The replica sets of a deployment."""
        items = json.loads(self.kubectl("get", "replicasets", "-o", "json"))["items"]
        return {r["metadata"]["name"] for r in items if r["metadata"]["ownerReferences"][0]["name"] == name}


@dataclass
class Desk:
    """posdeck at a place. Nothing of the machine's own posdeck is read or written."""

    place: Place
    home: Path
    environment: str = "simulated"
    kubeconfig: Path | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        return self.home / "state" / "posdeck"

    @property
    def store(self) -> Path:
        """The audit store."""
        return self.state / "audit.sqlite"

    def variables(self) -> dict[str, str]:
        """The whole environment of the process."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LC_ALL": "C.UTF-8",
            "XDG_STATE_HOME": str(self.home / "state"),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_CACHE_HOME": str(self.home / "cache"),
            "KUBECONFIG": str(self.kubeconfig or self.place.kubeconfig),
            **self.extra,
        }

    def command(self, *arguments: str) -> list[str]:
        """The command line: where posdeck looks, and what it is to do."""
        options = ["--environment", self.environment, "--namespace", self.place.namespace]
        return [sys.executable, "-m", "posdeck", *options, *arguments]

    def run(self, *arguments: str, within: float = 120) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(
            self.command(*arguments),
            env=self.variables(),
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=within,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it in a session of its own, so that a signal is for it alone."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.variables(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def restart(self, consumer: str, *more: str, within: float = 120) -> subprocess.CompletedProcess[str]:
        """Carry the procedure out on ``consumer``, taken to be stuck, with the answer as JSON."""
        return self.run(
            "runbook", "run", "consumer-not-processing", "--param", f"consumer={consumer}",
            "--answer", "cause=stuck", "-o", "json", *more, within=within,
        )  # fmt: skip

    def records(self) -> list[dict[str, Any]]:
        """What the record holds, newest first."""
        done = self.run("audit", "list", "-o", "json")
        assert done.returncode == 0, done.stderr
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found

    def record(self, entry: dict[str, Any]) -> dict[str, Any]:
        """One record whole."""
        done = self.run("audit", "show", str(entry["sequence"]), "-o", "json")
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def confirmed(name: str, reason: str = "its messages wait") -> Iterable[str]:
    """The options with which a person confirms."""
    return ("--confirm", name, "--reason", reason)


def with_content(desk: Desk, *folders: Path) -> Desk:
    """The desk with content of its own before what it has."""
    before = desk.extra.get("POSDECK_CONTENT", "")
    desk.extra["POSDECK_CONTENT"] = os.pathsep.join([*map(str, folders), *filter(None, [before])])
    return desk
