"""The collection kubernetes.core, to hold our own modules against. It comes in the community package, of which only this
collection is kept: one megabyte of four hundred."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "ansible==12.3.0"  # the last for ansible-core 2.19
DIGEST = "cd156f82fa87f7a899212b0efa9f7ca3a24d609212de9f78428a572eb01e5414"
INSIDE = "ansible_collections/kubernetes/core/"


class NotToBeHadError(Exception):
    """The collection is not here and could not be fetched; the text says why."""


def collections() -> Path:
    """A folder for ANSIBLE_COLLECTIONS_PATH with kubernetes.core in it, kept once it was fetched. Raises
    NotToBeHadError."""
    root = Path(os.environ.get("POSDECK_TEST_CACHE") or Path.home() / ".cache" / "posdeck-tests")
    kept = root / f"community-{DIGEST[:16]}"
    if (kept / INSIDE / "MANIFEST.json").exists():
        return kept
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        _fetch(Path(folder))
        [wheel] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(Path(folder) / "kept", [n for n in archive.namelist() if n.startswith(INSIDE)])
        shutil.rmtree(kept, ignore_errors=True)
        (Path(folder) / "kept").rename(kept)
    return kept


def _fetch(folder: Path) -> None:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{DIGEST}\n")
    command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "-d", str(folder), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode:
        raise NotToBeHadError(f"{PACKAGE} cannot be fetched: {done.stderr.strip()[-400:]}")
