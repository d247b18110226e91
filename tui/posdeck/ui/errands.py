"""What actions do beyond the place they were pressed in: going somewhere, opening logs, objects, runbooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from posdeck.errors import PosdeckError, RefusedError
from posdeck.operations.front import LogRequest, RunbookSummary
from posdeck.ui.actions import Action, key_text
from posdeck.ui.leaving import leave_if_meant
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.screens.form import FormPane
from posdeck.ui.screens.forwards import forward_subject
from posdeck.ui.screens.help import help_lines
from posdeck.ui.screens.kinds import PLACE as KIND_PLACE
from posdeck.ui.screens.kinds import KindPane
from posdeck.ui.screens.logs import TAIL, LogsPane
from posdeck.ui.screens.pane import Pane, Subject
from posdeck.ui.screens.revisions import compare_revisions
from posdeck.ui.screens.session import SessionPane
from posdeck.ui.screens.text import TextPane
from posdeck.ui.series import MANY, ONE, Series, marked_subjects, members_of
from posdeck.ui.tones import Tone
from posdeck.ui.views import VIEWS

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

TEXT_PLACE = "text"
SESSION_PLACE = "session"
FORM_PLACE = "form"
_PLACES: Mapping[str, type[Pane]] = {
    TEXT_PLACE: TextPane,
    SESSION_PLACE: SessionPane,
    FORM_PLACE: FormPane,
    KIND_PLACE: KindPane,
}


async def perform(app: PosdeckApp, action: Action, key: str) -> None:
    """Do ``action`` for what is selected."""
    subject = app.console_screen.current.subject()
    if action.id.startswith("view."):
        await app.go(action.id[5:])
    elif action.id == "quit":
        leave_if_meant(app, key_text(key))
    elif action.id in {"back", "session-back"}:
        await back(app)
    elif action.id in {"command", "filter"}:
        mode = ":" if action.id == "command" else "/"
        app.console_screen.prompt.open(mode, app.console_screen.current.filter.text if mode == "/" else "")
    elif action.id == "help":
        await show_help(app)
    elif action.id == "focus-next":
        app.console_screen.focus_next()
    elif action.id == "focus-previous":
        app.console_screen.focus_previous()
    elif action.id == "theme":
        change_theme(app)
    elif action.id == "redraw":
        app.console_screen.refresh(layout=True)
    elif action.id == "copy":
        _copy(app, subject)
    elif action.id == "start-runbook" and subject is not None:
        await begin(app, subject.runbook, {})
    elif action.id == "read-runbook" and subject is not None:
        await _read_runbook(app, subject.runbook)
    elif subject is not None and not await _for_marked(app, action):
        await _for_subject(app, action, subject)


async def _for_marked(app: PosdeckApp, action: Action) -> bool:
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


async def _for_subject(app: PosdeckApp, action: Action, subject: Subject) -> None:
    if action.id in {"logs", "previous-logs"}:
        await open_logs(app, subject, previous=action.id == "previous-logs")
    elif action.id in {"describe", "yaml"}:
        await open_object(app, subject, as_yaml=action.id == "yaml")
    elif action.id == "open":
        await _open(app, subject)
    elif action.id == "runbook":
        await runbook_for(app, subject)
    elif action.id == "restart":
        await restart(app, subject)
    elif action.procedure:
        await _procedure(app, action, subject)
    elif action.id == "port-forward":
        await forward_subject(app, subject)
    elif action.id == "compare":
        await compare_revisions(app, subject)
    elif action.id in {"edit", "shell"}:
        _not_here(app, action, subject)


def change_theme(app: PosdeckApp, name: str = "") -> None:
    """The theme of this name, or the next one."""
    from posdeck.ui.palettes import PALETTES
    from posdeck.ui.widgets.table import Table

    names = list(PALETTES)
    app.palette_name = name or names[(names.index(app.palette_name) + 1) % len(names)]
    app.theme = f"posdeck-{app.palette_name}"
    for table in app.console_screen.query(Table):
        table.redraw_all()
    for widget in app.console_screen.walk_children():
        widget.refresh()
    app.notice(f"theme: {app.palette_name}")


async def back(app: PosdeckApp) -> None:
    """Take the filter away, or go to where one was before."""
    place = app.console_screen.current
    if place.filter and (place.view_name not in _PLACES or place.view_name == KIND_PLACE):
        place.set_filter("")
        return
    if isinstance(place, LogsPane):
        place.close()
    if len(app.trail) > 1:
        app.trail.pop()
    name = app.trail[-1]
    if name in _PLACES:
        await app.console_screen.enter(name, _PLACES[name])
        pane = app.console_screen.current
        if isinstance(pane, SessionPane):
            app.console_screen.header.show(app.scene, place=pane.place())
        return
    await app.go(name)


async def text_place(app: PosdeckApp) -> TextPane:
    """The place for one text."""
    if app.trail[-1] != TEXT_PLACE:
        app.trail.append(TEXT_PLACE)
    return await app.console_screen.enter(TEXT_PLACE, TextPane)


async def show_help(app: PosdeckApp) -> None:
    """The keys of the place one is in."""
    actions = app.keys.applying(app.console_screen.current.scopes())
    lines = help_lines(actions, [(view.name, view.aliases, view.shows) for view in VIEWS])
    name = app.console_screen.current.view_name
    pane = await text_place(app)

    async def load() -> Sequence[Line]:
        return lines

    pane.open(f"Keys in {name}", load)


async def open_logs(
    app: PosdeckApp, subject: Subject, deployments: tuple[str, ...] = (), *, previous: bool = False
) -> None:
    """Follow the pods of what is selected, and those that its deployments get later."""
    if not subject.pods:
        app.notice(f"{subject.short or subject.name} has no pods, so there are no logs.", "warn")
        return
    if app.trail[-1] != "logs":
        app.trail.append("logs")
    pane = await app.console_screen.enter("logs", LogsPane)
    whole = subject.resource != "pods" and subject.deployment
    deployments = deployments or ((subject.deployment,) if whole and not previous else ())
    pane.open(
        subject,
        LogRequest(
            pods=subject.pods, follow=not previous, tail=TAIL, previous=previous, deployments=deployments
        ),
    )
    app.keys_changed()


async def open_object(app: PosdeckApp, subject: Subject, *, as_yaml: bool) -> None:
    """Read the object afresh and show it."""
    from posdeck.ui.rows.manifest import describe_lines, yaml_lines

    pane = await text_place(app)
    found: dict[str, Any] = {}
    managed = False

    async def load() -> Sequence[Line]:
        nonlocal found
        if not found:
            found = dict(await app.need_front().object(subject.resource, subject.name))
        return yaml_lines(found, managed=managed) if as_yaml else describe_lines(found, app.scene)

    title = f"{'YAML' if as_yaml else 'Describe'} {subject.resource}/{subject.name}"

    def fold() -> None:
        nonlocal managed
        managed = not managed
        pane.open(title, load, subject=subject, fold=fold)

    pane.open(title, load, subject=subject, fold=fold if as_yaml else None)
    app.keys_changed()


async def _open(app: PosdeckApp, subject: Subject) -> None:
    """Enter: one level deeper than what is selected."""
    if subject.session:
        await show_session(app, subject.session)
    elif subject.record:
        await _read_record(app, subject.record)
    elif subject.problem is not None:
        await _read_problem(app, subject)
    elif subject.resource == "deployments":
        await app.go("pods")
        app.console_screen.current.set_filter(subject.deployment)
    elif subject.resource == "pods":
        await open_logs(app, subject)
    else:
        await open_object(app, subject, as_yaml=False)


async def _read_record(app: PosdeckApp, record: str) -> None:
    from posdeck.ui.rows.manifest import value_lines

    pane = await text_place(app)

    async def load() -> Sequence[Line]:
        return value_lines(await app.need_front().audit_record(record))

    pane.open(f"Record {record}", load)


async def _read_runbook(app: PosdeckApp, runbook: str) -> None:
    """The runbook as a document."""
    front = app.need_front()
    pane = await text_place(app)

    async def load() -> Sequence[Line]:
        return [_document_line(raw) for raw in front.runbook_markdown(runbook).splitlines()]

    pane.open(f"Runbook {runbook} · :run {runbook} begins it", load)


def _document_line(raw: str) -> Line:
    return ((plain(raw, 4000), Tone.HEADING if raw.startswith("#") else Tone.NORMAL),)


async def _read_problem(app: PosdeckApp, subject: Subject) -> None:
    problem = subject.problem
    if problem is None:
        return
    pane = await text_place(app)
    lines: list[Line] = [
        ((plain(problem.text, 4000), Tone.STRONG),),
        (),
        (("object     ", Tone.ACCENT), (plain(f"{problem.object_kind}/{problem.object_name}"), Tone.NORMAL)),
        (("severity   ", Tone.ACCENT), (problem.severity.value, Tone.NORMAL)),
        (("since      ", Tone.ACCENT), (app.scene.clock(problem.since), Tone.NORMAL)),
        (
            ("way out    ", Tone.ACCENT),
            (f"b  {problem.runbook}" if problem.runbook else "none is known", Tone.NORMAL),
        ),
        (),
        (("EVIDENCE", Tone.HEADING),),
        *(
            ((f"  {plain(name):<28} ", Tone.ACCENT), (plain(value), Tone.NORMAL))
            for name, value in problem.evidence
        ),
    ]

    async def load() -> Sequence[Line]:
        return lines

    pane.open(f"Problem {problem.id} · {problem.short}", load, subject=subject)


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


async def show_session(app: PosdeckApp, session_id: str) -> None:
    """Go to a session as it stands."""
    try:
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


async def _procedure(app: PosdeckApp, action: Action, subject: Subject) -> None:
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


def _not_here(app: PosdeckApp, action: Action, subject: Subject) -> None:
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


def _copy(app: PosdeckApp, subject: Subject | None) -> None:
    if subject is None or not (subject.name or subject.runbook or subject.record):
        app.notice("Nothing is selected, so nothing was copied.", "warn")
        return
    text = subject.name or subject.runbook or subject.record
    app.copy_to_clipboard(text)
    app.notice(f"copied: {text}")
