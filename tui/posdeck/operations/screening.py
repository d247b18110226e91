"""Redacts what a view takes from the cluster in words: messages of events, texts of problems. Each text once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from posdeck.cluster.snapshot import Event, Snapshot

if TYPE_CHECKING:
    from posdeck.operations.view import Problem
    from posdeck.redaction.redactor import Redactor

_REMEMBERED = 8192  # texts


class Screening:
    """Keeps identities: what did not change and what needed no redaction is the same object as before."""

    def __init__(self, redactor: Redactor) -> None:
        self._text = lru_cache(maxsize=_REMEMBERED)(redactor.text)
        self._came: Mapping[str, Event] | None = None
        self._went: Mapping[str, Event] = {}
        self._known: dict[str, tuple[Event, Event]] = {}

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the messages of its events redacted."""
        if snapshot.events is not self._came:
            self._came = snapshot.events
            self._known = {name: self._event(name, event) for name, event in snapshot.events.items()}
            shown = {name: pair[1] for name, pair in self._known.items()}
            same = all(pair[0] is pair[1] for pair in self._known.values())
            self._went = snapshot.events if same else shown
        return snapshot if self._went is snapshot.events else replace(snapshot, events=self._went)

    def _event(self, name: str, event: Event) -> tuple[Event, Event]:
        known = self._known.get(name)
        if known is not None and known[0] is event:
            return known
        message = self._text(event.message)
        return event, event if message == event.message else replace(event, message=message)

    def problems(self, found: tuple[Problem, ...]) -> tuple[Problem, ...]:
        """The problems with their texts and evidence redacted."""
        return tuple(self._problem(problem) for problem in found)

    def _problem(self, problem: Problem) -> Problem:
        text = self._text(problem.text)
        evidence = tuple((name, self._text(value)) for name, value in problem.evidence)
        follows = tuple((rule, short, self._text(said)) for rule, short, said in problem.follows)
        if (text, evidence, follows) == (problem.text, problem.evidence, problem.follows):
            return problem
        return replace(problem, text=text, evidence=evidence, follows=follows)
