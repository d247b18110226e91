"""``posdeck status``: is something wrong now? For scripts, prompts and monitoring."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from posdeck.cli.audit import print_columns
from posdeck.cli.options import Options, connection_options, output_option
from posdeck.errors import PosdeckError

if TYPE_CHECKING:
    from posdeck.operations.view import Problem, View

HEALTHY, WRONG, CANNOT_TELL = 0, 1, 2
WATCH = 8.0  # seconds at the most for what looks wrong and must last to be certain


@click.command()
@connection_options
@output_option("table", "json")
@click.option(
    "--timeout", type=float, default=20.0, show_default=True, help="Seconds to wait for the cluster."
)
def status(options: Options, output: str, timeout: float) -> None:
    """Say what is wrong now: exit 0 healthy, 1 something is wrong, 2 cannot tell. Standing risks do not count."""
    try:
        view, unsure = asyncio.run(_look(options, timeout))
    except PosdeckError as error:
        if output == "json":
            click.echo(json.dumps({"state": "cannot tell", "because": [str(error)]}, indent=2))
        else:
            click.echo(f"? cannot tell: {error}")
        raise click.exceptions.Exit(CANNOT_TELL) from error
    code = state_of(view, unsure)
    if output == "json":
        from posdeck.operations.news import as_json as problem_json

        document = as_json(view, code) | {"not_certain": [problem_json(p) for p in unsure]}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(view, code)
        for problem in unsure:
            click.echo(f"? not certain yet, it has only just been seen: {problem.short}: {problem.text}")
    raise click.exceptions.Exit(code)


async def _look(options: Options, timeout: float) -> tuple[View, tuple[Problem, ...]]:
    """The view, and what looks wrong in it and could not be watched long enough to be certain."""
    from posdeck.cli.headless import console_of, live_view

    async with console_of(options) as console:
        view = await live_view(console, seconds=timeout, numbers=True)
        until = console.clock.monotonic() + WATCH
        while console.not_yet_told() and state_of(view) != WRONG and console.clock.monotonic() < until:
            console.look_again()
            await console.clock.sleep(0.5)
            view = console.view
        return view, console.not_yet_told()


def state_of(view: View, unsure: Sequence[Problem] = ()) -> int:
    """0, 1 or 2. What cannot be seen is not healthy, nor is what looks wrong; something seen to be wrong
    outweighs both."""
    from posdeck.cli.headless import NEEDED
    from posdeck.cluster.snapshot import FeedState
    from posdeck.operations.view import Severity

    if any(p.severity in {Severity.CRITICAL, Severity.WARNING} for p in view.problems):
        return WRONG
    if any(view.snapshot.feed(kind).state is not FeedState.LIVE for kind in NEEDED[:3]):
        return CANNOT_TELL
    if any(p.severity in {Severity.CRITICAL, Severity.WARNING} for p in unsure):
        return CANNOT_TELL
    return HEALTHY


def as_json(view: View, code: int) -> dict[str, Any]:
    """The state as JSON types."""
    from posdeck.operations.news import as_json as problem_json

    connection = view.snapshot.connection
    return {
        "state": ("healthy", "wrong", "cannot tell")[code],
        "environment": view.surroundings.environment,
        "namespace": connection.namespace,
        "context": connection.context,
        "server": connection.server,
        "writes": view.surroundings.writes,
        "problems": [problem_json(p) for p in view.problems],
        "risks": [problem_json(p) for p in view.risks],
        "cannot_tell": list(view.cannot_tell),
        "feeds": {
            k.value: {"state": f.state.value, "reason": f.reason} for k, f in view.snapshot.feeds.items()
        },
        "pods": {
            "total": len(view.snapshot.pods),
            "ready": sum(p.is_ready for p in view.snapshot.pods.values()),
        },
    }


def _print(view: View, code: int) -> None:
    pods = view.snapshot.pods.values()
    word = ("✔ healthy", "✖ something is wrong", "? cannot tell")[code]
    namespace, environment = view.snapshot.connection.namespace, view.surroundings.environment
    click.echo(
        f"{word}: {namespace} ({environment}), {sum(p.is_ready for p in pods)} of {len(pods)} pods ready"
    )
    if view.problems:
        from posdeck.cli.findings import HEADINGS, row_of

        print_columns([HEADINGS, *(row_of(p, view.snapshot.taken_at) for p in view.problems)])
    for line in view.cannot_tell:
        click.echo(f"? {line}")
    if view.risks:
        click.echo(f"{len(view.risks)} standing risks (posdeck snapshot findings shows them)")
