"""From a key to a runbook session: which runbook, for what, and its screen. Nothing is changed from here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from posdeck.errors import PosdeckError, RefusedError
from posdeck.operations.front import RunbookSummary
from posdeck.operations.view import HERE, SessionView
from posdeck.ui.actions import Action
from posdeck.ui.places import FORM_PLACE, SESSION_PLACE, back
from posdeck.ui.screens.form import FormPane
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.session import SessionPane
from posdeck.ui.series import MANY, ONE, Series, marked_subjects, members_of

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp


async def for_marked(app: PosdeckApp, action: Action) -> bool:
    """Do ``action`` for all marked rows, one session after the other; False when it is meant for one row."""
    table = app.console_screen.current.table()
    if table is None or len(table.list.marked) < 2 or action.id not in MANY | ONE:
        return False
    count = len(table.list.marked)
    if action.id in ONE:
        app.notice(f"{count} rows are marked, and {action.title} is for one at a time. ␣ unmarks.", "warn")
        return True
    members, missing = members_of(app.need_front(), action.id, marked_subjects(app, table))
    if missing:
        listed = ", ".join(missing)
        app.notice(f"Nothing was begun: no runbook does this to {listed}. ␣ unmarks.", "warn")
        return True
    table.list.marked.clear()
    table.redraw_all()
    await go_on(app, Series(members, -1))
    return True


async def go_on(app: PosdeckApp, series: Series) -> None:
    """Begin the session of the series' next member."""
    series.at += 1
    member = series.members[series.at]
    try:
        session = await app.need_front().open_session(member.runbook, member.params)
    except PosdeckError as refused:
        series.at -= 1
        app.notice(str(refused), "bad")
        return
    series.session = session.id
    app.series = series
    await show_session(app, session.id)


async def runbook_for(app: PosdeckApp, subject: Subject) -> None:
    """Open the runbook that fits: the problem's own, else the one for the workload's state."""
    problem = subject.problem
    if problem is not None and problem.runbook:
        await begin(app, problem.runbook, problem.params)
        return
    try:
        found = app.need_front().runbook_for(subject.short)
    except PosdeckError as refused:
        app.notice(str(refused), "bad")
        return
    if found is None:
        app.notice(f"No runbook fits {subject.short or subject.name}. 8 lists the library.", "warn")
        return
    await begin(app, found[0], found[1])


async def restart(app: PosdeckApp, subject: Subject) -> None:
    """Straight to the restart of what is selected; its evidence is kept before anything is changed."""
    found = app.need_front().restart_for(subject.short)
    if found is None:
        app.notice(f"No operation restarts {subject.short or subject.name}. 8 lists the library.", "warn")
        return
    await begin(app, found[0], found[1], straight=True)


async def begin(app: PosdeckApp, runbook: str, params: Mapping[str, str], *, straight: bool = False) -> None:
    """Begin a session and show it, asking first for the parameters that are still open; a refusal is said and
    nothing else happens."""
    try:
        summary = next((r for r in app.need_front().runbooks() if r.id == runbook), None)
        if summary is not None and any(ask.name not in params for ask in summary.asks):
            await _ask(app, summary, params)
            return
        session = await app.need_front().open_session(runbook, params, straight=straight)
    except PosdeckError as refused:
        app.notice(str(refused), "bad")
        return
    await show_session(app, session.id)


async def _ask(app: PosdeckApp, runbook: RunbookSummary, given: Mapping[str, str]) -> None:
    if app.trail[-1] != FORM_PLACE:
        app.trail.append(FORM_PLACE)
    pane = await app.console_screen.enter(FORM_PLACE, FormPane)
    await pane.open(runbook, given)


async def hand_over(app: PosdeckApp, said: str) -> None:
    """Leave the session on screen to somebody else: ``NAME`` and what they have to know besides. The brief for them
    goes to the clipboard."""
    pane = app.console_screen.current
    session = pane.session if isinstance(pane, SessionPane) else None
    to, _, note = said.partition(" ")
    if session is None or not to:
        what = "names nobody" if session is not None else "is for the session on screen; :sessions lists them"
        app.notice(f":handover {what}. :handover NAME [what they have to know]", "warn")
        if session is not None:
            app.console_screen.prompt.open(":", "handover ")  # what is typed next is the name, and no answer
        return
    try:
        brief = await app.need_front().hand_over(session.id, to, note.strip())
    except PosdeckError as refused:
        app.notice(str(refused), "bad")
        return
    await back(app)
    app.copy_to_clipboard(brief)
    app.notice(
        f"Handed over to {to}, on the record. The brief for them was copied; :resume {session.id[:8]} takes it up."
    )


async def show_session(app: PosdeckApp, session_id: str) -> None:
    """Go to a session as it stands; one that is only stored is taken up again."""
    known = next((s for s in app.scene.view.sessions if s.id == session_id), None)
    try:
        if known is not None and known.held != HERE:
            session = await app.need_front().resume_session(session_id)
        else:
            session = app.need_front().session(session_id)
    except PosdeckError as problem:
        app.notice(str(problem), "bad")
        return
    if app.trail[-1] != SESSION_PLACE:
        app.trail.append(SESSION_PLACE)
    pane = await app.console_screen.enter(SESSION_PLACE, SessionPane)
    pane.session = None
    pane.take(session)
    app.console_screen.header.show(app.scene, place=pane.place())


async def procedure(app: PosdeckApp, action: Action, subject: Subject) -> None:
    """An act that is a runbook of its own; when the library lacks it, the command is shown instead."""
    summary = next((r for r in app.need_front().runbooks() if r.id == action.procedure), None)
    if summary is None:
        refused = RefusedError(
            "no-procedure",
            subject.short or subject.name,
            f"the library has no runbook {action.procedure}, and nothing is changed without one",
            "Write one, or use kubectl, which leaves no record here.",
            kubectl=_kubectl(app, action, subject),
        )
        app.notice(str(refused), "warn")
        return
    known = {"workload": subject.short}
    if subject.resource == "pods":
        known["pod"] = subject.name
    await begin(app, summary.id, {name: known[name] for name in summary.params if known.get(name)})


def not_here(app: PosdeckApp, action: Action, subject: Subject) -> None:
    reasons = {
        "edit": "No editing here: it would change the cluster unseen by the record.",
        "shell": "No shell here: what is done in it would be unseen by the record.",
    }
    app.notice(f"{reasons[action.id]} The command is: {_kubectl(app, action, subject)}", "warn")


def _kubectl(app: PosdeckApp, action: Action, subject: Subject) -> str:
    """The command that the key stands for."""
    namespace = app.scene.snapshot.connection.namespace or "NAMESPACE"
    start = f"kubectl -n {namespace}"
    if action.id == "edit":
        return f"{start} edit {subject.resource}/{subject.name}"
    if action.id == "shell":
        return f"{start} exec -it {subject.name} -- sh"
    if action.id == "scale":
        return f"{start} scale deployment/{subject.deployment} --replicas=N"
    return f"{start} delete pod/{subject.name}"


def show_state(app: PosdeckApp, session: SessionView) -> None:
    """Draw a session's new state where it is open."""
    pane = app.console_screen.pane("session")
    if isinstance(pane, SessionPane) and pane.session is not None and pane.session.id == session.id:
        pane.take(session)
        if app.console_screen.current is pane:
            app.console_screen.header.show(app.scene, place=pane.place())
