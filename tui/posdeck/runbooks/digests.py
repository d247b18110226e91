"""The digest that approvals, staging proofs and sessions hold on to: a definition and its playbooks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from posdeck.errors import ContentError
from posdeck.runbooks.model import Act, Diagnose, Runbook
from posdeck.runbooks.playbooks import read_playbook


def playbooks_named(runbook: Runbook) -> tuple[str, ...]:
    """The file names of every playbook that a runbook may run, sorted."""
    names: set[str | None] = set()
    for step in runbook.steps:
        if isinstance(step, Diagnose | Act):
            names.add(step.playbook)
        if isinstance(step, Act):
            rollback = step.rollback
            names.update(proof.playbook for proof in (*step.verify, *(rollback.verify if rollback else ())))
            names.add(rollback.playbook if rollback else None)
    return tuple(sorted(name for name in names if name is not None))


def playbook_files(runbook: Runbook, folder: Path) -> dict[str, bytes]:
    """The playbooks of a runbook with the task files they include: path below ``folder`` → content.

    A playbook that is missing or is not YAML raises ContentError: what cannot be read cannot be vouched for.
    """
    files: dict[str, bytes] = {}
    root = folder.resolve()
    for name in playbooks_named(runbook):
        path = root / name
        if not path.is_file():
            raise ContentError(path, 0, f"the runbook {runbook.id} names this playbook and it is not there")
        for each, content in read_playbook(path, root).files.items():
            files[each.resolve().relative_to(root).as_posix()] = content
    return files


def digest(runbook: Runbook, playbooks: Mapping[str, bytes]) -> str:
    """SHA-256 in hex over a runbook's meaning (layout and comments aside) and its playbooks' bytes."""
    whole = {
        "runbook": runbook.model_dump(mode="json", by_alias=True),
        "playbooks": {name: hashlib.sha256(content).hexdigest() for name, content in playbooks.items()},
    }
    return hashlib.sha256(canonical(whole)).hexdigest()


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no blanks: the same value gives the same bytes. Raises ValueError on NaN."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()
