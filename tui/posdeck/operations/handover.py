"""A session handed to somebody else: on the record, and told in words that can be sent to whoever takes it over."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from posdeck.audit.record import Note, Topic
from posdeck.errors import ConfigurationError
from posdeck.operations.session_view import fill_text, view_of
from posdeck.operations.view import StepState
from posdeck.runbooks.model import Decide

if TYPE_CHECKING:
    from posdeck.operations.driver import SessionDriver
    from posdeck.operations.view import SessionView
    from posdeck.operations.workshop import Workshop
    from posdeck.runbooks.session import Session

_SHOWN_ROWS = 8
_MARKS = {
    StepState.PASSED: "done",
    StepState.FAILED: "failed",
    StepState.CANNOT_TELL: "cannot tell",
    StepState.CANCELLED: "cancelled",
    StepState.RUNNING: "here",
    StepState.WAITING: "to come",
}


def receiver(to: str) -> str:
    """The name of who takes over. Raises ConfigurationError when there is none."""
    name = " ".join(to.split())
    if not name:
        raise ConfigurationError("handover", "names nobody", "Say who takes the session over: NAME.")
    return name


async def record_handover(workshop: Workshop, session: Session, to: str, note: str) -> None:
    """Put on record who hands which session to whom. Raises AuditError; then it is not handed over."""
    text = f"{session.runbook} handed over to {to}" + (f": {note}" if note else "")
    details = {"runbook": session.runbook, "step": session.step, "from": session.actor, "to": to}
    await _record(workshop, session, text, details)


async def record_takeover(workshop: Workshop, session: Session, by: str) -> None:
    """Put on record who has taken up a session that was handed over."""
    text = f"{session.runbook} taken over by {by} from {session.actor}"
    if session.handed_over_to not in {"", by}:
        text += f"; it was handed over to {session.handed_over_to}"
    details = {"runbook": session.runbook, "step": session.step, "from": session.actor, "to": by}
    await _record(workshop, session, text, details)


async def _record(workshop: Workshop, session: Session, text: str, details: dict[str, str]) -> None:
    standing = workshop.standing()
    note = Note(Topic.SESSION, text, standing.actor, standing.place, subject=session.id, details=details)
    await workshop.record(lambda store: store.append_note(note))


def brief(driver: SessionDriver, to: str, note: str, at: datetime) -> str:
    """What the next one has to know, as Markdown: where it stands, what was found and done, and how to go on. What
    it holds was redacted when it was collected."""
    view, session = view_of(driver), driver.session
    lines = [
        f"# Handover: {view.title}" + (f" – {view.target}" if view.target else ""),
        "",
        f"From {session.actor} to {to}, {at.astimezone(UTC):%Y-%m-%d %H:%M} UTC. Runbook `{session.runbook}`, "
        f"session `{session.id}`, begun {session.began.astimezone(UTC):%H:%M} UTC in "
        f"{session.environment or 'an unknown environment'} / {session.namespace}.",
        *(("", f"> {note}") if note else ()),
        "",
        "## The path",
        "",
        *_path(driver, view),
        "",
        "## Now",
        "",
        *_now(driver, view),
        *_found(view),
        "",
        "## Go on",
        "",
        f"- Here: `posdeck runbook resume {session.id}`, or `:resume {session.id[:8]}` in the interface. Sessions "
        "are stored for one user of one machine.",
        f"- Anywhere else, from its beginning: `{_anew(driver)}`",
        "- What was done is on record: `posdeck audit list`",
    ]
    return "\n".join(lines) + "\n"


def _path(driver: SessionDriver, view: SessionView) -> Iterator[str]:
    for number, step in enumerate(view.steps, 1):
        mark = "here" if step.id == view.current else _MARKS.get(step.state, step.state.value)
        answer = f" → {step.answer}" if step.answer else ""
        state = driver.session.steps.get(step.id)
        said = f". {state.summary}" if state is not None and state.summary else ""
        yield f"{number}. {step.title}{answer} ({mark}){said}"


def _waiting(driver: SessionDriver, view: SessionView) -> Iterator[str]:
    """Where a session stands that was only read from the store."""
    if driver.session.over or not view.current:
        yield f"The session is {view.status}."
        return
    step = driver.runbook.step(view.current)
    yield f"It waits at the step “{step.title}” ({driver.session.phase.value})."
    if isinstance(step, Decide):
        yield fill_text(driver, step.question)
        yield from (f"- {fill_text(driver, choice.label)}" for choice in step.choices)


def _now(driver: SessionDriver, view: SessionView) -> Iterator[str]:
    if view.question is not None:
        yield f"A question waits: {view.question.text}"
        for choice in view.question.choices:
            why = f" – suggested: {choice.because or 'by the evidence'}" if choice.suggested else ""
            yield f"- {choice.label}{why}"
    elif view.confirmation is not None:
        asked = view.confirmation
        yield f"An act waits to be confirmed and is planned anew by whoever takes over: {asked.title}"
        yield from (f"- {each}" for each in asked.will)
        yield from (f"- Warning: {each}" for each in asked.warnings)
    else:
        yield from _waiting(driver, view)
    if view.message:
        yield from ("", *view.message.splitlines())


def _found(view: SessionView) -> Iterator[str]:
    for each in view.evidence:
        yield from ("", f"## Found: {each.title}", "")
        yield from (f"- {notice}" for notice in each.notice)
        rows = ["  ".join(row) for row in (each.columns, *each.rows)] if each.columns else []
        rows += each.text.splitlines()
        if rows:
            shown = rows[:_SHOWN_ROWS] if each.columns else rows[-_SHOWN_ROWS:]
            yield from ("```", *(line.replace("```", "'''") for line in shown), "```")
            if len(rows) > len(shown):
                yield f"{len(shown)} of {len(rows)} lines; the whole is kept as `{each.digest[:12]}`."


def _anew(driver: SessionDriver) -> str:
    """The command that begins the same runbook with the same parameters and answers."""
    session = driver.session
    words = ["posdeck", "runbook", "run", session.runbook]
    for name, value in session.params.items():
        words += ["--param", f"{name}={value}"]
    for step in driver.runbook.steps:
        state = session.steps.get(step.id)
        if isinstance(step, Decide) and state is not None and state.choice:
            words += ["--answer", f"{step.id}={state.choice}"]
    return shlex.join(words)
