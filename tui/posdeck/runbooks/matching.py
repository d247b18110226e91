"""Which runbooks answer what is seen: by finding, by the workload's groups, or by words."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from posdeck.runbooks.model import Act, Runbook, Severity

_ORDER = (Severity.CRITICAL, Severity.WARNING, Severity.ROUTINE)


def by_finding(runbooks: Iterable[Runbook], finding: str) -> tuple[Runbook, ...]:
    """The runbooks that a finding triggers; the one that names it earliest among its triggers comes first."""
    found = [runbook for runbook in runbooks if finding in runbook.metadata.triggers]
    return tuple(sorted(found, key=lambda each: (each.metadata.triggers.index(finding), *_rank(each))))


def by_groups(runbooks: Iterable[Runbook], groups: Collection[str]) -> tuple[Runbook, ...]:
    """The runbooks that can be carried out on a workload in these groups, gravest first."""
    found = [
        runbook
        for runbook in runbooks
        if any(
            param.source and param.source.group in groups
            for param in runbook.params
            if param.type == "workload"
        )
    ]
    return tuple(sorted(found, key=_rank))


def search(runbooks: Iterable[Runbook], words: str) -> tuple[Runbook, ...]:
    """The runbooks in which every word occurs, those with all of them in id or title first."""
    wanted = words.casefold().split()
    found: list[tuple[bool, Runbook]] = []
    for runbook in runbooks:
        about = runbook.metadata
        short = f"{about.id} {about.title}".casefold()
        whole = " ".join((short, about.summary, *about.symptoms, *about.triggers)).casefold()
        if all(word in whole for word in wanted):
            found.append((not all(word in short for word in wanted), runbook))
    return tuple(runbook for _, runbook in sorted(found, key=lambda each: (each[0], *_rank(each[1]))))


def changes_anything(runbook: Runbook) -> bool:
    """Whether a runbook has an act at all."""
    return any(isinstance(step, Act) for step in runbook.steps)


def _rank(runbook: Runbook) -> tuple[int, str]:
    return _ORDER.index(runbook.metadata.severity), runbook.id
