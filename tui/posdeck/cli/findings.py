"""``posdeck findings``: what is wrong, as a table, as JSON, or as one line of JSON per change; and what people have to
say of it, which goes into the record."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from posdeck.cli.audit import print_columns
from posdeck.cli.options import Options, connection_options, output_option
from posdeck.errors import PosdeckError, UnknownNameError

if TYPE_CHECKING:
    from posdeck.operations.console import Console
    from posdeck.operations.view import Problem, View

TIMEOUT = 20.0  # seconds for the cluster to answer
HEADINGS = ("SEVERITY", "SINCE", "OBJECT", "WHAT", "RUNBOOK")
CLOSED_PIPE, TERMINATED = 141, 143  # as of a program that SIGPIPE or SIGTERM ends
Line = dict[str, object]

_NAME = click.argument("finding", metavar="FINDING")
_TEXT = click.option("--text", default="", help="Why, or what is known; kept in the record.")


@click.group(invoke_without_command=True)
@connection_options
@output_option("table", "json", "jsonl")
@click.option(
    "--watch", is_flag=True, help="Go on, and print what appears, changes and ends. Implies -o jsonl."
)
@click.option("--risks", is_flag=True, help="The standing risks as well.")
@click.option(
    "--timeout", type=float, default=TIMEOUT, show_default=True, help="Seconds to wait for the cluster."
)
@click.pass_context
def findings(
    ctx: click.Context, options: Options, output: str, watch: bool, risks: bool, timeout: float
) -> None:
    """List what is wrong now. FINDING in the subcommands is a key as -o json prints it, or ID/OBJECT.

    It exits 0 whatever is wrong: posdeck status is the one whose exit code tells. --watch goes on until it is
    interrupted (exit 130), told to end (143), or nobody reads what it prints (141).
    """
    ctx.obj = options
    if ctx.invoked_subcommand is not None:
        return
    if watch and output == "json":
        raise click.UsageError("--watch prints one line per change: -o jsonl")
    asyncio.run(
        _watch(options, timeout, risks=risks) if watch else _once(options, timeout, output, risks=risks)
    )


@findings.command("ack")
@connection_options
@_NAME
@_TEXT
def ack(options: Options, finding: str, text: str) -> None:
    """Say that somebody looks after a finding: it no longer announces itself."""
    _say(options, finding, "ack", text)


@findings.command("snooze")
@connection_options
@_NAME
@click.argument("span", metavar="30m|2h|1d|0")
@_TEXT
def snooze(options: Options, finding: str, span: str, text: str) -> None:
    """Put a finding off for a while; it comes back at once when it gets worse. 0 ends a snooze."""
    _say(options, finding, "snooze", text, span)


@findings.command("note")
@connection_options
@_NAME
@click.argument("text")
def note(options: Options, finding: str, text: str) -> None:
    """Leave a note on a finding."""
    _say(options, finding, "note", text)


def row_of(problem: Problem, now: datetime | None) -> tuple[str, ...]:
    """A problem as a row of the table."""
    from posdeck.kubetext.ages import human_duration

    since = "?"
    if problem.since is not None and now is not None:
        since = human_duration((now - problem.since).total_seconds())
        since = f"≥{since}" if problem.since_at_least else since
    said = remark_text(problem)
    text = f"{problem.text} [{said}]" if said else problem.text
    return problem.severity.value, since, problem.short, text, problem.runbook or "–"


def remark_text(problem: Problem) -> str:
    """What was said of it, in a few words."""
    remark = problem.remark
    if remark is None:
        return ""
    parts = []
    if remark.snoozed_until is not None:
        parts.append(f"snoozed by {remark.snoozed_by} until {remark.snoozed_until:%m-%d %H:%M}Z")
    if remark.acknowledged_at is not None:
        parts.append(f"acknowledged by {remark.acknowledged_by}")
    parts += [f"{who}: {text}" for _, who, text in remark.notes[-1:]]
    return "; ".join(parts)


async def _once(options: Options, timeout: float, output: str, *, risks: bool) -> None:
    from posdeck.cli.headless import console_of, live_view
    from posdeck.operations.news import as_json

    async with console_of(options) as console:
        view = await _certain(console, await live_view(console, seconds=timeout, numbers=True))
    listed = (*view.problems, *(view.risks if risks else ()))
    if output == "json":
        found = {"findings": [as_json(p) for p in listed], "cannot_tell": list(view.cannot_tell)}
        click.echo(json.dumps(found, indent=2))
    elif output == "jsonl":
        for problem in listed:
            click.echo(json.dumps(as_json(problem)))
    else:
        _print(view, listed)


async def _certain(console: Console, view: View) -> View:
    """Look on for a moment where something looks wrong and has only just been seen."""
    from posdeck.cli.status import WATCH

    until = console.clock.monotonic() + WATCH
    while console.not_yet_told() and console.clock.monotonic() < until:
        console.look_again()
        await console.clock.sleep(0.5)
        view = console.view
    return view


def _print(view: View, listed: tuple[Problem, ...]) -> None:
    if listed:
        print_columns([HEADINGS, *(row_of(p, view.snapshot.taken_at) for p in listed)])
    else:
        click.echo("nothing is known to be wrong" if view.cannot_tell else "nothing is wrong")
    for line in view.cannot_tell:
        click.echo(f"? {line}")


async def _watch(options: Options, timeout: float, *, risks: bool) -> None:
    from posdeck.cli.headless import console_of, live_view

    ended_by = _end_in_order()
    try:
        async with console_of(options) as console:
            changes = Changes(risks=risks)
            view = await live_view(console, seconds=timeout, numbers=True)
            while True:
                for line in changes.of(view, console.clock.now()):
                    click.echo(json.dumps(line))
                shown = view
                view = await console.wait_for(lambda found, shown=shown: found is not shown)  # type: ignore[misc]
    except asyncio.CancelledError:
        if not ended_by:
            raise
        raise click.exceptions.Exit(ended_by[0]) from None


def _end_in_order() -> list[int]:
    """Have the present task cancelled by a SIGTERM, and when nobody reads the output any more: whoever watches may
    have nothing to print for hours. The exit code stands in the list then."""
    loop, task, ended_by = asyncio.get_running_loop(), asyncio.current_task(), list[int]()
    assert task is not None

    def end(code: int) -> None:
        loop.remove_reader(1)
        ended_by.append(code)
        task.cancel()

    loop.add_signal_handler(signal.SIGTERM, end, TERMINATED)
    if stat.S_ISFIFO(os.fstat(1).st_mode):
        loop.add_reader(1, end, CLOSED_PIPE)  # nothing can be read from this end but that the other is closed
    return ended_by


class Changes:
    """Turns views into lines: what appeared, changed or ended since the view before. A change of numbers in the
    text alone is none, else every line would come again with every sample."""

    def __init__(self, *, risks: bool) -> None:
        self._risks = risks
        self._shown: dict[str, Problem] = {}
        self._blind: tuple[str, ...] | None = None

    def of(self, view: View, now: datetime) -> Iterator[Line]:
        """The lines of this view."""
        from posdeck.operations.news import as_json

        at = now.isoformat()
        present = {p.key: p for p in (*view.problems, *(view.risks if self._risks else ()))}
        for key, problem in present.items():
            before = self._shown.get(key)
            if before is None or _mark(before) != _mark(problem):
                yield {"at": at, "event": "changed" if before else "appeared"} | as_json(problem)
        for key, problem in self._shown.items():
            if key not in present:
                yield {"at": at, "event": "ended"} | as_json(problem)
        if view.cannot_tell != self._blind:
            self._blind = view.cannot_tell
            yield {"at": at, "event": "cannot-tell", "reasons": list(view.cannot_tell)}
        self._shown = present


def _mark(problem: Problem) -> tuple[object, ...]:
    return problem.severity, problem.runbook, problem.workloads, problem.remark


def _say(options: Options, finding: str, word: str, text: str, span: str = "") -> None:
    asyncio.run(_record(options, finding, word, text, span))


async def _record(options: Options, finding: str, word: str, text: str, span: str) -> None:
    from posdeck.cli.headless import console_of, live_view
    from posdeck.operations.remarks import span_of, until_of

    length = span_of(span) if span else None
    if span and length is None:
        raise PosdeckError(f"snooze {span!r}", "is no length of time", "Write 30m, 2h, 1d, or 0 to end it.")
    async with console_of(options) as console:
        view = await _certain(console, await live_view(console, numbers=True))
        problem = named(view, finding)
        until = until_of(length, console.clock.now()) if length is not None else None
        await console.remark(problem.key, word, text, until)
    click.echo(f"recorded: {word} {problem.key}" + (f" until {until:%Y-%m-%d %H:%M}Z" if until else ""))


def named(view: View, wanted: str) -> Problem:
    """The problem with this key, or with this ID/OBJECT, or ID alone where only one has it. Raises
    UnknownNameError."""
    exact = [p for p in view.problems if p.key == wanted]
    found = exact or [
        p for p in view.problems if wanted in (p.id, f"{p.id}/{p.short}", f"{p.id}/{p.object_name}")
    ]
    if len(found) == 1:
        return found[0]
    cause = "several are meant" if found else "it is not among what is wrong now"
    listed = ", ".join(p.key for p in found or view.problems) or "nothing is wrong"
    raise UnknownNameError(f"finding {wanted}", cause, f"There are: {listed}.")
