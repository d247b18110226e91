"""The selected consumer in words: would more replicas help, and its tiers side by side."""

from __future__ import annotations

from collections.abc import Sequence

from posdeck.operations.view import ConsumerView
from posdeck.telemetry.reading import Reading
from posdeck.ui.plain import fit, plain, width, wrap
from posdeck.ui.rows.cells import ABSENT, Line, Span
from posdeck.ui.rows.consumers import oldest_cell, verdict_mark
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_LABEL = 14
_LEAST = 16  # cells of a column of the comparison
_ORDER = ("standard", "vip1", "svip1", "svip2")


def advice_lines(consumer: ConsumerView, cells: int) -> list[Line]:
    """Verdict, arithmetic, and whether scaling would help, wrapped."""
    mark, tone = verdict_mark(consumer.verdict)
    lines: list[Line] = [((f"{mark} {plain(consumer.name)}: {consumer.verdict.value}", tone),)]
    lines += [
        ((f"  {text}", Tone.NORMAL),)
        for text in wrap(plain(consumer.because) or "no reason given", cells - 2)
    ]
    for place, said in enumerate(consumer.help):
        lead = "Would scaling help? " if place == 0 else "  "
        for number, text in enumerate(wrap(plain(said), cells - len(lead))):
            lines.append((((lead if number == 0 else " " * len(lead)), Tone.HEADING), (text, Tone.NORMAL)))
    return lines


def tier_lines(consumers: Sequence[ConsumerView], scene: Scene, cells: int) -> list[Line]:
    """Consumers of one kind beside each other, a column for each tier; nothing where there is only one tier."""
    tiers = sorted(
        consumers, key=lambda c: (_ORDER.index(c.tier) if c.tier in _ORDER else len(_ORDER), c.name)
    )
    if len({c.tier for c in tiers}) < 2:
        return []
    column = min(26, (cells - _LABEL) // len(tiers))
    if column < _LEAST:
        tiers = tiers[: max(1, (cells - _LABEL) // _LEAST)]
        column = max(_LEAST, (cells - _LABEL) // len(tiers))
    head: list[Span] = [(fit("tier", _LABEL), Tone.HEADING)]
    head += [
        (fit(plain(c.tier).upper() if c.tier != "standard" else "standard", column), Tone.HEADING)
        for c in tiers
    ]
    rows: list[tuple[str, list[Span]]] = [("waiting", []), ("oldest", []), ("in / out a s", []), ("each replica", []),
                                          ("dead letters", []), ("replicas", []), ("verdict", [])]  # fmt: skip
    for consumer in tiers:
        for (_, spans), (text, tone) in zip(rows, _column(consumer, scene), strict=True):
            spans.append((fit(text, column - 1) + " ", tone))
    lines: list[Line] = [tuple(head)]
    lines += [((fit(title, _LABEL), Tone.DIM), *spans) for title, spans in rows]
    return [line for line in lines if sum(width(text) for text, _ in line) <= max(cells, _LABEL + column)]


def _column(consumer: ConsumerView, scene: Scene) -> list[Span]:
    deployment = scene.snapshot.deployments.get(scene.wall.full(consumer.name))
    ready = deployment.ready if deployment else 0
    out = consumer.rate_out.value
    each = f"{out / ready:.1f} a second" if out is not None and ready else "–"
    replicas = "?" if deployment is None else f"{deployment.ready} of {deployment.desired}"
    mark, tone = verdict_mark(consumer.verdict)
    both = f"{_number(consumer.rate_in, 1)} / {_number(consumer.rate_out, 1)}"
    return [
        (_number(consumer.lag), Tone.STRONG),
        (oldest_cell(consumer.oldest).text, Tone.NORMAL),
        (both, Tone.NORMAL),
        (each, Tone.NORMAL),
        (_number(consumer.dead_letters), Tone.NORMAL),
        (replicas, Tone.NORMAL),
        (f"{mark} {consumer.verdict.value}", tone),
    ]


def _number(reading: Reading, decimals: int = 0) -> str:
    return ABSENT.get(reading.absence, "?") if reading.value is None else f"{reading.value:,.{decimals}f}"
