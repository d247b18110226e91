"""Builds the control plane's binary once and keeps it, keyed on its sources.

``python tests/cluster/build.py`` builds it ahead of a test run and prints where it is. Needs Go 1.26.4 or
newer, about 2.5 GB of memory and, the first time, up to ten minutes.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCES = Path(__file__).parent / "bench"
GO_NEEDED = (1, 26, 4)


class CannotBuildError(Exception):
    """There is no binary, and none can be made here; the text says why."""


def cached() -> Path:
    """Where the binary of exactly these sources is kept, whether or not it is there."""
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        digest.update(name.encode() + b"\0" + (SOURCES / name).read_bytes())
    root = os.environ.get("POSDECK_TEST_CACHE") or Path.home() / ".cache" / "posdeck-tests"
    return Path(root) / f"kubebench-{digest.hexdigest()[:16]}" / "kubebench"


def binary() -> Path:
    """The binary, built now where it is not in the cache. Raises CannotBuildError."""
    found = cached()
    if found.exists():
        return found
    go = _go()
    found.parent.mkdir(parents=True, exist_ok=True)
    unfinished = found.with_suffix(f".{os.getpid()}")
    version = _kubernetes_version()
    flags = " ".join(
        [
            "-s -w",
            f"-X k8s.io/component-base/version.gitVersion={version}",
            "-X k8s.io/component-base/version.gitMajor=1",
            f"-X k8s.io/component-base/version.gitMinor={version.split('.')[1]}",
        ]
    )
    done = subprocess.run(
        [go, "build", "-buildvcs=false", "-trimpath", f"-ldflags={flags}", "-o", str(unfinished), "."],
        cwd=SOURCES,
        env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        unfinished.unlink(missing_ok=True)
        raise CannotBuildError(f"go build failed: {done.stdout[-800:]}")
    unfinished.replace(found)
    return found


def _go() -> str:
    go = os.environ.get("GO") or shutil.which("go")
    if go is None:
        raise CannotBuildError(
            f"the real control plane is not in {cached().parent} and there is no Go to build it"
        )
    said = subprocess.run(
        [go, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    match = re.search(r"go(\d+)\.(\d+)(?:\.(\d+))?", said.stdout)
    if match is None or tuple(int(part or 0) for part in match.groups()) < GO_NEEDED:
        needed = ".".join(map(str, GO_NEEDED))
        raise CannotBuildError(
            f"the real control plane needs Go {needed} to build; {go} is {said.stdout.strip() or 'broken'}"
        )
    return go


def _kubernetes_version() -> str:
    match = re.search(r"^require k8s\.io/kubernetes (v\S+)", (SOURCES / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise CannotBuildError(f"{SOURCES / 'go.mod'} names no version of k8s.io/kubernetes")
    return match[1]


if __name__ == "__main__":
    try:
        print(binary())
    except CannotBuildError as problem:
        sys.exit(str(problem))
