"""The results as tables and a plot, in ``docs/performance.md`` and ``docs/performance.svg``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.playbooks import ActFigures
from tests.benchmarks.screen import Figures

# field, what it is, form, what issue 8 asks for at 2, 1,000 and 10,000 pods
ROWS = (
    ("first_frame_s", "first frame, s", "{:.2f}", "≤ 0.49 / 0.51 / 0.64"),
    ("live_rows_s", "first live rows, s", "{:.2f}", "≤ 0.94 / 1.65 / 2.0"),
    ("change_ms", "pod changed → shown, ms", "{:.0f}", "≤ 150"),
    ("key_ms", "key → screen, ms", "{:.0f}", "≤ 20"),
    ("idle_cpu_pct", "idle CPU, % of one core", "{:.1f}", "≤ 1 / 3.3 / 19"),
    ("memory_mb", "memory, MB", "{:.0f}", "– / – / 422"),
    ("burst_ms", "burst of changes → last one shown, ms", "{:.0f}", "≤ 1000"),
    ("burst_key_ms", "key → screen during the burst, ms", "{:.0f}", "≤ 50"),
)
KEPT = "<!-- what follows is written by hand and kept -->"
ACTS = {
    "first_task_cold": ("confirm → first task, cold", "≤ 1.0"),
    "first_task_held": ("confirm → first task, held ready", "≤ 0.35"),
    "per_read": ("each further read task", "≤ 0.07"),
    "per_patch": ("each further patch task, gate and record included", "≤ 0.07"),
    "read_patch_read": ("read, patch, read one Deployment, held ready", "≤ 0.6"),
    "eleven_patches": ("eleven patch tasks, held ready", "≤ 2"),
}


def screen_table(measured: Sequence[Figures]) -> str:
    """One column per program and size; medians, with the worst in brackets."""
    head = "| | " + " | ".join(f"{f.program}, {f.pods:,}" for f in measured) + " | wanted |"
    lines = [head, "|---|" + "---|" * (len(measured) + 1)]
    for name, title, form, wanted in ROWS:
        cells = [_cell(getattr(f, name), form) for f in measured]
        lines.append(f"| {title} | {' | '.join(cells)} | {wanted} |")
    return "\n".join(lines)


def acts_table(figures: ActFigures) -> str:
    """Seconds; medians, with the worst in brackets."""
    lines = ["| an act | seconds | wanted |", "|---|---|---|"]
    for each in fields(figures):
        title, wanted = ACTS[each.name]
        lines.append(f"| {title} | {_cell(getattr(figures, each.name), '{:.2f}')} | {wanted} |")
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
    """First live rows and change to screen against the number of pods, relative to the smallest size, as SVG."""
    ours = sorted((f for f in measured if f.program == "posdeck"), key=lambda f: f.pods)
    series = {
        "first live rows": [(f.pods, f.median("live_rows_s")) for f in ours],
        "pod changed → shown": [(f.pods, f.median("change_ms")) for f in ours],
        "key → screen": [(f.pods, f.median("key_ms")) for f in ours],
        "memory": [(f.pods, f.median("memory_mb")) for f in ours],
    }
    return _svg({name: [(x, y) for x, y in points if y] for name, points in series.items()})


def write(folder: Path, measured: Sequence[Figures], acts: ActFigures | None, notes: str) -> None:
    """Write both files."""
    (folder / "performance.svg").write_text(plot(measured))
    parts = [
        "# Performance",
        "Written by `make benchmark`, which measures from outside: a pseudo-terminal of 200 by 50, an emulator on "
        "its output, a pod's status changed through the API of a real control plane (kwok runs the pods). "
        "Medians, the worst in brackets.",
        f"Measured {machine()}",
        "## The screen",
        screen_table(measured),
        "Targets are what issue 8 derived from k9s 0.51 on another day; where `k9s` is on PATH it is measured in "
        "turn and stands beside.",
        "![Cost against size](performance.svg)",
    ]
    if acts is not None:
        parts += ["## Acts", acts_table(acts)]
    parts += ["## How to read this", notes]
    path = folder / "performance.md"
    old = path.read_text() if path.exists() else ""
    kept = old[old.index(KEPT) :] if KEPT in old else f"{KEPT}\n"
    path.write_text("\n\n".join(parts) + f"\n\n{kept}")


def _cell(values: Sequence[float], form: str) -> str:
    if not values:
        return "not measured"
    middle = form.format(statistics.median(values))
    return f"{middle} ({form.format(max(values))})" if len(values) > 1 else middle


def _svg(series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Lines over a logarithmic axis of pods; each series is divided by its first value."""
    import math

    width, height, left, bottom = 640, 320, 60, 40
    sizes = sorted({x for points in series.values() for x, _ in points}) or [1]
    highest = max((y / points[0][1] for points in series.values() for _, y in points), default=1.0) * 1.1
    low, high = math.log10(max(1, sizes[0])), math.log10(max(10, sizes[-1]))

    def at(x: int, y: float) -> str:
        across = (math.log10(max(1, x)) - low) / max(0.1, high - low)
        return (
            f"{left + across * (width - left - 170):.1f},{height - bottom - y / highest * (height - 70):.1f}"
        )

    colours = ("#0b6e99", "#b35900", "#5a8f29", "#7a4fa3")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="{left}" y="18">Cost against pods, as a multiple of the smallest size</text>'
    ]
    for size in sizes:
        x = at(size, 0).split(",")[0]
        parts.append(f'<text x="{x}" y="{height - 20}" text-anchor="middle">{size:,}</text>')
    for mark in (1.0, highest / 1.1):
        y = float(at(sizes[0], mark).split(",")[1])
        parts.append(f'<text x="{left - 8}" y="{y:.1f}" text-anchor="end">×{mark:.1f}</text>')
    for index, ((name, points), colour) in enumerate(zip(series.items(), colours, strict=False)):
        line = " ".join(at(x, y / points[0][1]) for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{width - 160}" y="{60 + 18 * index}" fill="{colour}">{name}</text>')
    return "".join(parts) + "</svg>\n"
