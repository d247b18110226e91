"""Runs whose posdeck died: found at the next start, ended where anything still runs, and said to be lost.

Whether the change landed is not for this module to say: the caller looks at the cluster.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posdeck.execution import process_tree
from posdeck.execution.launch import RUNNER_FOLDER
from posdeck.execution.process_tree import ProcessIdentity
from posdeck.execution.supervisor import ENDED_FILE, RUN_FILE

SETTLED_FILE = "settled.json"


@dataclass(frozen=True, slots=True)
class Orphan:
    """A run without an owner. ``ended`` is the supervisor's closing word (reason, rc, left, at), if it came
    to it."""

    run_id: str
    folder: Path
    owner: ProcessIdentity | None
    supervisor: ProcessIdentity | None
    ended: dict[str, Any] | None


def find(runs: Path) -> list[Orphan]:
    """The runs below ``runs`` (one folder each) that nobody owns any more and nobody has settled yet.

    A run that ended while its owner lived is none; unreadable folders are taken for orphans, not skipped.
    """
    return [orphan for folder in _folders(runs) if (orphan := _orphan(folder)) is not None]


def settle(orphan: Orphan) -> int:
    """End what is left of the run, remove its working files, mark it as settled. Returns how many processes
    could not be ended; the run is then left unsettled, to be found again."""
    left = sweep(orphan.run_id, orphan.folder)
    if left == 0:
        shutil.rmtree(orphan.folder / RUNNER_FOLDER, ignore_errors=True)
        (orphan.folder / SETTLED_FILE).write_text(json.dumps({"run_id": orphan.run_id}), "utf-8")
    return left


def sweep(run_id: str, folder: Path) -> int:
    """End every process of a run, found by what its folder says and by the mark in its environment.

    Returns how many are left. Nothing of this may be called while the run's owner still follows it.
    """
    record = _load(folder / RUN_FILE) or {}
    known = [ProcessIdentity.from_json(record.get(name)) for name in ("supervisor", "host")]
    roots = [process for process in known if process and process_tree.is_alive(process)]

    def remaining() -> list[ProcessIdentity]:
        below = [process for root in roots for process in process_tree.descendants(root.pid)]
        return [*roots, *below, *process_tree.marked(run_id)]

    playbooks = [p for p in remaining() if p not in roots]
    return process_tree.end_tree(None, first=playbooks, also=remaining)


def _folders(runs: Path) -> Iterator[Path]:
    if runs.is_dir():
        yield from sorted(folder for folder in runs.iterdir() if folder.is_dir())


def _orphan(folder: Path) -> Orphan | None:
    if (folder / SETTLED_FILE).exists():
        return None
    record, ended = _load(folder / RUN_FILE), _load(folder / ENDED_FILE)
    if record is None:
        return Orphan(folder.name, folder, None, None, ended) if (folder / RUN_FILE).exists() else None
    owner = ProcessIdentity.from_json(record.get("owner"))
    if owner is not None and process_tree.is_alive(owner):
        return None
    if ended is not None and ended.get("reason") != "owner-died":
        return None
    supervisor = ProcessIdentity.from_json(record.get("supervisor"))
    return Orphan(str(record.get("run_id", folder.name)), folder, owner, supervisor, ended)


def _load(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
