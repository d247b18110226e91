"""Sessions that wait on disk: which there are, who has them, and whether they belong to what is open here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from posdeck.errors import AuditError, PosdeckError
from posdeck.operations.looking import read_back
from posdeck.operations.session_view import summary_of
from posdeck.operations.view import ELSEWHERE, STORED, Evidence

if TYPE_CHECKING:
    from posdeck.audit.sqlite import AuditStore
    from posdeck.operations.session_store import SessionStore
    from posdeck.operations.view import SessionSummary
    from posdeck.operations.workshop import Workshop
    from posdeck.runbooks.model import Runbook
    from posdeck.runbooks.session import Session

Place = tuple[str, str, str]  # environment, cluster and namespace; empty where it is not known


def other_place(session: Session, here: Place) -> str:
    """Where the session belongs, in words, when that is not here; what is not known on one side fits."""
    there = (session.environment, session.cluster, session.namespace)
    if not any(a and b and a != b for a, b in zip(there, here, strict=True)):
        return ""
    words = [session.environment, session.namespace]
    if session.environment == here[0] and session.namespace == here[2]:
        words.append(f"cluster {session.cluster}")
    return " / ".join(word for word in words if word)


def refuse_elsewhere(session: Session, here: Place) -> None:
    """Raise PosdeckError for a session that belongs to another place: its answers and plans were about that."""
    place = other_place(session, here)
    if place:
        raise PosdeckError(
            f"session {session.id}",
            f"was begun in {place}, and this is {here[0]} / {here[2]}",
            "Take it up there (:env, :ns or :ctx go there), or begin the runbook anew here.",
        )


def summaries(store: SessionStore, titles: Mapping[str, str], here: Place) -> tuple[SessionSummary, ...]:
    """The open sessions on disk, newest first, with who carries them on."""
    return tuple(
        summary_of(
            session,
            titles.get(session.runbook, session.runbook),
            ELSEWHERE if store.claimed_elsewhere(session.id) else STORED,
            other_place(session, here),
        )
        for session in store.open_sessions()
    )


def _text(digest: str, store: AuditStore) -> str | None:
    return store.read_evidence(digest)


async def kept_evidence(workshop: Workshop, runbook: Runbook, session: Session) -> list[Evidence]:
    """What a session found before it was left, read from the record; what cannot be read says so in its place."""
    found: list[Evidence] = []
    for step in runbook.steps:
        state = session.steps.get(step.id)
        if state is None or not state.digest:
            continue
        digest = state.digest
        try:
            text = await workshop.record(partial(_text, digest))
        except AuditError as error:
            found.append(Evidence(step.id, step.title, text=str(error), digest=digest))
            continue
        if text is None:
            found.append(Evidence(step.id, step.title, text="It was erased from the record.", digest=digest))
        else:
            found += [replace(each, digest=digest) for each in read_back(step.id, text)]
    return found
