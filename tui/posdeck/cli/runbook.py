"""``posdeck runbook``: the library, its lint and schema, and guided procedures without a screen."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posdeck.cli.audit import print_columns
from posdeck.cli.options import Options, connection_options, output_option
from posdeck.cli.unattended import Unattended
from posdeck.errors import PosdeckError, RefusedError

if TYPE_CHECKING:
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.view import SessionView

NOT_RUN, INTERRUPTED = 5, 130


@click.group()
def runbook() -> None:
    """List, read, check and run runbooks."""


@runbook.command("list")
@connection_options
@output_option("table", "json")
def list_runbooks(options: Options, output: str) -> None:
    """The library."""
    from posdeck.operations.library import as_json

    library = _library(options)
    summaries = library.summaries()
    if output == "json":
        click.echo(json.dumps([as_json(s) for s in summaries], indent=2))
    else:
        rows = [
            (s.id, s.kind, "changes" if s.changes else "reads", ", ".join(s.params) or "–", s.title)
            for s in summaries
        ]
        print_columns([("ID", "KIND", "DOES", "PARAMETERS", "TITLE"), *rows])
    for problem in library.library.problems:
        click.echo(f"left out: {problem}", err=True)


@runbook.command()
@click.argument("runbook_id", metavar="ID")
@connection_options
def show(options: Options, runbook_id: str) -> None:
    """A runbook as a document (Markdown), for when nothing works but a terminal."""
    click.echo(_library(options).markdown(runbook_id))


@runbook.command()
def schema() -> None:
    """The JSON Schema of a runbook, for editors."""
    from posdeck.runbooks.schema import schema_text

    click.echo(schema_text(), nl=False)


@runbook.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False))
@connection_options
def lint(options: Options, folder: Path | None) -> None:
    """Say what is wrong in the runbooks and the playbooks they name: file, line, rule, remedy. Exit 1 if anything."""
    from datetime import UTC, datetime

    from posdeck.runbooks.loading import load_library
    from posdeck.runbooks.validation import LintContext
    from posdeck.runbooks.validation import lint as lint_library

    library = _library(options)
    catalogue = library.catalogue
    found = load_library(folder or library.folders.runbooks)
    beside = (folder.parent / "playbooks") if folder else library.folders.playbooks
    context = LintContext(
        playbooks=beside if beside.is_dir() else library.folders.playbooks,
        today=datetime.now(UTC).date(),
        groups={name: set(g.members) for name, g in catalogue.groups.items()}
        | {"all": set(catalogue.workloads)},
        contacts=set(catalogue.contacts),
    )
    problems = lint_library(found, context)
    for problem in problems:
        click.echo(str(problem))
    click.echo(f"{len(found.loaded)} runbooks, {len(problems)} problems")
    raise click.exceptions.Exit(1 if problems else 0)


@runbook.command()
@connection_options
@output_option("table", "json")
def sessions(options: Options, output: str) -> None:
    """The sessions that are not over: of a crash, a lost terminal, or waiting for somebody."""
    from posdeck.config import state_folder
    from posdeck.operations.session_store import SessionStore
    from posdeck.operations.session_view import summary_of

    store = SessionStore(state_folder())
    found = [summary_of(s, s.runbook) for s in store.open_sessions()]
    if output == "json":
        keys = ("id", "runbook", "target", "status", "step", "who", "handed_to")
        click.echo(json.dumps([{k: getattr(s, k) for k in keys} for s in found], indent=2))
        return
    rows = [(s.id, s.runbook, s.target or "–", s.status, s.step, s.who, s.handed_to or "–") for s in found]
    print_columns(
        [("ID", "RUNBOOK", "TARGET", "STATUS", "STEP", "WHO", "FOR"), *rows]
    ) if rows else click.echo("None.")
    for path in store.damaged():
        click.echo(f"cannot be read: {path}", err=True)


def _confirm_options(command: Any) -> Any:
    for option in (
        click.option("--confirm", default="", metavar="NAME", help="Confirm the act on NAME."),
        click.option("--reason", default="", help="Why."),
        click.option("--ticket", default="", help="The ticket it belongs to."),
        click.option(
            "--break-glass", default="", metavar="REASON", help="Set a policy aside, loudly and on record."
        ),
        click.option(
            "--informed", multiple=True, metavar="CONTACT", help="Who has been told (an id of the inventory)."
        ),
        click.option("--timeout", type=float, default=20.0, show_default=True, help="Seconds to connect."),
        connection_options,
        output_option("table", "json"),
    ):
        command = option(command)
    return command


def _run_options(command: Any) -> Any:
    for option in (
        click.option("--param", multiple=True, metavar="NAME=VALUE", help="A parameter of the runbook."),
        click.option("--answer", multiple=True, metavar="STEP=CHOICE", help="The answer to a decision."),
        click.option("--rollback", is_flag=True, help="Take an act back by itself when it fails."),
    ):
        command = option(command)
    return _confirm_options(command)


@runbook.command()
@click.argument("runbook_id", metavar="ID")
@click.option("--check", is_flag=True, help="Look and preview only: nothing is changed.")
@_run_options
def run(options: Options, runbook_id: str, check: bool, output: str, **given: Any) -> None:
    """Carry a runbook out without a screen; with --check, look and print what its acts would do.

    Decisions take --answer, else what the evidence suggests, else the runbook's own choice for an unattended run.
    Exit: 0 passed, 1 failed, 2 cannot tell, 3 refused, 4 cancelled, 5 not run.
    """
    work = Unattended(runbook_id, check=check, output=output, **given)
    raise click.exceptions.Exit(_finish(work, options))


@runbook.command()
@click.argument("session_id", metavar="SESSION")
@_run_options
def resume(options: Options, session_id: str, output: str, **given: Any) -> None:
    """Take a session up again after a crash, a lost terminal or a handover."""
    work = Unattended("", resume=session_id, output=output, **given)
    raise click.exceptions.Exit(_finish(work, options))


@runbook.command()
@click.argument("session_id", metavar="SESSION")
@click.option("--to", required=True, metavar="NAME", help="Who takes it over.")
@click.option("--note", default="", metavar="TEXT", help="What they have to know besides.")
@click.option("--timeout", type=float, default=20.0, show_default=True, help="Seconds to connect.")
@connection_options
def handover(options: Options, session_id: str, to: str, note: str, timeout: float) -> None:
    """Leave a session to somebody else, on record, and print the brief for them (Markdown).

    Whoever takes it up with resume is the actor of what follows; an act that waited is planned anew.
    """

    async def leave() -> str:
        from posdeck.cli.headless import console_of, live_view
        from posdeck.cluster.snapshot import Kind

        async with console_of(options) as console:
            await live_view(console, seconds=timeout, kinds=(Kind.PODS, Kind.DEPLOYMENTS))
            return await console.hand_over(session_id, to, note)

    click.echo(asyncio.run(leave()), nl=False)


@runbook.command()
@click.argument("session_id", metavar="SESSION")
@click.option("--step", default="", metavar="STEP", help="The act to take back; the last one if left out.")
@_confirm_options
def rollback(options: Options, session_id: str, step: str, output: str, **given: Any) -> None:
    """Take back what an act of a session did, with a preview, a confirmation and a record of its own.

    Refused when somebody else changed the object since. Exit codes as of run, for the way back.
    """
    work = Unattended("", back=session_id, step=step, output=output, **given)
    raise click.exceptions.Exit(_finish(work, options))


def _finish(work: Unattended, options: Options) -> int:
    try:
        view = asyncio.run(work.carry_out(options))
    except KeyboardInterrupt:
        return INTERRUPTED
    except PosdeckError as error:
        if work.output == "json":
            click.echo(json.dumps(_not_run(error), indent=2))
        else:
            click.echo(f"posdeck: {error}", err=True)
        return error.exit_code
    with contextlib.suppress(OSError):  # the terminal may be gone; what was done is on record
        _print(work, view)
    code = work.exit_code(view)
    return NOT_RUN if code is None else code


def _not_run(error: PosdeckError) -> dict[str, str]:
    if isinstance(error, RefusedError):
        return {"status": "refused", "rule": error.rule, "error": str(error)}
    return {"status": "not run", "error": str(error)}


def _print(work: Unattended, view: SessionView) -> None:
    if work.output == "json":
        plans = [{"step": step, "title": title, "would": lines} for step, title, lines in work.plans]
        extra = {"plans": plans} if work.check else {}
        click.echo(json.dumps(session_json(view) | extra, indent=2, default=str))
    else:
        for _, title, lines in work.plans:
            click.echo("\n".join((f"would: {title}", *(f"  {line}" for line in lines))))
        for line in (view.result, view.message):
            if line:
                click.echo(line)
        if view.verification:
            click.echo(f"verification: {view.verification}")
        if view.next_offer:
            click.echo(f"next: posdeck runbook run {view.next_offer[0]} ({view.next_offer[1]})")


def session_json(view: SessionView) -> dict[str, Any]:
    """A session as JSON types."""
    return {
        "session": view.id,
        "runbook": view.runbook,
        "target": view.target,
        "status": view.status,
        "exit_code": view.exit_code,
        "result": view.result or None,
        "verification": view.verification or None,
        "message": view.message or None,
        "steps": [
            {
                "id": s.id,
                "type": s.type,
                "title": s.title,
                "state": s.state.value,
                "seconds": s.seconds,
                "answer": s.answer or None,
            }
            for s in view.steps
        ],
        "evidence": [
            {
                "step": e.step,
                "title": e.title,
                "notice": list(e.notice),
                "digest": e.digest or None,
                "columns": list(e.columns),
                "rows": [list(r) for r in e.rows],
                "text": e.text or None,
            }
            for e in view.evidence
        ],
        "question": view.question.text if view.question else None,
        "preview": view.confirmation.diff if view.confirmation else None,
        "next": {"runbook": view.next_offer[0], "because": view.next_offer[1]} if view.next_offer else None,
    }


def _library(options: Options) -> RunbookLibrary:
    from posdeck.clock import SystemClock
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.opening import open_content

    opening = open_content(options.request())
    return RunbookLibrary(opening.folders, opening.catalogue, SystemClock())
