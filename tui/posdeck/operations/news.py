"""What is worth announcing: a problem that is new or has become worse, once, however often it comes and goes. What
follows from another is folded under it already; several at a time are one announcement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from posdeck.operations.view import News, Problem, Severity

GAP = timedelta(seconds=10)  # between two announcements at least
AGAIN = timedelta(minutes=10)  # a problem that was away for less is no news
_RANK = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(slots=True)
class _Known:
    rank: int
    seen: datetime


class Newsroom:
    """Takes every judged set of problems and says what is news in it. ``least`` is the least severity told."""

    def __init__(self, least: Severity = Severity.WARNING) -> None:
        self._least = _RANK[least]
        self._known: dict[str, _Known] | None = None  # None before the first look, which is never news
        self._waiting: dict[str, Problem] = {}
        self._told_at: datetime | None = None
        self.latest: News | None = None

    def take(self, problems: Sequence[Problem], now: datetime) -> News | None:
        """The announcement that is due now, None when there is none."""
        loud = {p.key: p for p in problems if not p.quiet and _RANK[p.severity] <= self._least}
        if self._known is None:
            self._known = {key: _Known(_RANK[p.severity], now) for key, p in loud.items()}
            return None
        self._forget(now)
        for key, problem in loud.items():
            known, rank = self._known.get(key), _RANK[problem.severity]
            if known is None or rank < known.rank:
                self._waiting[key] = problem
            self._known[key] = _Known(min(rank, known.rank) if known else rank, now)
        # what is over or acknowledged before its turn came is not told any more
        self._waiting = {key: loud[key] for key in self._waiting if key in loud}
        if not self._waiting or (self._told_at is not None and now - self._told_at < GAP):
            return None
        return self._tell(now)

    def _forget(self, now: datetime) -> None:
        known = self._known or {}
        for key in [key for key, each in known.items() if now - each.seen > AGAIN]:
            del known[key]

    def _tell(self, now: datetime) -> News:
        worst = sorted(self._waiting.values(), key=lambda p: _RANK[p.severity])
        self._waiting = {}
        self._told_at = now
        serial = self.latest.serial + 1 if self.latest is not None else 1
        self.latest = News(serial, now, tuple(worst))
        return self.latest


def sentence(news: News) -> str:
    """The announcement in one line: the worst first, the others counted."""
    first, more = news.problems[0], len(news.problems) - 1
    rest = f" (and {more} more)" if more else ""
    return f"{first.severity.value}: {first.short}: {first.text}{rest}"


def as_json(problem: Problem) -> dict[str, Any]:
    """A problem as JSON types: what status, findings and the webhook say of it."""
    remark = problem.remark
    return {
        "key": problem.key,
        "id": problem.id,
        "severity": problem.severity.value,
        "object": f"{problem.object_kind}/{problem.object_name}",
        "short": problem.short,
        "text": problem.text,
        "since": problem.since.isoformat() if problem.since else None,
        "since_at_least": problem.since_at_least,
        "confidence": problem.confidence or None,
        "runbook": problem.runbook or None,
        "params": dict(problem.params),
        "evidence": dict(problem.evidence),
        "workloads": list(problem.workloads),
        "pods": list(problem.pods),
        "follows": [{"id": i, "short": short, "text": text} for i, short, text in problem.follows],
        "acknowledged_by": (remark.acknowledged_by or None) if remark else None,
        "snoozed_until": remark.snoozed_until.isoformat() if remark and remark.snoozed_until else None,
        "notes": [{"at": at.isoformat(), "who": who, "text": t} for at, who, t in remark.notes]
        if remark
        else [],
    }
