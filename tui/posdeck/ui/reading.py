"""Going deeper into what is selected, without changing anything: logs, objects, problems, records, runbooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from posdeck.operations.front import LogRequest
from posdeck.ui.places import text_place
from posdeck.ui.plain import plain
from posdeck.ui.procedures import show_session
from posdeck.ui.rows.cells import Line
from posdeck.ui.scene import Scene
from posdeck.ui.screens.findings import OVER, problem_lines
from posdeck.ui.screens.help import help_lines
from posdeck.ui.screens.logs import TAIL, LogsPane
from posdeck.ui.screens.pane import Subject
from posdeck.ui.tones import Tone
from posdeck.ui.views import VIEWS

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp


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
        if not found:
            found.update(await app.need_front().object(subject.resource, subject.name))
        return yaml_lines(found, managed=managed) if as_yaml else describe_lines(found, app.scene)

    title = f"{'YAML' if as_yaml else 'Describe'} {subject.resource}/{subject.name}"

    def show() -> None:
        pane.open(title, load, subject=subject, fold=fold if as_yaml else None, renew=renew)

    def fold() -> None:
        nonlocal managed
        managed = not managed
        show()

    def renew() -> None:
        found.clear()
        show()

    show()
    app.keys_changed()


async def open_owner(app: PosdeckApp, subject: Subject) -> None:
    """The deployment that a pod, a revision or a finding belongs to, in its place among the others."""
    await app.go("workloads")
    pane = app.console_screen.current
    table = pane.table()
    if table is not None and not table.select(subject.deployment):
        pane.set_filter("")
        table.select(subject.deployment)


async def open_selected(app: PosdeckApp, subject: Subject) -> None:
    """Enter: one level deeper than what is selected."""
    if subject.session:
        await show_session(app, subject.session)
    elif subject.record:
        await _read_record(app, subject.record)
    elif subject.problem is not None:
        await _read_problem(app, subject)
    elif subject.resource == "deployments":
        await app.go("pods")
        app.console_screen.current.drill(subject.deployment)
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


async def read_runbook(app: PosdeckApp, runbook: str) -> None:
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

    def live(scene: Scene) -> Sequence[Line]:
        view = scene.view
        told = [p for p in (*view.problems, *view.watched, *view.risks) if p.key == problem.key]
        return problem_lines(told[0], scene) if told else [*OVER, *problem_lines(problem, scene)]

    async def load() -> Sequence[Line]:
        return live(app.scene)

    pane.open(f"Problem {problem.id} · {problem.short}", load, subject=subject, live=live)
