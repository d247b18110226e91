"""Redacts what a view takes from the cluster in words: messages of events, conditions of HPAs, texts of problems, what
the connection fails with. Each text once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from posdeck.cluster.snapshot import Event, Hpa, Snapshot

if TYPE_CHECKING:
    from posdeck.operations.view import Problem
    from posdeck.redaction.redactor import Redactor

_REMEMBERED = 8192  # texts
_AT_ONCE = 200  # events; about 10 ms


class Screening:
    """Keeps identities: what did not change and what needed no redaction is the same object as before."""

    def __init__(self, redactor: Redactor) -> None:
        self._text = lru_cache(maxsize=_REMEMBERED)(redactor.text)
        self._came: Mapping[str, Event] | None = None
        self._went: Mapping[str, Event] = {}
        self._known: dict[str, tuple[Event, Event]] = {}
        self._hpas: tuple[Mapping[str, Hpa], Mapping[str, Hpa]] = ({}, {})

    async def look_ahead(self, snapshot: Snapshot) -> None:
        """Redact the events that are new in it a few at a time: thousands come with one list, and the event loop must
        not be held for them when the view is made."""
        if snapshot.events is self._came:
            return
        new = [
            (name, event)
            for name, event in snapshot.events.items()
            if (known := self._known.get(name)) is None or known[0] is not event
        ]
        for start in range(0, len(new), _AT_ONCE):
            for name, event in new[start : start + _AT_ONCE]:
                self._known[name] = self._event(name, event)
            await asyncio.sleep(0)

    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot with the words of its events, its HPAs' conditions and its connection redacted."""
        return self._with_hpas(self._with_connection(self._with_events(snapshot)))

    def _with_connection(self, snapshot: Snapshot) -> Snapshot:
        problem = snapshot.connection.problem
        said = self._text(problem) if problem else problem
        if said == problem:
            return snapshot
        return replace(snapshot, connection=replace(snapshot.connection, problem=said))

    def _with_hpas(self, snapshot: Snapshot) -> Snapshot:
        """An HPA's controller quotes the errors of metric servers, addresses with what stands in them included."""
        if snapshot.hpas is not self._hpas[0]:
            shown = {name: self._hpa(hpa) for name, hpa in snapshot.hpas.items()}
            same = all(shown[name] is hpa for name, hpa in snapshot.hpas.items())
            self._hpas = (snapshot.hpas, snapshot.hpas if same else shown)
        return snapshot if self._hpas[1] is snapshot.hpas else replace(snapshot, hpas=self._hpas[1])

    def _hpa(self, hpa: Hpa) -> Hpa:
        if all(self._text(c.message) == c.message for c in hpa.conditions):
            return hpa
        return replace(
            hpa, conditions=tuple(replace(c, message=self._text(c.message)) for c in hpa.conditions)
        )

    def _with_events(self, snapshot: Snapshot) -> Snapshot:
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
