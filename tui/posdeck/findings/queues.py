"""What the queue rules have in common: which consumers are to be judged, and why some cannot be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from posdeck.catalogue.model import Workload
from posdeck.findings.consumer_facts import ConsumerFacts
from posdeck.findings.model import Unknown
from posdeck.findings.situation import Situation
from posdeck.findings.wording import moment, number
from posdeck.telemetry.reading import Absence, Reading

CONSUMERS = "consumers"

_WHY = {
    Absence.NO_SOURCE: "no source is configured in the inventory",
    Absence.NOT_YET: "there is no reading yet",
    Absence.NO_SERIES: "the source has no such series",
    Absence.UNREACHABLE: "the source does not answer",
    Absence.INVALID: "the source's answer is no usable number",
    Absence.NO_CONSUMER: "nobody consumes the queue",
}


def consumers(situation: Situation) -> Iterator[tuple[Workload, ConsumerFacts]]:
    """The consumers of the catalogue with what is measured of them, in the catalogue's order."""
    for workload in situation.catalogue.workloads.values():
        facts = situation.consumers.get(workload.name)
        if facts is not None and (
            CONSUMERS in workload.groups or facts.waiting.absence is not Absence.NO_SOURCE
        ):
            yield workload, facts
        elif CONSUMERS in workload.groups:
            yield workload, ConsumerFacts(workload.name)


def cannot_tell(rule: str, workload: Workload, measure: str, reading: Reading) -> Unknown:
    """That a rule lacks a measure of a consumer, and why."""
    why = _WHY.get(reading.absence, "") if reading.absence else ""
    return Unknown(
        rule, f"{measure} not known: {why or reading.reason or 'there is no reading'}", (workload.name,)
    )


def evidence(facts: ConsumerFacts) -> list[tuple[str, str]]:
    """Every measure of a consumer with its value, or why there is none."""
    measures: Sequence[tuple[str, Reading]] = (
        ("waiting messages", facts.waiting),
        ("unacknowledged messages", facts.unacknowledged),
        ("connected consumers", facts.connected),
        ("arriving per second", facts.rate_in),
        ("acknowledged per second", facts.rate_out),
        ("redelivered per second", facts.redelivered_rate),
    )
    found = [(name, shown(reading)) for name, reading in measures if reading.absence is not Absence.NO_SOURCE]
    if facts.idle_since is not None:
        found.append(("nothing acknowledged since", moment(facts.idle_since)))
    return found


def shown(reading: Reading) -> str:
    """A reading's number, or why there is none."""
    if reading.value is not None:
        return number(reading.value)
    return (_WHY.get(reading.absence, "") if reading.absence else "") or reading.reason or "not known"
