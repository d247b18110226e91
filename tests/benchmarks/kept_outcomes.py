"""Outcomes of drills and of hours of health that a run which was interrupted leaves to the next one. They hold only for
the very code and content that they were measured with, so the file is named after a digest of these."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from posdeck.operations.drill_list import Drill
from posdeck.operations.drills import Outcome, Suggestion, drill_named

PACKAGE = "posdeck"


def digest_of(content: Iterable[Path]) -> str:
    """A digest of every module of posdeck that has been loaded, and of the files below the ``content`` folders."""
    loaded = [getattr(m, "__file__", None) for n, m in sys.modules.items() if n.partition(".")[0] == PACKAGE]
    files = {Path(each) for each in loaded if each}
    files.update(each for folder in content for each in folder.rglob("*") if each.is_file())
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()[:16]


class KeptOutcomes:
    """One line of JSON per outcome, written as soon as it is known."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.drills: dict[tuple[str, int], Outcome] = {}
        self.hours: dict[tuple[int, float], list[str]] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            return  # the run was ended in the middle of this line
        if "hours" in found:
            self.hours[found["seed"], found["hours"]] = found["said"]
        else:
            outcome = _outcome(drill_named(found.pop("drill")), found)
            self.drills[outcome.drill.name, outcome.seed] = outcome

    def keep(self, outcome: Outcome) -> None:
        """Keep what became of one drill."""
        self.drills[outcome.drill.name, outcome.seed] = outcome
        fields = asdict(outcome) | {
            "drill": outcome.drill.name,
            "injected_at": outcome.injected_at.isoformat(),
        }
        self._write(fields)

    def keep_hours(self, seed: int, hours: float, said: list[str]) -> None:
        """Keep what was said in hours of health."""
        self.hours[seed, hours] = said
        self._write({"seed": seed, "hours": hours, "said": said})

    def _write(self, fields: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # begin anew after a line that was cut, else it would spoil this one too
        cut = self.path.exists() and not self.path.read_bytes().endswith(b"\n")
        with self.path.open("a") as file:
            file.write(("\n" if cut else "") + json.dumps(fields) + "\n")


def _outcome(drill: Drill, fields: dict[str, Any]) -> Outcome:
    said = {
        name: Suggestion(**fields.pop(name)) if fields[name] else fields.pop(name)
        for name in ("first", "later")
    }
    before = tuple(Suggestion(**each) for each in fields.pop("false_before"))
    injected = datetime.fromisoformat(fields.pop("injected_at"))
    return Outcome(drill, injected_at=injected, false_before=before, **said, **fields)
