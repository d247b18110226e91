"""The HPA in plain words: each metric with its arithmetic, the conditions, and why it is where it is.

The computation is the controller's: desired = ceil(current × reading / target), left alone when the ratio is
within the tolerance (0.1 by default), the largest over the metrics, clamped to minimum and maximum
(kubernetes.io, "Horizontal Pod Autoscaling", algorithm details).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from posdeck.cluster.snapshot import Condition, Hpa, HpaMetric
from posdeck.kubetext.quantities import format_cpu, format_memory
from posdeck.ui.plain import plain
from posdeck.ui.plotting import axis
from posdeck.ui.rows.cells import Line, Span
from posdeck.ui.rows.scaling import scaler_word
from posdeck.ui.scene import Scene
from posdeck.ui.spark import bar, spark
from posdeck.ui.tones import Tone

TOLERANCE = 0.1


@dataclass(frozen=True, slots=True)
class Wish:
    """What one metric asks for: ``replicas`` is None when it cannot be computed, ``formula`` says how."""

    replicas: int | None
    formula: str
    ratio: float | None = None


def wish(metric: HpaMetric, current: int | None) -> Wish:
    """The replicas that this metric alone would ask for."""
    reading, target = metric.current_number, metric.target_number
    if reading is None:
        return Wish(None, "no reading")
    if not target or not math.isfinite(reading) or not math.isfinite(target):
        return Wish(None, "no usable target")
    if not current:
        return Wish(
            None, "current replicas not known" if current is None else "at 0 replicas it is switched off"
        )
    ratio = reading / target
    formula = f"ceil({current} × {_plain_number(metric, reading)} / {_plain_number(metric, target)})"
    if abs(ratio - 1.0) <= TOLERANCE:
        return Wish(
            current, f"{formula} would be {math.ceil(current * ratio)}, within the 10 % tolerance", ratio
        )
    return Wish(math.ceil(current * ratio), formula, ratio)


def _plain_number(metric: HpaMetric, number: float) -> str:
    return number_text(metric, number).removesuffix("%").removesuffix("Mi").strip()


def number_text(metric: HpaMetric, number: float | None) -> str:
    """A reading or target with its unit."""
    if number is None:
        return "<unknown>"
    if metric.target_kind == "Utilization":
        return f"{number:.0f}%"
    if metric.name == "memory":
        return format_memory(int(number))
    if metric.name == "cpu":
        return format_cpu(number)
    return f"{number:,.6g}"


def metric_tone(metric: HpaMetric) -> Tone:
    """Below, near or above the target."""
    if metric.current_number is None or not metric.target_number:
        return Tone.BAD
    ratio = metric.current_number / metric.target_number
    return Tone.BAD if ratio > 1 + TOLERANCE else Tone.WARN if ratio > 0.9 else Tone.GOOD


def metric_lines(hpa: Hpa, cells: int) -> list[Line]:
    """One line for each metric: reading of target, gauge, and what it asks for."""
    lines: list[Line] = []
    name_width = max((len(m.name) for m in hpa.metrics), default=6)
    for metric in hpa.metrics:
        asked = wish(metric, hpa.current)
        tone = metric_tone(metric)
        label = f"{plain(metric.name):<{min(name_width, 16)}}  "
        reading = (
            f"{number_text(metric, metric.current_number)} of {number_text(metric, metric.target_number)}"
        )
        says = f"wants {asked.replicas}" if asked.replicas is not None else asked.formula
        gauge_width = max(0, min(24, cells - len(label) - 22 - len(says) - 4))
        ratio = asked.ratio if asked.ratio is not None else 0.0
        gauge = bar(ratio / 1.5, gauge_width) if gauge_width >= 6 else ""
        if gauge:
            target_at = min(gauge_width - 1, round(gauge_width / 1.5))
            gauge = gauge[:target_at] + "┃" + gauge[target_at + 1 :]
        lines.append(
            (
                (label, Tone.NORMAL),
                (f"{reading:<20} ", tone),
                (f"{gauge}  " if gauge else "", tone),
                (says, Tone.STRONG if asked.replicas is not None else Tone.BAD),
            )
        )
    return lines or [(("no metrics are configured", Tone.BAD),)]


def condition_words(condition: Condition, scene: Scene) -> Line:
    """One condition as a sentence with since when."""
    if condition.type == "ScalingLimited" and condition.status == "True":
        return _limited_words(condition, scene)
    good = condition.status == ("False" if condition.type == "ScalingLimited" else "True")
    words = {
        ("AbleToScale", True): "is able to scale",
        ("AbleToScale", False): "cannot scale",
        ("ScalingActive", True): "reads its metrics",
        ("ScalingActive", False): "cannot compute: it does not scale at all",
        ("ScalingLimited", True): "is not held back by its limits",
    }.get((condition.type, good), "")
    span: list[Span] = [
        ("✔ " if good else "▲ ", Tone.GOOD if good else Tone.WARN),
        (f"{plain(condition.type)} {plain(condition.status)}", Tone.STRONG),
        (f"  {words}" if words else "", Tone.NORMAL),
        (f"  {plain(condition.reason)}", Tone.DIM),
        (f"  since {scene.clock(condition.changed_at)}" if condition.changed_at else "", Tone.DIM),
    ]
    return tuple(span)


def _limited_words(condition: Condition, scene: Scene) -> Line:
    """ScalingLimited is true at rest too: at the minimum it only means that fewer would do."""
    words, loud = {
        "TooFewReplicas": ("fewer would do: held at its minimum", False),
        "TooManyReplicas": ("wants more than its maximum", True),
        "ScaleUpLimit": ("wants more at once than its behaviour allows", True),
        "ScaleDownLimit": ("wants to shrink faster than its behaviour allows", False),
    }.get(condition.reason, ("is held back by its limits", True))
    return (
        ("▲ " if loud else "· ", Tone.WARN if loud else Tone.DIM),
        ("ScalingLimited True", Tone.STRONG),
        (f"  {words}", Tone.NORMAL),
        (f"  {plain(condition.reason)}", Tone.DIM),
        (f"  since {scene.clock(condition.changed_at)}" if condition.changed_at else "", Tone.DIM),
    )


def held_by(hpa: Hpa) -> str:
    """What keeps it from running more or fewer; empty when nothing does."""
    active = next((c for c in hpa.conditions if c.type == "ScalingActive"), None)
    if active and active.status != "True":
        return f"not computing: {plain(active.reason)}"
    wishes = [w.replicas for m in hpa.metrics if (w := wish(m, hpa.current)).replicas is not None]
    most = max(wishes, default=None)
    if hpa.current is not None and hpa.current >= hpa.maximum:
        return "maximum" if most is not None and most > hpa.maximum else "at its maximum"
    if most is not None and most < hpa.minimum:
        return "minimum"
    return ""


def explanation(hpa: Hpa, scene: Scene) -> list[Line]:
    """Why it runs as many as it does, and what would have to change."""
    lines: list[Line] = []
    wishes = [(metric, wish(metric, hpa.current)) for metric in hpa.metrics]
    for metric, asked in wishes:
        result = f" = {asked.replicas}" if asked.replicas is not None and asked.formula.endswith(")") else ""
        lines.append(
            ((f"{plain(metric.name)} asks for ", Tone.NORMAL), (f"{asked.formula}{result}", Tone.STRONG))
        )
    known = [asked.replicas for _, asked in wishes if asked.replicas is not None]
    if known:
        most = max(known)
        clamped = min(max(most, hpa.minimum), hpa.maximum)
        clamp = f", clamped to {clamped} by {hpa.minimum}–{hpa.maximum}" if clamped != most else ""
        lines.append(((f"The largest counts: {most}{clamp}.", Tone.NORMAL),))
    if len(known) < len(wishes):
        lines.append(
            (("A metric without a reading can stop scale-down and hides part of the need.", Tone.WARN),)
        )
    if hpa.current is not None:
        room = hpa.maximum - hpa.current
        said = (
            f"Headroom: {room} more before the maximum." if room > 0 else "At its maximum: no headroom left."
        )
        lines.append(((said, Tone.NORMAL if room > 0 else Tone.BAD),))
    if hpa.scale_down_window is not None:
        lines.append(((f"Scale-down waits {hpa.scale_down_window} s after the last peak.", Tone.DIM),))
    if hpa.last_scaled:
        lines.append(
            ((f"Last scaled {scene.since(hpa.last_scaled)} ago ({scene.clock(hpa.last_scaled)}).", Tone.DIM),)
        )
    return lines


def replica_line(hpa: Hpa, history: Sequence[tuple[float, int, int]]) -> Line:
    """Current replicas, their history, and where they stand between minimum and maximum."""
    current = "?" if hpa.current is None else str(hpa.current)
    desired = "" if hpa.desired in {None, hpa.current} else f" → {hpa.desired}"
    span = max(1, hpa.maximum - hpa.minimum)
    place = 0.0 if hpa.current is None else (hpa.current - hpa.minimum) / span
    track = round(min(1.0, max(0.0, place)) * 10)
    at_maximum = hpa.current is not None and hpa.current >= hpa.maximum
    return (
        ("replicas ", Tone.NORMAL),
        (f"{current}{desired}", Tone.BAD if at_maximum else Tone.STRONG),
        (f"  {spark([float(point[1]) for point in history], 10, top=hpa.maximum)}  ", Tone.ACCENT),
        (
            f"{hpa.minimum} ├{'─' * track}●{'─' * (10 - track)}┤ {hpa.maximum}",
            Tone.BAD if at_maximum else Tone.DIM,
        ),
    )


def card(hpa: Hpa, scene: Scene, cells: int) -> list[Line]:
    """The small card of the overview."""
    history = scene.view.hpa_history.get(hpa.name, ())
    lines = [replica_line(hpa, history), *metric_lines(hpa, cells)]
    if why := held_by(hpa):
        limited = next((c for c in hpa.conditions if c.type == "ScalingLimited" and c.status == "True"), None)
        since = f", since {scene.clock(limited.changed_at)}" if limited and limited.changed_at else ""
        lines.append((("held by  ", Tone.NORMAL), (f"{why}{since}", Tone.WARN)))
    scaled = scene.view.scalers.of_hpa(hpa.name)
    return [*lines, (scaler_word(scaled),)] if scaled else lines


def plot(history: Sequence[tuple[float, int, int]], hpa: Hpa, cells: int, height: int) -> list[Line]:
    """Current (filled) and desired (dots) replicas between 0 and the maximum, over an axis of UTC times that is
    true to scale: each column shows what held at its moment."""
    if len(history) < 2 or cells < 20 or history[-1][0] <= history[0][0]:
        return [(("No history yet: it is kept from the moment posdeck starts.", Tone.DIM),)]
    columns = cells - 6
    begin, end = history[0][0], history[-1][0]
    times = [point[0] for point in history]
    moments = [begin + (end - begin) * i / (columns - 1) for i in range(columns)]
    points = [history[max(0, bisect_right(times, moment) - 1)] for moment in moments]
    top = max([hpa.maximum, 1, *(p[1] for p in points), *(p[2] for p in points)])
    lines: list[Line] = []
    for row in range(height, 0, -1):
        low, high = (row - 1) * top / height, row * top / height
        label = f"{round(high):>4} ┤" if row == height or row == (height + 1) // 2 else "     │"
        spans: list[Span] = [(label, Tone.DIM)]
        for _, current, desired in points:
            if desired != current and low < desired <= high:
                spans.append(("·", Tone.WARN))
            elif current > low:
                spans.append(("█" if current >= high else "▄", Tone.ACCENT))
            else:
                spans.append((" ", Tone.NORMAL))
        lines.append(tuple(spans))
    names = (("      █ running   · wanted   times in UTC", Tone.DIM),)
    return [*lines, *axis(begin, end, columns, 5), names]
