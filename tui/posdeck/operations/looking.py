"""What a diagnose step finds: the results of its playbook's tasks as evidence that a person can read, and as
facts that a decision can be suggested from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from posdeck.execution.events import EventKind, RunEvent
from posdeck.operations.plugin_results import PLUGINS
from posdeck.operations.view import Evidence
from posdeck.runbooks.evidence import facts_of
from posdeck.runbooks.model import Diagnose

_SHOWN_LINES = 400
_FAILED = frozenset({EventKind.TASK_FAILED, EventKind.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class Found:
    """The evidence of one step, and its facts."""

    evidence: tuple[Evidence, ...]
    facts: Mapping[str, Any]


def found_by(step: Diagnose, results: Sequence[RunEvent]) -> Found:
    """Read the task results of a run.

    The collection's own plugins are known (``plugin_results``). A team's own task may return ``evidence`` (facts:
    name → value), and to be shown one of: ``table`` ({columns, rows}), ``lines`` (a list of text lines), ``text``,
    or ``resources`` (raw objects). ``notice`` (a list) is picked out above it.
    """
    evidence: list[Evidence] = []
    for event in results:
        plugin = PLUGINS.get(event.action) if event.kind not in _FAILED else None
        if plugin is not None:
            reading = plugin(event.result)
            text = _limited(reading.lines) if reading.lines else ""
            evidence.append(
                Evidence(step.id, event.task, text, reading.columns, reading.rows, reading.notice)
            )
            continue
        shown = _shown(step, event)
        if shown is not None:
            evidence.append(shown)
    facts = facts_of((e.action, e.result) for e in results if e.kind not in _FAILED)
    return Found(tuple(evidence), facts)


def as_text(evidence: Sequence[Evidence]) -> str:
    """Evidence as text, to be kept beside the record. A line that only looks like a title or a notice has a backslash
    before it."""
    parts: list[str] = []
    for each in evidence:
        parts.append(f"== {each.title}")
        parts.extend(f"! {note}" for note in each.notice)
        found = ["\t".join(row) for row in (each.columns, *each.rows)] if each.columns else []
        if each.text:
            found += each.text.split("\n")
        parts.extend(f"\\{line}" if line.startswith(_MARKED) else line for line in found)
    return "\n".join(parts)


_MARKED = ("== ", "! ", "\\")


def read_back(step: str, text: str) -> tuple[Evidence, ...]:
    """Evidence from what ``as_text`` kept; a section whose lines all have the same number of tabs is a table."""
    found: list[Evidence] = []
    for section in re.split(r"(?m)^== ", text)[1:]:
        title, *lines = section.rstrip("\n").split("\n")
        notes = tuple(line[2:] for line in takewhile(lambda line: line.startswith("! "), lines))
        rest = [line.removeprefix("\\") for line in lines[len(notes) :]]
        rows = [tuple(line.split("\t")) for line in rest]
        if rows and len(rows[0]) > 1 and len({len(row) for row in rows}) == 1:
            found.append(Evidence(step, title, columns=rows[0], rows=tuple(rows[1:]), notice=notes))
        else:
            found.append(Evidence(step, title, text="\n".join(rest), notice=notes))
    return tuple(found)


def _shown(step: Diagnose, event: RunEvent) -> Evidence | None:
    result = event.result
    notice = tuple(str(n) for n in _list(result.get("notice")))
    if event.kind in _FAILED:
        text = str(result.get("msg") or event.text or "failed")
        return Evidence(step.id, event.task, text=text, notice=("this could not be looked at", *notice))
    table = result.get("table")
    if isinstance(table, Mapping):
        columns = tuple(str(c) for c in _list(table.get("columns")))
        rows = tuple(tuple(str(cell) for cell in _list(row)) for row in _list(table.get("rows")))
        return Evidence(step.id, event.task, columns=columns, rows=rows, notice=notice)
    lines = _list(result.get("lines"))
    if lines:
        return Evidence(step.id, event.task, text=_limited([str(line) for line in lines]), notice=notice)
    if isinstance(result.get("text"), str) and result["text"]:
        return Evidence(step.id, event.task, text=_limited(result["text"].splitlines()), notice=notice)
    resources = _list(result.get("resources"))
    if resources:
        text = json.dumps(resources, indent=1, sort_keys=True, default=str)
        return Evidence(step.id, event.task, text=_limited(text.splitlines()), notice=notice)
    if notice:
        return Evidence(step.id, event.task, notice=notice)
    return None


def _limited(lines: Sequence[str]) -> str:
    """The last lines, with a word about what is not shown."""
    if len(lines) <= _SHOWN_LINES:
        return "\n".join(lines)
    return "\n".join((f"… {len(lines) - _SHOWN_LINES} earlier lines are not shown", *lines[-_SHOWN_LINES:]))


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
