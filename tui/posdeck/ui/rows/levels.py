"""The service levels as cards of lines: value, objective, how fast the error budget burns, and what to add."""

from __future__ import annotations

from posdeck.telemetry.levels import FAST_BURN, LevelState, LevelView
from posdeck.telemetry.reading import Reading
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import Line, Span
from posdeck.ui.spark import spark
from posdeck.ui.tones import Tone

_MARKS: dict[LevelState, tuple[str, Tone]] = {
    LevelState.MET: ("●", Tone.GOOD),
    LevelState.MISSED: ("✖", Tone.BAD),
    LevelState.BURNING: ("▲", Tone.WARN),
    LevelState.NO_OBJECTIVE: ("◇", Tone.NORMAL),
    LevelState.NO_SOURCE: ("–", Tone.DIM),
    LevelState.CANNOT_TELL: ("?", Tone.WARN),
}
_SPARK = 30


def level_lines(level: LevelView) -> list[Line]:
    """One service level: a head, a line of numbers where there are any, and the reason or what is missing."""
    mark, tone = _MARKS[level.state]
    head: Line = (
        (f"{mark} {level.state.value:<13}", tone),
        (f"{plain(level.title):<25}", Tone.STRONG),
        (f"{value_text(level.value, level.unit):>12}", tone if level.value.known else Tone.DIM),
        (f"  objective {objective_text(level)}", Tone.NORMAL),
    )
    lines: list[Line] = [head]
    if level.value.known:
        drawn = spark([value for _, value in level.history[-_SPARK:]], _SPARK) if level.history else ""
        burn: list[Span] = [("  ", Tone.NORMAL), (f"{drawn:<{_SPARK}}", Tone.ACCENT)]
        if level.burn_short.known or level.burn_long.known:
            burn += [
                ("  budget burns ", Tone.DIM),
                *_burn("5 min", level.burn_short),
                *_burn("1 h", level.burn_long),
            ]
        lines.append(tuple(burn))
    if level.because:
        lines.append((("  ", Tone.NORMAL), (plain(level.because, 400), Tone.DIM)))
    lines += [(("  add: ", Tone.ACCENT), (plain(each, 400), Tone.NORMAL)) for each in level.add]
    return [*lines, ()]


def value_text(reading: Reading, unit: str) -> str:
    """A value with its unit; a missing one by the word for why."""
    if reading.value is None:
        return reading.absence.value.replace("-", " ") if reading.absence else "unknown"
    return number_text(reading.value, unit)


def number_text(value: float, unit: str) -> str:
    """``0.212 s`` is 212 ms, a ratio is a percentage, anything else keeps its unit."""
    if unit == "s":
        return f"{value * 1000:,.0f} ms" if value < 1 else f"{value:,.1f} s"
    if unit == "ratio":
        return f"{value * 100:.2f} %"
    digits = 0 if value == int(value) or value >= 100 else 1
    return f"{value:,.{digits}f} {unit}".strip()


def objective_text(level: LevelView) -> str:
    """``≤ 500 ms``, ``≥ 98.00 %``, or that there is none."""
    if level.objective is None:
        return "none"
    return f"{'≥' if level.at_least else '≤'} {number_text(level.objective, level.unit)}"


def _burn(window: str, reading: Reading) -> list[Span]:
    if reading.value is None:
        return [(f"{window} ?  ", Tone.DIM)]
    tone = Tone.BAD if reading.value >= FAST_BURN else Tone.WARN if reading.value > 1 else Tone.GOOD
    return [(f"{window} {reading.value:.1f}×  ", tone)]
