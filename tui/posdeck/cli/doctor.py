"""``posdeck doctor``: everything posdeck needs, checked one by one, each with how to mend it."""

from __future__ import annotations

import asyncio
import json

import click

from posdeck.cli.options import Options, connection_options, output_option

_MARK = {"ok": "✔", "warning": "▲", "problem": "✖", "unknown": "?"}


@click.command()
@connection_options
@output_option("table", "json")
def doctor(options: Options, output: str) -> None:
    """Check kubeconfig, permissions, metrics API, Ansible, the record and the terminal; exit 1 on a problem."""
    from posdeck.operations.checkup import examine

    found = asyncio.run(examine(options.request()))
    if output == "json":
        document = [
            {"name": f.name, "state": f.state, "says": f.says, "remedy": f.remedy or None} for f in found
        ]
        click.echo(json.dumps(document, indent=2))
    else:
        for each in found:
            click.echo(f"{_MARK[each.state]} {each.name:<18} {each.says}")
            if each.remedy:
                click.echo(f"  {'':<18} → {each.remedy}")
    raise click.exceptions.Exit(1 if any(f.state == "problem" for f in found) else 0)
