"""How well the diagnosis does: every drill over several seeds, and hours of health, all in simulated time. Prints a
table, row by row as it comes, and keeps it in ``docs/diagnosis.md``.

Nothing here waits: the drills run on a clock that is set forward, so the figures do not depend on the machine. A run that
is interrupted is gone on with by the next one, as long as the code is the same."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from platform import python_version
from statistics import median

from tests.benchmarks.kept_outcomes import KeptOutcomes, digest_of

from posdeck import __version__
from posdeck.catalogue.model import Catalogue
from posdeck.catalogue.reading import read_catalogue
from posdeck.clock import SystemClock
from posdeck.content import ContentFolders, find_content
from posdeck.operations.drill_list import DRILLS
from posdeck.operations.drills import CALM, Outcome, drill_named, incidents, run_drill
from posdeck.operations.library import RunbookLibrary
from posdeck.operations.rehearsal import Rehearsal

ROOT = Path(__file__).resolve().parents[2]
RIGHT_AIM = 0.95


@cache
def content() -> tuple[Catalogue, RunbookLibrary]:
    folders: ContentFolders = find_content((ROOT,))
    catalogue = read_catalogue(folders.environment("simulated"))
    return catalogue, RunbookLibrary(folders, catalogue, SystemClock())


def play(task: tuple[str, int]) -> Outcome:
    """One drill with one seed, without a cure."""
    catalogue, library = content()
    return asyncio.run(run_drill(catalogue, library, drill_named(task[0]), task[1], cure=False))


def health(task: tuple[int, float]) -> list[str]:
    """What is said in hours of health, each once, as "time finding object"."""
    seed, hours = task

    async def watch() -> list[str]:
        catalogue, library = content()
        rehearsal = Rehearsal(catalogue, library, seed, datetime(2026, 3, 2, 6, tzinfo=UTC))
        said: dict[tuple[str, str], str] = {}
        for _ in range(int(hours * 3600 / CALM)):
            for problem in incidents(await rehearsal.advance(CALM, CALM)):
                moment = f"{rehearsal.clock.now():%H:%M:%S}"
                said.setdefault((problem.id, problem.short), f"{moment} {problem.id} {problem.short}")
        assert rehearsal.cluster.engine.failures == []
        return list(said.values())

    return asyncio.run(watch())


def row(name: str, group: Sequence[Outcome]) -> str:
    """The row of one drill: all of its seeds."""
    times = sorted(o.detected for o in group if o.detected is not None)
    right, later = sum(o.first_is_right for o in group), sum(o.later_is_right for o in group)
    firsts = sorted({f"{o.first.finding} → {o.first.runbook or 'none'}" for o in group if o.first})
    took = f"{median(times):.0f} ({times[0]:.0f}–{times[-1]:.0f})" if times else "–"
    return (
        f"| {name} | {len(times)}/{len(group)} | {took} | {right}/{len(group)} | {later}/{len(group)} | "
        f"{'; '.join(firsts) or 'nothing'} |"
    )


def report(outcomes: list[Outcome], false: list[str], hours: float, seeds: int) -> tuple[str, bool]:
    """The document, and whether the aims are met."""
    by_drill: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_drill[outcome.drill.name].append(outcome)
    rows = [row(name, group) for name, group in by_drill.items()]
    total = len(outcomes)
    detected = sum(o.detected is not None for o in outcomes)
    right = sum(o.first_is_right for o in outcomes)
    before = [f for o in outcomes for f in o.false_before]
    named = [o for o in outcomes if o.drill.system]
    times = sorted(o.detected for o in outcomes if o.detected is not None)
    summary = [
        f"- {len(by_drill)} drills, {seeds} seeds each: {detected} of {total} detected "
        f"({detected / total:.1%}); median {median(times):.0f} simulated seconds, longest {times[-1]:.0f}.",
        f"- First suggested runbook right: {right} of {total} ({right / total:.1%}); aim 95 %.",
        f"- The outside system at fault named on top a minute after the detection: {sum(bool(o.named) for o in named)} "
        f"of {len(named)} ({', '.join(sorted({o.drill.name for o in named}))}).",
        f"- False incidents in {hours:g} simulated hours of health under daily load: {len(false)}; "
        f"in the healthy time before the drills: {len(before)}.",
    ]
    text = "\n".join([HEAD, *_made(seeds), *summary, "", *TABLE, *rows, ""])
    misses = [_miss(o) for o in outcomes if not o.first_is_right]
    said = [f"{f.finding} {f.object}: {f.text}" for f in before]
    for title, lines in (("First runbook not right", misses), ("False incidents", [*false, *said])):
        if lines:
            text += f"\n## {title}\n\n" + "\n".join(f"- {each}" for each in lines) + "\n"
    met = detected == total and right / total >= RIGHT_AIM and not false and not before
    return text, met


def _made(seeds: int) -> list[str]:
    today = datetime.now(UTC).date()
    return [
        f"- Measured on {today} with posdeck {__version__}, Python {python_version()}, seeds 1 to {seeds}."
    ]


def _miss(outcome: Outcome) -> str:
    said = outcome.first
    what = f"{said.finding} on {said.object} → {said.runbook or 'none'}" if said else "nothing was said"
    return f"{outcome.drill.name}, seed {outcome.seed}: {what}"


HEAD = """# How well the diagnosis does

Measured by `make benchmark-diagnosis` in the simulated namespace; the real one will differ. A drill starts in health
under load, injects a fault at a random moment of a random hour, and watches what posdeck says. "First" is what stood
on top when posdeck first said anything, "later" a minute after the detection. "none" is right where no runbook
should be suggested because others have to act. Times are simulated seconds from the fault to the first finding that
tells of it. What counts as right follows the procedures and stands in `tui/posdeck/operations/drill_list.py`. Numbers from the embedded Prometheus
arrive every 15 s, which bounds how fast anything about queues can be seen.
"""
TABLE = (
    "| drill | detected | seconds, median (range) | first runbook right | later right | first said |",
    "|---|---|---|---|---|---|",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--hours", type=float, default=24.0, help="simulated hours of health")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--no-write", action="store_true", help="leave docs/diagnosis.md as it is")
    parser.add_argument("--drill", action="append", help="only this one")
    chosen = parser.parse_args()
    names = chosen.drill or [d.name for d in DRILLS]
    kept = KeptOutcomes(ROOT / ".cache" / "diagnosis" / f"{code()}.jsonl")
    tasks = [(name, seed) for name in names for seed in range(1, chosen.seeds + 1)]
    try:
        outcomes = list(_told(_played(chosen.jobs, kept, tasks), chosen.seeds))
        if (1, chosen.hours) not in kept.hours:
            kept.keep_hours(1, chosen.hours, health((1, chosen.hours)))
    except KeyboardInterrupt:
        print(f"interrupted: {len(kept.drills)} outcomes are kept in {kept.path}", file=sys.stderr)
        return 130
    text, met = report(outcomes, kept.hours[1, chosen.hours], chosen.hours, chosen.seeds)
    print(text)
    if not chosen.no_write:
        (ROOT / "docs" / "diagnosis.md").write_text(text)
    return 0 if met else 1


def code() -> str:
    """The digest of everything that an outcome depends on."""
    play((DRILLS[0].name, 0))  # loads all that a drill needs
    return digest_of((ROOT / "inventory" / "simulated", ROOT / "runbooks"))


def _played(jobs: int, kept: KeptOutcomes, tasks: list[tuple[str, int]]) -> Iterator[Outcome]:
    """The outcome of every task, in their order; those that are kept are not played again."""
    missing = [task for task in tasks if task not in kept.drills]
    pool = ProcessPoolExecutor(jobs) if jobs > 1 else None
    played = pool.map(play, missing) if pool is not None else map(play, missing)
    try:
        yield from _in_order(played, kept, tasks)
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _in_order(
    played: Iterator[Outcome], kept: KeptOutcomes, tasks: list[tuple[str, int]]
) -> Iterator[Outcome]:
    for count, task in enumerate(tasks, 1):
        if task not in kept.drills:
            kept.keep(next(played))
        outcome = kept.drills[task]
        took = "not detected" if outcome.detected is None else f"{outcome.detected:.0f} s"
        print(f"{count}/{len(tasks)} {task[0]} seed {task[1]}: {took}", file=sys.stderr)
        yield outcome


def _told(outcomes: Iterator[Outcome], seeds: int) -> Iterator[Outcome]:
    """The same, with a row printed whenever a drill has been played with every seed."""
    print("\n".join(TABLE), flush=True)
    group: list[Outcome] = []
    for outcome in outcomes:
        group.append(outcome)
        if len(group) == seeds:
            print(row(outcome.drill.name, group), flush=True)
            group = []
        yield outcome


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:  # before the first outcome, while code is loaded
        sys.exit("interrupted before the first drill was over")
