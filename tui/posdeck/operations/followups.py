"""What may follow an act: who was told, and the ticket and contacts that a mitigation owes within its grace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from posdeck.audit.reading import AuditReader
from posdeck.audit.record import Actor, Intent, Note, Place, Record, RecordKind, Result, Topic, intent_of
from posdeck.audit.sqlite import AuditStore
from posdeck.catalogue.policy import Policy
from posdeck.errors import PosdeckError

if TYPE_CHECKING:
    from posdeck.operations.gate import Permit
    from posdeck.operations.workshop import Workshop

LOOKED_BACK = timedelta(days=31)
_NOTHING = frozenset({Result.NOTHING_CHANGED, Result.REFUSED})


@dataclass(frozen=True, slots=True)
class Obligation:
    """What one act still owes: ``ticket``, and the ``contacts`` (ids) to tell; ``due`` is aware."""

    record_id: str
    sequence: int
    act: str
    target: str
    who: str
    environment: str
    at: datetime
    due: datetime
    ticket: bool
    contacts: tuple[str, ...]

    @property
    def text(self) -> str:
        """What is asked for, with the command that supplies it."""
        what = (["a ticket"] if self.ticket else []) + [f"word to {who}" for who in self.contacts]
        options = (["--ticket ID"] if self.ticket else []) + [f"--informed {who}" for who in self.contacts]
        return (
            f"{self.act} {self.target} owes {' and '.join(what)} by {self.due.astimezone(UTC):%H:%M} UTC: "
            f"posdeck audit follow-up {self.record_id[:8]} {' '.join(options)}"
        )

    def as_json(self, now: datetime) -> dict[str, Any]:
        """For -o json."""
        return {
            "record": self.record_id,
            "sequence": self.sequence,
            "act": self.act,
            "target": self.target,
            "who": self.who,
            "environment": self.environment,
            "at": self.at.isoformat(),
            "due": self.due.isoformat(),
            "overdue": now > self.due,
            "ticket": self.ticket,
            "contacts": list(self.contacts),
        }


def owed(store: AuditReader, policies: Mapping[str, Policy], now: datetime) -> list[Obligation]:
    """What acts of the last month still owe, oldest first. ``policies`` are by environment; an act in an unknown
    one owes nothing that is known here. Blocks on the disk."""
    since = now - LOOKED_BACK
    supplied: dict[str, tuple[bool, frozenset[str]]] = {}
    for note in store.records(RecordKind.NOTE, since=since):
        content = note.content
        if content.get("topic") == Topic.FOLLOW_UP:
            details = content.get("details") or {}
            had_ticket, had = supplied.get(note.subject, (False, frozenset()))
            told = frozenset(str(w) for w in details.get("informed") or ())
            supplied[note.subject] = (had_ticket or bool(details.get("ticket")), had | told)
    found = []
    for record in store.records(RecordKind.INTENT, since=since):
        intent = intent_of(record)
        policy = policies.get(intent.place.environment)
        outcome = store.outcome_of(intent.id)
        if policy is None or (outcome is not None and outcome.result in _NOTHING):
            continue
        one = _obligation(intent, policy, record.at, record.sequence, *supplied.get(intent.id, _NONE))
        if one is not None:
            found.append(one)
    return found


_NONE: tuple[bool, frozenset[str]] = (False, frozenset())


def asked_for(permits: Sequence[Permit], policy: Policy, result: Result, now: datetime) -> tuple[str, ...]:
    """The obligations of an act that has just ended, in words."""
    if result in _NOTHING:
        return ()
    found = (_obligation(p.intent, policy, now, 0, *_NONE) for p in permits)
    return tuple(one.text for one in found if one is not None)


def follow_up(
    store: AuditStore, record: Record, ticket: str, informed: Sequence[str], actor: Actor, place: Place
) -> Record:
    """Supply afterwards what an act owes. Raises PosdeckError when the record is no act, or nothing is given."""
    if record.kind != RecordKind.INTENT:
        raise PosdeckError(
            f"record {record.sequence}",
            f"is no act but a {record.kind}",
            "posdeck audit owed lists the acts.",
        )
    if not ticket.strip() and not informed:
        raise PosdeckError(
            f"record {record.sequence}", "nothing is supplied", "Name --ticket ID or --informed CONTACT."
        )
    parts = ([f"ticket {ticket.strip()}"] if ticket.strip() else []) + [f"{who} told" for who in informed]
    details = {"ticket": ticket.strip(), "informed": list(informed)}
    return store.append_note(
        Note(Topic.FOLLOW_UP, ", ".join(parts), actor, place, subject=record.id, details=details)
    )


async def record_informed(workshop: Workshop, who: Sequence[str], session_id: str) -> None:
    """Put on record whom somebody says to have told."""
    standing = workshop.standing()
    for each in who:
        text = f"{each} was told"
        note = Note(
            Topic.CONTACT_INFORMED,
            text,
            standing.actor,
            standing.place,
            session_id,
            details={"contact": each},
        )
        await workshop.record(lambda store, n=note: store.append_note(n))  # type: ignore[misc]


def _obligation(
    intent: Intent,
    policy: Policy,
    at: datetime,
    sequence: int,
    has_ticket: bool,
    told: frozenset[str],
) -> Obligation | None:
    """None when nothing is owed. What takes an act back is covered by what that act owes."""
    if intent.rollback_of:
        return None
    ticket = policy.ticket_required and not intent.ticket.strip() and not has_ticket
    contacts = tuple(w for w in policy.inform if w not in intent.informed and w not in told)
    if not ticket and not contacts:
        return None
    return Obligation(
        record_id=intent.id,
        sequence=sequence,
        act=intent.act,
        target=intent.target.short or intent.target.name,
        who=intent.actor.kubernetes_user or intent.actor.user,
        environment=intent.place.environment,
        at=at,
        due=at + timedelta(minutes=policy.mitigation_grace_minutes),
        ticket=ticket,
        contacts=contacts,
    )
