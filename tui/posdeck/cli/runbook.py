"""``posdeck runbook``: the library, its lint and schema, and guided procedures without a screen."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posdeck.cli.audit import print_columns
from posdeck.cli.options import Options, connection_options, output_option
from posdeck.errors import ConfigurationError, PosdeckError, RefusedError

if TYPE_CHECKING:
    from posdeck.operations.console import Console
    from posdeck.operations.driver import SessionDriver
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
        keys = ("id", "runbook", "target", "status", "step", "who")
        click.echo(json.dumps([{k: getattr(s, k) for k in keys} for s in found], indent=2))
        return
    rows = [(s.id, s.runbook, s.target or "–", s.status, s.step, s.who) for s in found]
    print_columns([("ID", "RUNBOOK", "TARGET", "STATUS", "STEP", "WHO"), *rows]) if rows else click.echo(
        "None."
    )
    for path in store.damaged():
        click.echo(f"cannot be read: {path}", err=True)


def _run_options(command: Any) -> Any:
    for option in (
        click.option("--param", multiple=True, metavar="NAME=VALUE", help="A parameter of the runbook."),
        click.option("--answer", multiple=True, metavar="STEP=CHOICE", help="The answer to a decision."),
        click.option("--confirm", default="", metavar="NAME", help="Confirm the act on NAME."),
        click.option("--reason", default="", help="Why."),
        click.option("--ticket", default="", help="The ticket it belongs to."),
        click.option(
            "--break-glass", default="", metavar="REASON", help="Set a policy aside, loudly and on record."
        ),
        click.option(
            "--informed", multiple=True, metavar="CONTACT", help="Who has been told (an id of the inventory)."
        ),
        click.option("--rollback", is_flag=True, help="Take an act back by itself when it fails."),
        click.option("--timeout", type=float, default=20.0, show_default=True, help="Seconds to connect."),
        connection_options,
        output_option("table", "json"),
    ):
        command = option(command)
    return command


@runbook.command()
@click.argument("runbook_id", metavar="ID")
@click.option("--check", is_flag=True, help="Look and preview only: nothing is changed.")
@_run_options
def run(options: Options, runbook_id: str, check: bool, output: str, **given: Any) -> None:
    """Carry a runbook out without a screen.

    Decisions take --answer, else what the evidence suggests, else the runbook's own choice for an unattended run.
    Exit: 0 passed, 1 failed, 2 cannot tell, 3 refused, 4 cancelled, 5 not run.
    """
    work = _Unattended(runbook_id, check=check, output=output, **given)
    raise click.exceptions.Exit(_finish(work, options))


@runbook.command()
@click.argument("session_id", metavar="SESSION")
@_run_options
def resume(options: Options, session_id: str, output: str, **given: Any) -> None:
    """Take a session up again after a crash, a lost terminal or a handover."""
    work = _Unattended("", resume=session_id, check=False, output=output, **given)
    raise click.exceptions.Exit(_finish(work, options))


def _finish(work: _Unattended, options: Options) -> int:
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
    return NOT_RUN if view.exit_code is None else view.exit_code


def _not_run(error: PosdeckError) -> dict[str, str]:
    if isinstance(error, RefusedError):
        return {"status": "refused", "rule": error.rule, "error": str(error)}
    return {"status": "not run", "error": str(error)}


def _print(work: _Unattended, view: SessionView) -> None:
    if work.output == "json":
        click.echo(json.dumps(session_json(view), indent=2, default=str))
    else:
        for line in (view.result, view.message):
            if line:
                click.echo(line)
        if view.verification:
            click.echo(f"verification: {view.verification}")
        if view.next_offer:
            click.echo(f"next: posdeck runbook run {view.next_offer[0]} ({view.next_offer[1]})")


class _Unattended:
    """One session driven by the options of the command line. A question that nothing answers ends it: it stays
    stored, and can be resumed with a screen."""

    def __init__(
        self,
        runbook_id: str,
        *,
        param: tuple[str, ...],
        answer: tuple[str, ...],
        confirm: str,
        reason: str,
        ticket: str,
        break_glass: str,
        informed: tuple[str, ...],
        rollback: bool,
        timeout: float,
        check: bool,
        output: str,
        resume: str = "",
    ) -> None:
        self.runbook_id = runbook_id
        self.params = _pairs("--param", param)
        self.answers = _pairs("--answer", answer)
        self.confirm, self.reason, self.ticket = confirm, reason, ticket
        self.break_glass, self.informed, self.rollback = break_glass, informed, rollback
        self.timeout, self.check, self.output, self.resume = timeout, check, output, resume
        self._told: set[tuple[str, str]] = set()
        self._stopped, self._cancelled = asyncio.Event(), False

    async def carry_out(self, options: Options) -> SessionView:
        """Connect, drive the session to its end or to a question without an answer, and leave."""
        from posdeck.cli.headless import console_of, live_view
        from posdeck.cluster.snapshot import Kind

        async with console_of(options) as console:
            await live_view(console, seconds=self.timeout, kinds=(Kind.PODS, Kind.DEPLOYMENTS), numbers=True)
            console.subscribe_sessions(self._tell)
            with self._stoppable():
                if self.resume:
                    view = await console.resume_session(self.resume)
                else:
                    view = await console.open_session(self.runbook_id, self.params, check_only=self.check)
                return await self._drive(console, view.id)

    @contextlib.contextmanager
    def _stoppable(self) -> Iterator[None]:
        """Ctrl-C, a request to end and a lost terminal stop what runs, as the step's on_cancel says."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._stopped.set)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def _quiet(self, driver: SessionDriver) -> None:
        """Until the session needs somebody or is over; when asked to stop, until nothing of it runs any more."""
        quiet = asyncio.ensure_future(driver.wait_until_quiet())
        stopped = asyncio.ensure_future(self._stopped.wait())
        try:
            await asyncio.wait((quiet, stopped), return_when=asyncio.FIRST_COMPLETED)
            if self._stopped.is_set() and not self._cancelled and not driver.finished.is_set():
                self._cancelled = True
                await driver.cancel("posdeck was asked to stop")
            await quiet
        finally:
            stopped.cancel()

    async def _drive(self, console: Console, session_id: str) -> SessionView:
        driver = console.driver(session_id)
        while not driver.finished.is_set():
            await self._quiet(driver)
            view = console.session(session_id)
            if driver.finished.is_set():
                break
            if self._cancelled and driver.session.phase.value not in {"telling", "offering"}:
                break  # what follows a stop is told, and nothing more is begun
            if view.confirmation is not None:
                await console.confirm(
                    session_id,
                    typed=self.confirm,
                    reason=self.reason,
                    ticket=self.ticket,
                    break_glass=self.break_glass,
                    informed=self.informed,
                )
            elif view.question is not None and (choice := self._choice(driver, view)):
                await console.answer(session_id, choice)
            elif driver.session.phase.value == "refused":
                break
            else:
                break
        await self._quiet(driver)
        return console.session(session_id)

    def _choice(self, driver: Any, view: SessionView) -> str:
        from posdeck.runbooks.conditions import unattended_choice
        from posdeck.runbooks.session import Phase

        assert view.question is not None
        phase, step = driver.session.phase, view.question.step
        if phase is Phase.REFUSED:
            return ""
        if phase is Phase.OFFERING:
            return "rollback" if self.rollback else "decline"
        if phase is Phase.TELLING:
            return self.answers.get(step, "later")
        if step in self.answers:
            return self.answers[step]
        asked = driver.showing.decision
        return unattended_choice(driver.runbook.step(step), asked.suggestion)

    def _tell(self, view: SessionView) -> None:
        """Progress on standard error, a line for each change; standard output keeps the result."""
        for step in view.steps:
            mark = (step.id, step.state.value)
            if step.state.value != "waiting" and mark not in self._told:
                self._told.add(mark)
                answer = f" → {step.answer}" if step.answer else ""
                with contextlib.suppress(OSError):  # a lost terminal must not disturb what goes on
                    click.echo(f"{step.state.value:>11}  {step.title}{answer}", err=True)


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


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise ConfigurationError(f"{option} {each}", "is not NAME=VALUE", f"Write {option} name=value.")
        found[name] = value
    return found


def _library(options: Options) -> RunbookLibrary:
    from posdeck.clock import SystemClock
    from posdeck.operations.library import RunbookLibrary
    from posdeck.operations.opening import open_content

    opening = open_content(options.request())
    return RunbookLibrary(opening.folders, opening.catalogue, SystemClock())
