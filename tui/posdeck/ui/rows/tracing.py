"""The trace pipeline as lines: verdict, numbers, what they mean, and two plots."""

from __future__ import annotations

from posdeck.operations.tracing import TracingView
from posdeck.telemetry.collector import TraceState
from posdeck.telemetry.reading import Reading
from posdeck.ui.plain import plain, wrap
from posdeck.ui.plotting import beside, plot_lines
from posdeck.ui.rows.cells import ABSENT, Line
from posdeck.ui.spark import bar
from posdeck.ui.tones import Tone

_STATES = {
    TraceState.KEEPING_UP: ("●", Tone.GOOD),
    TraceState.FALLING_BEHIND: ("▲", Tone.WARN),
    TraceState.NEARLY_FULL: ("▲", Tone.WARN),
    TraceState.EXPORT_FAILING: ("✖", Tone.BAD),
    TraceState.REFUSING: ("✖", Tone.BAD),
    TraceState.CANNOT_TELL: ("?", Tone.DIM),
}
_SHOWN = (
    ("accepted", "spans taken from the programs", False),
    ("refused", "spans turned away: lost", True),
    ("sent", "spans handed on to the backend", False),
    ("failed", "spans the backend would not take: lost", True),
    ("dropped", "spans for which the queue had no room: lost", True),
)
_EXPLAINED = (
    "Collection lag is the time from a span's end until it can be found in the tracing backend. It grows in the queue "
    "between the two: a batch waits there until the backend has taken those before it. A queue that grows means a late "
    "picture; a full one means holes in it. Orders, billing and uploads are not held up by either."
)
_WIDE = 120


def tracing_lines(read: TracingView, cells: int, height: int) -> list[Line]:
    """The whole page."""
    mark, tone = _STATES[read.state]
    lines: list[Line] = [
        ((f"{mark} {read.state.value}", tone), (f"  {plain(read.because, 400)}", Tone.NORMAL)),
        ((f"  {read.name or 'no collector'}", Tone.STRONG), (_from(read), Tone.DIM)),
    ]
    if read.problem:
        lines.append(((f"  its own metrics cannot be read: {plain(read.problem, 400)}", Tone.WARN),))
    lines += [(), *_number_lines(read), (), (("COLLECTION LAG", Tone.HEADING),), *_lag_lines(read)]
    lines += [((text, Tone.DIM),) for text in wrap(_EXPLAINED, cells)]
    lines.append(())
    if cells >= _WIDE:
        half = (cells - 2) // 2
        room = max(8, height - len(lines))
        return [*lines, *beside([plot_lines(p, read.start, read.end, half, room) for p in read.plots], half)]
    for plot in read.plots:
        lines += [*plot_lines(plot, read.start, read.end, cells, 10), ()]
    return lines


def _from(read: TracingView) -> str:
    pods = f" · {len(read.pods)} pod{'' if len(read.pods) == 1 else 's'} ready" if read.name else ""
    return f"{pods} · from {plain(read.source)}" if read.source else pods


def _number_lines(read: TracingView) -> list[Line]:
    lines: list[Line] = []
    for name, meaning, bad in _SHOWN:
        reading: Reading = getattr(read.numbers, name)
        loud = Tone.BAD if bad and (reading.value or 0) > 0.01 else Tone.STRONG
        lines.append(
            (
                (f"  {name:<9}", Tone.NORMAL),
                (f"{_text(reading):>12} ", loud if reading.known else Tone.DIM),
                (f"{'a second' if reading.known else '':<10}", Tone.DIM),
                (meaning if reading.known else plain(reading.reason, 160), Tone.DIM),
            )
        )
    return lines


def _lag_lines(read: TracingView) -> list[Line]:
    numbers, fill = read.numbers, read.numbers.fill
    if fill is None or numbers.queued.value is None or numbers.capacity.value is None:
        reason = numbers.queued.reason or numbers.capacity.reason or "not known"
        return [((f"  queue: {plain(reason, 200)}", Tone.DIM),)]
    tone = Tone.BAD if fill >= 0.8 else Tone.WARN if fill >= 0.5 else Tone.GOOD
    growth = numbers.growth.value
    change = "" if growth is None else ", steady" if abs(growth) < 0.005 else f", {growth:+.2f} a second"
    return [
        (
            ("  queue ", Tone.NORMAL),
            (f"{numbers.queued.value:,.0f} of {numbers.capacity.value:,.0f} batches ", Tone.STRONG),
            (f"▕{bar(fill, 20)}▏ {fill:.0%}{change}", tone),
        )
    ]


def _text(reading: Reading) -> str:
    if reading.value is None:
        return ABSENT.get(reading.absence, "?")
    return f"{reading.value:,.1f}"
