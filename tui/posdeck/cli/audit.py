"""``posdeck audit``: what was done, by whom, why and how it ended; and whether the record is still whole."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from posdeck.cli.options import output_option
from posdeck.errors import UnknownNameError

if TYPE_CHECKING:
    from posdeck.catalogue.policy import Policy


@click.group()
@click.option("--store", type=click.Path(path_type=Path), help="The audit store (else the one of this user).")
@click.pass_context
def audit(ctx: click.Context, store: Path | None) -> None:
    """Read and verify the record of actions."""
    from posdeck.config import load_settings
    from posdeck.operations.journal import audit_path

    ctx.meta["audit_store"] = store or audit_path(load_settings())


def _path() -> Path:
    path = click.get_current_context().meta["audit_store"]
    assert isinstance(path, Path)
    return path


@audit.command("list")
@output_option("table", "json")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many, newest first."
)
def list_records(output: str, limit: int) -> None:
    """The latest acts, refusals and notes, newest first."""
    from posdeck.operations.journal import acts, name_of, reading_store

    with reading_store(_path()) as store:
        entries = acts(store, limit)
    if output == "json":
        click.echo(json.dumps([e.as_json() for e in entries], indent=2))
        return
    if not entries:
        click.echo("Nothing is recorded yet.")
        return
    rows = [
        (
            "SEQ",
            "WHEN (UTC)",
            "WHO",
            "KUBERNETES",
            "ACT",
            "TARGET",
            "ENVIRONMENT",
            "RESULT",
            "VERIFIED",
            "REASON",
            "ID",
        )
    ]
    for entry in entries:
        record = entry.record
        rows.append(
            (
                str(record.sequence),
                f"{record.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
                entry.actor.user,
                entry.actor.kubernetes_user or "–",
                entry.what,
                name_of(entry) or "–",
                entry.environment,
                entry.result,
                entry.verification or "–",
                entry.reason or "–",
                record.id[:8],
            )
        )
    print_columns(rows)


@audit.command()
@click.argument("record")
@output_option("table", "json")
def show(record: str, output: str) -> None:
    """One record whole, with its outcome and its evidence; RECORD is a sequence number or (the start of) an id."""
    from posdeck.operations.journal import find, reading_store, whole

    with reading_store(_path()) as store:
        found = find(store, record)
        if found is None:
            raise UnknownNameError(
                f"record {record}", "is not in the store", "posdeck audit list shows what is there."
            )
        document = whole(store, found)
    if output == "json":
        click.echo(json.dumps(document, indent=2))
        return
    for line in lines_of(document):
        click.echo(line)


@audit.command()
@click.option(
    "--against", metavar="HEAD", help="A head kept elsewhere: the line that `posdeck audit head` printed."
)
@output_option("table", "json")
def verify(against: str | None, output: str) -> None:
    """Check the whole chain and the evidence; exit 1 when anything does not fit."""
    from posdeck.audit.checkpoint import parse_checkpoint
    from posdeck.operations.journal import reading_store, report_json, report_lines

    with reading_store(_path()) as store:
        report = store.verify(parse_checkpoint(against, "--against") if against else None)
    if output == "json":
        click.echo(json.dumps(report_json(report), indent=2))
    else:
        for line in report_lines(report):
            click.echo(line)
    raise click.exceptions.Exit(0 if report.ok else 1)


@audit.command()
@click.argument("digest")
def evidence(digest: str) -> None:
    """Print one piece of evidence (its digest is in `posdeck audit show`)."""
    from posdeck.operations.journal import reading_store

    with reading_store(_path()) as store:
        text = store.read_evidence(digest)
    if text is None:
        raise UnknownNameError(
            f"evidence {digest}", "is not in the store", "It may have been erased; see posdeck audit list."
        )
    click.echo(text)


@audit.command()
def head() -> None:
    """Print the end of the chain; a copy kept elsewhere lets a later verify find a cut or rewritten store."""
    from posdeck.operations.journal import reading_store

    with reading_store(_path()) as store:
        point = store.head()
    click.echo(str(point) if point else "Nothing is recorded yet.")


@audit.command()
@output_option("table", "json")
def owed(output: str) -> None:
    """What acts still owe: the ticket and the word to contacts that follow a mitigation; exit 1 when overdue."""
    from posdeck.clock import SystemClock
    from posdeck.operations.followups import owed as owed_by_acts
    from posdeck.operations.journal import reading_store

    now = SystemClock().now()
    with reading_store(_path()) as store:
        found = owed_by_acts(store, _policies(), now)
    if output == "json":
        click.echo(json.dumps([o.as_json(now) for o in found], indent=2))
    else:
        for obligation in found:
            click.echo(
                f"{'OVERDUE ' if now > obligation.due else ''}{obligation.environment}: {obligation.text}"
            )
        if not found:
            click.echo("Nothing is owed.")
    raise click.exceptions.Exit(1 if any(now > o.due for o in found) else 0)


@audit.command("follow-up")
@click.argument("record")
@click.option("--ticket", default="", metavar="ID", help="The ticket that the act belongs to.")
@click.option("--informed", multiple=True, metavar="CONTACT", help="Who has been told since.")
def follow_up(record: str, ticket: str, informed: tuple[str, ...]) -> None:
    """Supply what an act owed; RECORD is its sequence number or (the start of) its id."""
    from posdeck.audit.origin import os_actor, os_place
    from posdeck.audit.sqlite import open_store
    from posdeck.clock import SystemClock
    from posdeck.config import load_settings
    from posdeck.operations.followups import follow_up as supply
    from posdeck.operations.journal import find, reading_store
    from posdeck.redaction.redactor import Redactor

    reading_store(_path()).close()  # a record that is not there must not be made by this
    redactor = Redactor(load_settings().redaction_patterns)
    with open_store(_path(), SystemClock(), redactor) as store:
        found = find(store, record)
        if found is None:
            raise UnknownNameError(
                f"record {record}", "is not in the store", "posdeck audit owed shows what is."
            )
        environment = str((found.content.get("place") or {}).get("environment") or "")
        noted = supply(store, found, ticket, informed, os_actor(), os_place(environment=environment))
    click.echo(f"recorded as {noted.sequence}: {noted.content['text']}")


def _policies() -> dict[str, Policy]:
    """The policy of each environment of the content folder."""
    from posdeck.catalogue.reading import read_catalogue
    from posdeck.config import load_settings
    from posdeck.content import find_content

    folders = find_content(load_settings().content)
    found = (read_catalogue(folders.environment(name)).environment for name in folders.environments())
    return {environment.name: environment.policy for environment in found}


def print_columns(rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows in aligned columns, two blanks between them, the last one ragged."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def lines_of(value: Any, indent: int = 0) -> list[str]:
    """A nested value as indented lines; empty values are left out."""
    pad = "  " * indent
    lines: list[str] = []
    if not isinstance(value, Mapping):
        return [f"{pad}{value}"]
    for key, part in value.items():
        if part in (None, "", {}, [], ()):
            continue
        if isinstance(part, Mapping):
            lines += [f"{pad}{key}:", *lines_of(part, indent + 1)]
        elif isinstance(part, list):
            lines.append(f"{pad}{key}:")
            for item in part:
                nested = lines_of(item, indent + 2)
                lines += [f"{pad}  - {nested[0].strip()}", *nested[1:]]
        elif isinstance(part, str) and "\n" in part:
            lines += [f"{pad}{key}: |", *(f"{pad}  {line}" for line in part.splitlines())]
        elif isinstance(part, datetime):
            lines.append(f"{pad}{key}: {part.isoformat()}")
        else:
            lines.append(f"{pad}{key}: {part}")
    return lines
