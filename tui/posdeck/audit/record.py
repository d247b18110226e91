"""What the record says: who, where, what, why and how it ended, as frozen values with one canonical form.

Pure and light: the write plugins build these in Ansible's process. The chain hashes the canonical JSON made
here, so a change of a field's name or meaning is a new schema, never an edit of this one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, get_type_hints

from posdeck.errors import AuditError

SCHEMA = "posdeck.audit/v1"


class RecordKind(StrEnum):
    """What a record is; later versions may add kinds, readers keep those they do not know."""

    INTENT = "intent"
    OUTCOME = "outcome"
    REFUSAL = "refusal"
    NOTE = "note"
    EVIDENCE = "evidence"
    ERASURE = "erasure"


class ActClass(StrEnum):
    """``mitigate`` returns the service to what it was; ``change`` is everything else that writes."""

    MITIGATE = "mitigate"
    CHANGE = "change"


class Result(StrEnum):
    """How an act ended. An intent without an outcome reads as ``unknown`` too, once its process is gone."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    NOTHING_CHANGED = "nothing-changed"


class Verification(StrEnum):
    """Whether the cluster was seen to be as the act wanted it."""

    PASSED = "passed"
    FAILED = "failed"
    CANNOT_TELL = "cannot-tell"


class Topic(StrEnum):
    """What a note is about."""

    SESSION = "session"
    STEP = "step"
    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    COMMENT = "comment"
    ENVIRONMENT_BOUND = "environment-bound"
    REDACTION_LIFTED = "redaction-lifted"
    LOCK_TAKEN_OVER = "lock-taken-over"
    CONTACT_INFORMED = "contact-informed"
    FOLLOW_UP = "follow-up"  # a ticket or contact supplied after a mitigation
    EXEMPT_WRITE = "exempt-write"  # a Lease, an Event, an access review, a port-forward
    EXPORTED = "exported"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who. ``login_uid`` survives sudo and su (None where the system keeps none); the Kubernetes identity is
    what the API server says of us (SelfSubjectReview), empty where it would not say."""

    user: str
    uid: int | None = None
    login_uid: int | None = None
    kubernetes_user: str = ""
    kubernetes_groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where from (host, terminal, SSH client) and where to (API server, cluster, namespace, environment)."""

    host: str
    tty: str = ""
    ssh_connection: str = ""
    context: str = ""
    server: str = ""
    cluster_uid: str = ""
    namespace: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """The object, as it was before the act. ``name`` is the full name, ``short`` the catalogue's."""

    kind: str
    name: str
    short: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int | None = None
    resource_version: str = ""
    template_hash: str = ""
    revision: str = ""
    replicas: int | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A runbook or playbook as it was used; ``digest`` is of the file's bytes."""

    id: str
    digest: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """Tells a process from a later one that got the same pid: see ``posdeck.audit.origin.process_alive``."""

    pid: int
    start_time: str = ""
    boot_id: str = ""


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be done; committed before the change. ``preview_diff`` is redacted by the store,
    ``preview_digest`` is of the diff that the person saw, ``overrides`` are the rules that break-glass set
    aside, ``informed`` the contacts who were told."""

    id: str
    act: str
    act_class: ActClass
    actor: Actor
    place: Place
    target: Target
    process: Process
    runbook: Document | None = None
    playbook: Document | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    plan_digest: str = ""
    preview_digest: str = ""
    preview_diff: str = ""
    reason: str = ""
    ticket: str = ""
    kubectl: str = ""
    session_id: str = ""
    run_id: str = ""
    break_glass: bool = False
    overrides: tuple[str, ...] = ()
    informed: tuple[str, ...] = ()
    rollback_of: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an intent ended. ``settled`` means that a later start wrote it after the first process was lost;
    then ``process`` and ``actor`` are the settling ones. ``evidence`` holds digests."""

    intent_id: str
    result: Result
    verification: Verification = Verification.CANNOT_TELL
    generation_after: int | None = None
    template_hash_after: str = ""
    resource_version_after: str = ""
    message: str = ""
    duration_ms: int | None = None
    settled: bool = False
    process: Process | None = None
    actor: Actor | None = None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that the gate, or the cluster, did not let happen."""

    rule: str
    cause: str
    remedy: str
    act: str
    actor: Actor
    place: Place
    target: Target | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    runbook: Document | None = None
    reason: str = ""
    ticket: str = ""
    kubectl: str = ""
    session_id: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """Anything else that an auditor must find: see ``Topic``. ``subject`` names what it is about (an id)."""

    topic: Topic
    text: str
    actor: Actor
    place: Place
    subject: str = ""
    reason: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One link of the chain. ``body`` is canonical JSON text; ``subject`` repeats from it what is looked up
    by (the intent's id, an evidence digest); ``previous`` and ``hash`` are lower-case hex SHA-256."""

    sequence: int
    id: str
    at: datetime
    kind: str
    subject: str
    body: str
    previous: str
    hash: str

    @property
    def content(self) -> dict[str, Any]:
        """The body, parsed anew."""
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, UTF-8 as it is. Raises AuditError for what JSON
    cannot say exactly (NaN, infinity, keys that are no strings, foreign objects, lone surrogates)."""
    try:
        text = json.dumps(
            _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        text.encode()
    except (TypeError, ValueError) as error:
        raise AuditError("record", f"a value cannot be written exactly ({error})") from error
    return text


def _plain(value: Any) -> Any:
    """Dataclasses and mappings as dicts, sequences as lists; anything else is left to JSON to judge."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"key {key!r} is not a string")
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, StrEnum):
        return value.value
    return value


def plain(value: Any) -> dict[str, Any]:
    """A record value as a plain dict of JSON types, ready to be redacted and made canonical."""
    body: dict[str, Any] = _plain(value)
    return body


T = TypeVar("T")


def restore(kind: type[T], body: Mapping[str, Any]) -> T:
    """The value of type ``kind`` from a parsed body. Fields unknown here are left out, missing ones take
    their defaults; raises AuditError where a required one is missing or an enumeration's word is unknown."""
    try:
        return kind(**{n: _restored(options, body[n]) for n, options in _options(kind) if n in body})  # type: ignore[arg-type]
    except (TypeError, ValueError, AttributeError) as error:
        raise AuditError("record", f"a stored {kind.__name__.lower()} cannot be read ({error})") from error


@cache
def _options(kind: type[Any]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    """The fields of a kind with the types that each may have. Asked once: to evaluate the annotations takes longer
    than to read the record, and a gate reads those of an hour."""
    hints = get_type_hints(kind)
    return tuple(
        (each.name, getattr(hints[each.name], "__args__", ()) or (hints[each.name],)) for each in fields(kind)
    )


def _restored(options: tuple[Any, ...], value: Any) -> Any:
    if value is None:
        return None
    for option in options:
        if isinstance(option, type) and is_dataclass(option) and isinstance(value, Mapping):
            return restore(option, value)
        if isinstance(option, type) and issubclass(option, StrEnum):
            return option(value)
    return tuple(value) if isinstance(value, list) else value


def intent_of(record: Record) -> Intent:
    """The intent in an intent record."""
    return restore(Intent, record.content)


def outcome_of(record: Record) -> Outcome:
    """The outcome in an outcome record."""
    return restore(Outcome, record.content)


def format_time(moment: datetime) -> str:
    """UTC with microseconds and ``Z``; the moment must be aware."""
    if moment.tzinfo is None:
        raise AuditError("record", "a time without a zone cannot be recorded")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """The moment that ``format_time`` wrote; ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
