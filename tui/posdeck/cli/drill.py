"""``posdeck drill``: practise on a simulated namespace, in simulated time; nothing outside this process is touched."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import click

from posdeck.cli.options import Options, output_option

if TYPE_CHECKING:
    from posdeck.operations.drills import Outcome, Suggestion

ENVIRONMENT = "simulated"


@click.group()
def drill() -> None:
    """Practise: a fault in a simulated namespace, and what posdeck says of it."""


@drill.command("list")
@output_option("table", "json")
def list_drills(output: str) -> None:
    """List the drills; what is wrong is not told here."""
    from posdeck.cli.audit import print_columns
    from posdeck.operations.drill_list import DRILLS

    if output == "json":
        click.echo(json.dumps([{"name": d.name, "title": d.title} for d in DRILLS], indent=2))
        return
    print_columns([("NAME", "WHAT IS SEEN"), *((d.name, d.title) for d in DRILLS)])


@drill.command("run")
@click.argument("name")
@click.option("--seed", type=int, default=1, show_default=True, help="Fixes everything that chance decides.")
@click.option("--wrong-first", is_flag=True, help="Try something that does not help before the right cure.")
@output_option("table", "json")
@click.pass_obj
def run(options: Options, name: str, seed: int, wrong_first: bool, output: str) -> None:
    """Play one drill in simulated time and say how it went: exit 0 when it was detected and cured, 1 when not."""
    from posdeck.catalogue.reading import read_catalogue
    from posdeck.clock import SystemClock
    from posdeck.config import load_settings
    from posdeck.content import find_content
    from posdeck.operations.drills import drill_named, run_drill
    from posdeck.operations.library import RunbookLibrary

    folders = find_content(load_settings().content)
    catalogue = read_catalogue(folders.environment(options.environment or ENVIRONMENT))
    library = RunbookLibrary(folders, catalogue, SystemClock())
    tell = click.echo if output == "table" else _silent
    outcome = asyncio.run(
        run_drill(catalogue, library, drill_named(name), seed, wrong_first=wrong_first, tell=tell)
    )
    if output == "json":
        click.echo(json.dumps(as_json(outcome), indent=2))
    else:
        _debrief(outcome)
    raise click.exceptions.Exit(0 if outcome.detected is not None and outcome.cured else 1)


def _silent(_: str) -> None:
    """Says nothing."""


def as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON types."""
    return {
        "drill": outcome.drill.name,
        "seed": outcome.seed,
        "injected_at": outcome.injected_at.isoformat(),
        "seconds_to_detect": outcome.detected,
        "seconds_to_right_runbook": outcome.right_runbook,
        "first": _suggestion(outcome.first),
        "later": _suggestion(outcome.later),
        "first_runbook_right": outcome.first_is_right,
        "outside_system": outcome.drill.system or None,
        "outside_system_named": outcome.named,
        "right_runbooks": sorted(r for r in outcome.drill.runbooks if r),
        "false_before": [_suggestion(each) for each in outcome.false_before],
        "wrong_cure": outcome.drill.wrong.value,
        "wrong_cure_helped": outcome.wrong_helped,
        "cure": outcome.drill.cure.value,
        "cured": outcome.cured,
        "seconds_to_healthy": outcome.healthy,
        "what_happened": outcome.drill.happened,
        "procedure": outcome.drill.procedure,
    }


def _suggestion(each: Suggestion | None) -> dict[str, str | None] | None:
    if each is None:
        return None
    return {
        "finding": each.finding,
        "object": each.object,
        "text": each.text,
        "runbook": each.runbook or None,
    }


def _debrief(outcome: Outcome) -> None:
    from posdeck.operations.drill_diary import in_columns

    plan = outcome.drill
    rows = [
        ("what happened", plan.happened),
        ("detected", _seconds(outcome.detected, "after")),
        ("first suggested", _first(outcome)),
        (
            "right answer",
            ", ".join(sorted(r for r in plan.runbooks if r)) or "no runbook: for others to mend",
        ),
        ("right one on top", _seconds(outcome.right_runbook, "after")),
    ]
    if outcome.wrong_helped is not None:
        rows.append(("tried in vain", plan.wrong.value + (" (it helped)" if outcome.wrong_helped else "")))
    rows += [
        ("done", plan.cure.value + ("" if outcome.cured else ", and the fault is still there")),
        ("healthy again", _seconds(outcome.healthy, "after")),
        ("procedure", plan.procedure),
    ]
    click.echo("")
    click.echo(f"Debrief: {plan.title} (seed {outcome.seed})")
    click.echo("\n".join(in_columns(rows)))


def _first(outcome: Outcome) -> str:
    if outcome.first is None:
        return "nothing"
    verdict = "right" if outcome.first_is_right else "not the right one"
    return f"{outcome.first.runbook or 'no runbook'} for {outcome.first.finding} on {outcome.first.object} ({verdict})"


def _seconds(value: float | None, word: str) -> str:
    return "not within the time watched" if value is None else f"{word} {value:.0f} simulated seconds"
