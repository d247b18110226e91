"""What posdeck itself can verify or read for a runbook, beside playbooks; operations performs them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in check or reading: its id in YAML, what it says, and the facts that a reading brings."""

    id: str
    says: str
    facts: tuple[str, ...] = ()


CHECKS: tuple[BuiltIn, ...] = (
    BuiltIn("rollout-complete", "every replica is of the new revision and available"),
    BuiltIn("processing-again", "messages are being acknowledged again, or nothing waits"),
    BuiltIn("pods-ready", "as many pods are ready as the deployment wants"),
    BuiltIn("api-answers", "the main API answers a request with success"),
    BuiltIn("hpa-within-bounds", "the HPA has readings, can scale, and is not held at a limit"),
    BuiltIn("collector-sending", "the collector hands on what it accepts, without new failures"),
)

READINGS: tuple[BuiltIn, ...] = (
    BuiltIn(
        "queue-numbers",
        "waiting and unacknowledged messages, rates and consumers of the workload's queue",
        ("waiting", "unacknowledged", "consumers", "rate_in", "rate_out", "redelivered_rate"),
    ),
)

# what a preview notes of the target for its rollback, as {{ before.name }}; operations fills Plan.before
BEFORE: tuple[BuiltIn, ...] = (
    BuiltIn("replicas", "spec.replicas of the deployment"),
    BuiltIn("revision", "the revision of the deployment that runs"),
    BuiltIn("hpa_minimum", "minReplicas of the HPA"),
    BuiltIn("hpa_maximum", "maxReplicas of the HPA"),
    BuiltIn("manifest", "what brings an object back that the act deletes"),
)

BEFORE_NAMES: frozenset[str] = frozenset(each.id for each in BEFORE)
CHECK_IDS: frozenset[str] = frozenset(check.id for check in CHECKS)
READING_IDS: frozenset[str] = frozenset(reading.id for reading in READINGS)
READING_FACTS: dict[str, frozenset[str]] = {reading.id: frozenset(reading.facts) for reading in READINGS}
