"""Curves over time in braille dots, two by four in a cell, with both axes, as lines of text. A hole stays a hole, curves
of one plot share one scale, and each is told by a digit at its end and not by its colour alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from datetime import UTC, datetime

from posdeck.operations.charts import Plot
from posdeck.telemetry.curves import Curve, clipped, highest
from posdeck.telemetry.source import Points
from posdeck.ui.plain import fit, plain, width
from posdeck.ui.rows.cells import Line, Span
from posdeck.ui.tones import Tone

_DOTS = (
    (0x01, 0x02, 0x04, 0x40),
    (0x08, 0x10, 0x20, 0x80),
)  # of the left and of the right column, from above
_TONES = (Tone.ACCENT, Tone.BUSY, Tone.GOOD, Tone.WARN, Tone.STRONG, Tone.HEADING)
_MARKS = "123456789"
_LABEL = 6  # cells of an axis' numbers
_LEAST = 12  # columns below which nothing is drawn


class Canvas:
    """Cells of dots. The curve that came last has a cell's colour."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self._bits = [[0] * columns for _ in range(rows)]
        self._tones = [[Tone.NORMAL] * columns for _ in range(rows)]
        self._marks: dict[tuple[int, int], str] = {}

    def draw(self, piece: Points, start: float, end: float, top: float, tone: Tone) -> None:
        """One stretch of a curve, from point to point."""
        wide, high = self.columns * 2 - 1, self.rows * 4 - 1
        dots = [
            ((at - start) / (end - start) * wide, (1 - min(1.0, max(0.0, value / top))) * high)
            for at, value in piece
            if start <= at <= end
        ]
        for before, after in itertools.pairwise(dots):
            self._line(before, after, tone)
        if dots:
            self._dot(round(dots[-1][0]), round(dots[-1][1]), tone)

    def _line(self, before: tuple[float, float], after: tuple[float, float], tone: Tone) -> None:
        steps = max(1, math.ceil(max(abs(after[0] - before[0]), abs(after[1] - before[1]))))
        for step in range(steps + 1):
            share = step / steps
            x = before[0] + (after[0] - before[0]) * share
            y = before[1] + (after[1] - before[1]) * share
            self._dot(round(x), round(y), tone)

    def _dot(self, x: int, y: int, tone: Tone) -> None:
        column, row = x // 2, y // 4
        if 0 <= column < self.columns and 0 <= row < self.rows:
            self._bits[row][column] |= _DOTS[x % 2][y % 4]
            self._tones[row][column] = tone

    def mark(
        self, at: float, value: float, start: float, end: float, top: float, text: str, tone: Tone
    ) -> None:
        """A character at a point of a curve; where one stands already, beside it."""
        if not start <= at <= end:
            return
        column = round((at - start) / (end - start) * (self.columns - 1))
        row = round((1 - min(1.0, max(0.0, value / top))) * (self.rows - 1))
        while (row, column) in self._marks and column > 0:
            column -= 1
        self._marks[row, column] = text
        self._tones[row][column] = tone

    def spans(self, row: int) -> list[Span]:
        """One row as text."""
        found: list[Span] = []
        for column in range(self.columns):
            bits = self._bits[row][column]
            text = self._marks.get((row, column)) or (chr(0x2800 + bits) if bits else " ")
            tone = self._tones[row][column] if text != " " else Tone.NORMAL
            if found and found[-1][1] is tone:
                found[-1] = (found[-1][0] + text, tone)
            else:
                found.append((text, tone))
        return found


def plot_lines(plot: Plot, start: float, end: float, cells: int, height: int) -> list[Line]:
    """A plot in exactly ``height`` lines of ``cells`` cells: title, picture, axis, legend."""
    title: Line = (
        (fit(f"{plot.title} ", min(cells, width(plot.title) + 1)), Tone.HEADING),
        (plot.unit, Tone.DIM),
    )
    legend = legend_lines(plot, cells, most=max(1, min(4, height // 4)))
    columns = cells - _LABEL - 2 - (_LABEL + 1 if plot.right else 0)
    rows = height - 3 - len(legend)
    if plot.reason or columns < _LEAST or rows < 2 or end <= start:
        why = plain(plot.reason or "There is no room for a plot here.", 600)
        return _padded([title, (("  " + why, Tone.DIM),)], height)
    lines: list[Line] = [
        title,
        *_picture(plot, start, end, columns, rows),
        *axis(start, end, columns, _LABEL + 1),
    ]
    return _padded([*lines, *legend], height)


def _picture(plot: Plot, start: float, end: float, columns: int, rows: int) -> list[Line]:
    top, right_top = nice(highest(plot.curves)), nice(highest(plot.right))
    canvas = Canvas(columns, rows)
    for curve in plot.right:
        for piece in curve.pieces:
            canvas.draw(piece, start, end, right_top, Tone.DIM)
    for place, curve in enumerate(plot.curves):
        for piece in curve.pieces:
            canvas.draw(piece, start, end, top, _tone(place))
    for place, curve in enumerate(plot.curves):
        shown = clipped(curve.points, start, end)
        if shown and len(plot.curves) > 1:
            canvas.mark(*shown[-1], start, end, top, _mark(place), _tone(place))
    lines: list[Line] = []
    for row in range(rows):
        left, right = _scale(row, rows, top), _scale(row, rows, right_top)
        spans: list[Span] = [(f"{left:>{_LABEL}} {'┤' if left else '│'}", Tone.DIM), *canvas.spans(row)]
        if plot.right:
            spans.append((f"{'├' if right else '│'}{right:<{_LABEL}}", Tone.DIM))
        lines.append(tuple(spans))
    return lines


def axis(begin: float, end: float, columns: int, indent: int) -> list[Line]:
    """The ground line with its marks, and the times of day below them, in UTC; over a day with the date's day."""
    pattern = "%H:%M:%S" if end - begin < 300 else "%H:%M"
    marks = max(2, min(7, columns // 16 + 1))
    ground, names = ["─"] * columns, [" "] * (columns + indent + 1)
    for mark in range(marks):
        place = round((columns - 1) * mark / (marks - 1))
        ground[place] = "┴"
        text = datetime.fromtimestamp(begin + (end - begin) * mark / (marks - 1), UTC).strftime(pattern)
        first = min(max(0, indent + 1 + place - len(text) // 2), len(names) - len(text))
        names[first : first + len(text)] = text
    return [((f"{'0':>{indent - 1}} └" + "".join(ground), Tone.DIM),), (("".join(names), Tone.DIM),)]


def legend_lines(plot: Plot, cells: int, *, most: int) -> list[Line]:
    """Each curve with its mark, its last value and its highest; one without points with its reason."""
    several = len(plot.curves) > 1
    parts = [_legend(c, _mark(i) if several else "━", _tone(i)) for i, c in enumerate(plot.curves)]
    parts += [_legend(c, "┄", Tone.DIM, f" {plot.right_unit}") for c in plot.right]
    lines: list[list[Span]] = [[]]
    used = 0
    for part in parts:
        long = sum(width(text) for text, _ in part) + 3
        if used and used + long > cells:
            if len(lines) >= most:
                lines[-1].append((" …", Tone.DIM))
                break
            lines.append([])
            used = 0
        lines[-1] += [*part, ("   ", Tone.NORMAL)]
        used += long
    return [tuple(line) for line in lines]


def _legend(curve: Curve, mark: str, tone: Tone, after: str = "") -> list[Span]:
    name = plain(curve.label.removeprefix("consumer-"))
    if not curve.points:
        return [
            (f"{mark} ", tone),
            (f"{name}{after} ", Tone.NORMAL),
            (plain(curve.reason or "–", 60), Tone.DIM),
        ]
    values = [v for _, v in curve.points if math.isfinite(v)]
    last = curve.points[-1][1]
    return [
        (f"{mark} ", tone),
        (f"{name}{after} ", Tone.NORMAL),
        (f"{short(last)}", Tone.STRONG),
        (f" peak {short(max(values, default=0.0))}", Tone.DIM),
    ]


def short(value: float) -> str:
    """A number in at most six cells: 0.25, 12.4, 2,318, 12.4k, 3.1M."""
    if not math.isfinite(value):
        return "?"
    if abs(value) >= 1e12:
        return f"{value:.0e}"
    for limit, divisor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= limit:
            return (
                f"{value / divisor:.1f}{unit}"
                if abs(value) < 100 * divisor
                else f"{value / divisor:.0f}{unit}"
            )
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.01 else f"{value:.4f}"


def nice(top: float) -> float:
    """The next round number, as the end of a scale."""
    if top <= 0 or not math.isfinite(top):
        return 1.0
    power = 10.0 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if step * power >= top * 0.999)


def beside(blocks: Sequence[Sequence[Line]], cells: int) -> list[Line]:
    """Blocks of lines side by side, each ``cells`` wide."""
    found: list[Line] = []
    for number in range(max((len(b) for b in blocks), default=0)):
        spans: list[Span] = []
        for place, block in enumerate(blocks):
            line = block[number] if number < len(block) else ()
            used = sum(width(text) for text, _ in line)
            if used > cells:
                line, used = _cut(line, cells), cells
            spans += line
            if place < len(blocks) - 1:
                spans.append((" " * (cells - used + 2), Tone.NORMAL))
        found.append(tuple(spans))
    return found


def _cut(line: Line, cells: int) -> Line:
    spans: list[Span] = []
    left = cells
    for text, tone in line:
        spans.append((fit(text, min(left, width(text))), tone))
        left -= min(left, width(text))
    return tuple(spans)


def _scale(row: int, rows: int, top: float) -> str:
    """The number that stands at a row: at the top, and in the middle where there is room."""
    if row == 0:
        return short(top)
    return short(top / 2) if rows >= 5 and row == rows // 2 else ""


def _padded(lines: list[Line], height: int) -> list[Line]:
    return [*lines[:height], *([()] * (height - len(lines)))]


def _tone(place: int) -> Tone:
    return _TONES[place % len(_TONES)]


def _mark(place: int) -> str:
    return _MARKS[place % len(_MARKS)]
