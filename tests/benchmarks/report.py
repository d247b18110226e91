"""The results as tables and a plot, in ``docs/performance.md`` and ``docs/performance.svg``."""

from __future__ import annotations

import importlib.metadata
import math
import os
import platform
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.confirming import Confirmed
from tests.benchmarks.held import LINES, Held, LogFigures
from tests.benchmarks.playbooks import ActFigures
from tests.benchmarks.screen import Figures
from tests.benchmarks.traffic import Traffic

# field, what it is, form, what is wanted at 2, 1,000 and 10,000 pods
ROWS = (
    ("first_frame_s", "first frame, s", "{:.2f}", "≤ 0.49 / 0.51 / 0.64"),
    ("live_rows_s", "first live rows, s", "{:.2f}", "≤ 0.94 / 1.65 / 2.0"),
    ("watched_s", "… watched, and keys work, s", "{:.2f}", "–"),
    ("change_ms", "pod changed → shown, ms", "{:.0f}", "≤ 150"),
    ("key_ms", "key → screen, ms", "{:.0f}", "≤ 20"),
    ("idle_cpu_pct", "idle CPU, % of one core", "{:.1f}", "≤ 1 / 3.3 / 19"),
    ("memory_mb", "memory, MB", "{:.0f}", "– / – / 422"),
    ("burst_took_s", "burst: 1,000 changes within, s", "{:.1f}", "1"),
    ("burst_ms", "burst → last change shown, ms", "{:.0f}", "≤ 1000"),
    ("burst_key_ms", "key → screen during the burst, ms", "{:.0f}", "≤ 50"),
)
BURST_FROM = 1_000  # pods
KEPT = "<!-- what follows is written by hand and kept -->"
ACTS = {
    "first_task_cold": ("run released → first task, cold", "≤ 1.0"),
    "first_task_held": ("run released → first task, held ready", "≤ 0.35"),
    "per_read": ("each further read task", "≤ 0.07"),
    "per_patch": ("each further patch task, its intent committed before and looked up", "≤ 0.07"),
    "read_patch_read": ("read, patch, read one Deployment, held ready", "≤ 0.6"),
    "eleven_patches": ("eleven patch tasks, held ready", "≤ 2"),
    "per_plain_patch": (
        "each patch task of a plain `ansible-playbook`: whole gate, Lease, records, Event",
        "–",
    ),
    "eleven_plain_patches": ("eleven of those, from the first task on", "–"),
}


@dataclass(slots=True)
class Report:
    """Everything that one run measured; what it did not get to is empty."""

    screens: list[Figures] = field(default_factory=list)
    holds: list[Held] = field(default_factory=list)
    acts: ActFigures | None = None
    confirmed: Confirmed | None = None
    log: LogFigures | None = None
    traffic: list[Traffic] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def screen_table(measured: Sequence[Figures]) -> str:
    """One column per program and size; medians, with the worst in brackets."""
    head = "| | " + " | ".join(f"{f.program}, {f.pods:,}" for f in measured) + " | wanted |"
    lines = [head, "|---|" + "---|" * (len(measured) + 1)]
    for name, title, form, wanted in ROWS:
        cells = [_cell(getattr(f, name), form) for f in measured]
        lines.append(f"| {title} | {' | '.join(cells)} | {wanted} |")
    return "\n".join(lines)


def acts_table(figures: ActFigures, confirmed: Confirmed | None) -> str:
    """Seconds; medians, with the worst in brackets."""
    lines = ["| an act | seconds | wanted |", "|---|---|---|"]
    if confirmed is not None:
        starting = [value / 1000 for value in confirmed.starting_ms]
        lines.append(f"| confirming key → “Starting…” on the screen | {_cell(starting, '{:.3f}')} | ≤ 0.05 |")
    for each in fields(figures):
        title, wanted = ACTS[each.name]
        lines.append(f"| {title} | {_cell(getattr(figures, each.name), '{:.2f}')} | {wanted} |")
    return "\n".join(lines)


def holds_table(holds: Sequence[Held]) -> str:
    """Milliseconds: what was the longest turn of the event loop, and how many were over 50 ms."""
    lines = [
        "| pods | longest time without a turn, ms | computed in one turn at most, ms | turns over 50 ms computed |",
        "|---|---|---|---|",
    ]
    for each in holds:
        slow = [f"{busy:.0f} ms in `{culprit}`" for _, busy, culprit in each.over if busy > 50]
        busiest = f"{each.busy_ms:.0f}" if each.over else "< 50"
        lines.append(
            f"| {each.pods:,} | {each.longest_ms:.0f} | {busiest} | {'; '.join(slow[:4]) or 'none'} |"
        )
    return "\n".join(lines)


def log_table(figures: LogFigures) -> str:
    """100,000 lines."""
    rows = (
        ("from the beginning → first lines shown, s", figures.first_s, "{:.2f}"),
        ("… all of them read, redacted and kept, s", figures.all_s, "{:.1f}"),
        ("to the last line, ms", figures.end_ms, "{:.0f}"),
        ("key → screen among them, ms", figures.key_ms, "{:.0f}"),
        ("memory with them, MB", figures.memory_mb, "{:.0f}"),
    )
    lines = [f"| {LINES:,} lines | |", "|---|---|"]
    lines += [f"| {title} | {_cell([] if value is None else [value], form)} |" for title, value, form in rows]
    return "\n".join(lines)


def traffic_table(measured: Sequence[Traffic]) -> str:
    """Per row so many posdecks on a namespace of so many pods."""
    lines = [
        "| posdecks | pods | requests until live | MB until live | watches open | requests a minute | kB a minute | "
        "of them, a minute |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for t in measured:
        verbs = ", ".join(f"{verb} {count:.0f}" for verb, count in t.by_verb.items())
        lines.append(
            f"| {t.posdecks} | {t.pods:,} | {t.start_requests:,} | {t.start_bytes / 1e6:.2f} | {t.watches} | "
            f"{t.requests_a_minute:.0f} | {t.bytes_a_minute / 1e3:.0f} | {verbs} |"
        )
    return "\n".join(lines)


def machine() -> str:
    """Where this was measured."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("textual", "ansible-core"))
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC; {os.cpu_count()} cores ({platform.machine()}), "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}, {versions}; "
        f"load average at the end {load}."
    )


def plot(measured: Sequence[Figures]) -> str:
    """What it costs against the number of pods, relative to the smallest size, on two logarithmic axes, as SVG."""
    ours = sorted((f for f in measured if f.program == "posdeck"), key=lambda f: f.pods)
    series = {
        "first live rows": [(f.pods, f.median("live_rows_s")) for f in ours],
        "pod changed → shown": [(f.pods, f.median("change_ms")) for f in ours],
        "key → screen": [(f.pods, f.median("key_ms")) for f in ours],
        "idle CPU": [(f.pods, f.median("idle_cpu_pct")) for f in ours],
        "memory": [(f.pods, f.median("memory_mb")) for f in ours],
        "what exists": [(f.pods, f.pods / ours[0].pods) for f in ours],
    }
    return _svg({name: [(x, y) for x, y in points if y] for name, points in series.items()})


def parts(found: Report) -> list[str]:
    """Headings and tables of what was measured."""
    made = ["## The screen", screen_table(found.screens)]
    made += [
        "The targets come from k9s 0.51 on another day; where `k9s` is on PATH it is measured in turn and stands beside.",
        "![Cost against size](performance.svg)",
    ]
    if found.holds:
        made += ["## The event loop", holds_table(found.holds)]
    if found.acts is not None:
        made += ["## Acts", acts_table(found.acts, found.confirmed)]
    if found.log is not None:
        made += ["## A long log", log_table(found.log)]
    if found.traffic:
        made += ["## What the API server pays", traffic_table(found.traffic)]
    if missed := _missed(found):
        made += ["## Not measured, and why", "\n".join(f"- {each}" for each in missed)]
    return made


def _missed(found: Report) -> list[str]:
    """What there is no figure for, with its cause; the same cause once for each program and size."""
    lines = list(found.missed)
    for figures in found.screens:
        counts = Counter(figures.missed)
        lines += [
            f"{figures.program}, {figures.pods:,} pods: {what} ({n} times)" for what, n in counts.items()
        ]
        if not figures.burst_took_s and figures.pods < BURST_FROM:
            lines.append(
                f"{figures.program}, {figures.pods:,} pods: no burst, which takes {BURST_FROM:,} pods"
            )
    if found.confirmed is not None:
        lines += found.confirmed.missed
    if found.log is not None:
        lines += [f"a long log: {each}" for each in found.log.missed]
    return lines


def tables(found: Report) -> str:
    """The same for a terminal."""
    return "\n\n".join(part for part in parts(found) if not part.startswith("!"))


def write(folder: Path, found: Report, notes: str) -> None:
    """Write both files."""
    (folder / "performance.svg").write_text(plot(found.screens))
    text = [
        "# Performance",
        "Written by `make benchmark`, which measures from outside: a pseudo-terminal of 200 by 50, an emulator on "
        "its output, a pod's status changed through the API of a real control plane (kwok runs the pods). "
        "Medians, the worst in brackets.",
        f"Measured {machine()}",
        *parts(found),
        "## How to read this",
        notes,
    ]
    path = folder / "performance.md"
    old = path.read_text() if path.exists() else ""
    kept = old[old.index(KEPT) :] if KEPT in old else f"{KEPT}\n"
    path.write_text("\n\n".join(text) + f"\n\n{kept}")


def _cell(values: Sequence[float], form: str) -> str:
    if not values:
        return "not measured"
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(max(values))})" if len(values) > 1 else middle


def _svg(series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Lines over logarithmic axes; each series is divided by its first value."""
    width, height, left, bottom, top = 640, 340, 60, 40, 40
    ratios = {
        name: [(x, y / points[0][1]) for x, y in points] for name, points in series.items() if len(points) > 1
    }
    sizes = sorted({x for points in ratios.values() for x, _ in points}) or [1]
    highest = max((y for points in ratios.values() for _, y in points), default=10.0)
    low, high = math.log10(max(1, sizes[0])), math.log10(max(10, sizes[-1]))
    floor, ceiling = math.log10(0.5), math.log10(max(10.0, highest) * 1.2)

    def across(x: int) -> float:
        return left + (math.log10(max(1, x)) - low) / max(0.1, high - low) * (width - left - 190)

    def up(y: float) -> float:
        share = (math.log10(max(0.5, y)) - floor) / (ceiling - floor)
        return height - bottom - share * (height - bottom - top)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{left}" y="18">Cost against pods, as a multiple of the smallest size</text>'
    ]
    drawn += [
        f'<text x="{across(size):.1f}" y="{height - 20}" text-anchor="middle">{size:,}</text>'
        for size in sizes
    ]
    for mark in (1, 10, 100, 1_000):
        if mark <= highest * 1.2:
            drawn.append(f'<text x="{left - 8}" y="{up(mark):.1f}" text-anchor="end">×{mark:,}</text>')
            drawn.append(
                f'<line x1="{left}" x2="{width - 190}" y1="{up(mark):.1f}" y2="{up(mark):.1f}" stroke="#ddd"/>'
            )
    colours = ("#0b6e99", "#b35900", "#5a8f29", "#7a4fa3", "#b3121d", "#999999")
    for index, ((name, points), colour) in enumerate(zip(ratios.items(), colours, strict=False)):
        line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
        drawn.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        last = f" (×{points[-1][1]:,.1f})"
        drawn.append(f'<text x="{width - 180}" y="{60 + 18 * index}" fill="{colour}">{name}{last}</text>')
    return "".join(drawn) + "</svg>\n"
