"""Joins findings with runbooks: what is wrong, as front ends list it, each with the procedure that answers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from posdeck.findings.consumer_facts import NOTHING_ELSE, ConsumerFacts
from posdeck.findings.engine import Engine
from posdeck.findings.model import Standing
from posdeck.operations.view import Problem, Severity

if TYPE_CHECKING:
    from posdeck.catalogue.model import Catalogue
    from posdeck.clock import Clock
    from posdeck.cluster.snapshot import Snapshot
    from posdeck.findings.consumer_facts import OtherFacts
    from posdeck.findings.model import Finding, Unknown
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.view import ConsumerView


@dataclass(frozen=True, slots=True)
class Assessment:
    """Problems now (worst first), standing risks, and what would have to be known."""

    problems: tuple[Problem, ...]
    risks: tuple[Problem, ...]
    cannot_tell: tuple[str, ...]


class Assessor:
    """Keeps the engine of the rules, which remembers since when."""

    def __init__(self, catalogue: Catalogue, clock: Clock, library: RunbookLibrary) -> None:
        self._engine = Engine(catalogue, clock)
        self._clock = clock
        self._library = library
        self._short = catalogue.short_name
        self._known: dict[tuple[str, str], tuple[str, Mapping[str, str]]] = {}

    def assess(
        self, snapshot: Snapshot, consumers: Mapping[str, ConsumerView], other: OtherFacts = NOTHING_ELSE
    ) -> Assessment:
        """Run the rules over one snapshot."""
        facts = {name: _facts(view) for name, view in consumers.items()}
        report = self._engine.assess(snapshot, facts, self._clock.now(), other)
        return Assessment(
            tuple(self._problem(f, report.followers(f)) for f in report.findings),
            tuple(self._problem(f) for f in report.risks),
            _grouped(report.unknown),
        )

    def not_yet_told(self) -> tuple[Problem, ...]:
        """What was seen to be wrong and has not lasted long enough to be among the problems."""
        return tuple(replace(self._problem(f), watched=True) for f in self._engine.not_yet_told())

    def _problem(self, finding: Finding, followers: Sequence[Finding] = ()) -> Problem:
        runbook, params = self._runbook(finding)
        text = f"{finding.text} – likely: {finding.likely}" if finding.likely else finding.text
        text += _STANDING[finding.standing]
        return Problem(
            id=finding.id,
            severity=Severity(finding.severity.value),
            object_kind=finding.kind,
            object_name=finding.name,
            short=finding.short,
            text=text,
            since=finding.since,
            since_at_least=finding.since_at_least,
            runbook=runbook,
            params=params,
            evidence=finding.evidence,
            confidence=finding.confidence.value,
            workloads=tuple({name: None for f in (finding, *followers) for name in f.workloads}),
            pods=tuple({name: None for f in (finding, *followers) for name in f.pods}),
            follows=tuple((f.id, f.short, f.text) for f in followers),
        )

    def _runbook(self, finding: Finding) -> tuple[str, Mapping[str, str]]:
        key = (finding.id, finding.short)
        if key not in self._known:
            # a finding about something shared, as a database, is answered on the workloads that suffer
            shorts = (finding.short, *(self._short(name) for name in finding.workloads))
            answers = (self._library.for_finding(finding.id, short) for short in dict.fromkeys(shorts))
            self._known[key] = next((each for each in answers if each), ("", {}))
        runbook, params = self._known[key]
        if finding.released or (not runbook and any(each.id == ROLLOUT for each in finding.explains)):
            # what fails are the pods of the newest release: going back to the last answers it, whatever it is
            found = self._library.for_finding(ROLLOUT, finding.short)
            runbook, params = found or (runbook, params)
        return runbook, params or {**finding.params}


ROLLOUT = "rollout-stuck"
_STANDING = {
    Standing.PRESENT: "",
    Standing.ENDING: " (seems to be over; watched a little longer)",
    Standing.UNCONFIRMED: " (last known; it cannot be seen now)",
}


def _grouped(unknown: tuple[Unknown, ...]) -> tuple[str, ...]:
    """One line per reason, with the checks that lack their data."""
    by_reason: dict[str, list[str]] = {}
    for each in unknown:
        by_reason.setdefault(each.reason, []).append(each.rule)
    return tuple(f"{', '.join(rules)}: {reason}" for reason, rules in by_reason.items())


def _facts(view: ConsumerView) -> ConsumerFacts:
    return ConsumerFacts(
        name=view.name,
        waiting=view.lag,
        unacknowledged=view.unacknowledged,
        connected=view.connected,
        rate_in=view.rate_in,
        rate_out=view.rate_out,
        redelivered_rate=view.redelivered,
        idle_since=view.idle_since,
        error_rate=view.errors,
    )
