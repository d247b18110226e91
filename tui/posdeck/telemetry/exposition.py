"""Prometheus' text format, as a pod serves it on its metrics port (the collector's 8888, for one)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from posdeck.telemetry.source import LONGEST_ANSWER, SourceError

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LINE = re.compile(rf"({_NAME})\s*(?:\{{(.*)\}})?\s+(\S+)(?:\s+(-?\d+))?(?:\s+#.*)?")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:\\.|[^"\\])*)"\s*(?:,|$)')
_ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


@dataclass(frozen=True, slots=True)
class Metric:
    """One line: a series and its value now; None for NaN and the infinities."""

    name: str
    labels: Mapping[str, str]
    value: float | None


def parse(body: bytes, name: str) -> list[Metric]:
    """The series of an answer; ``name`` is how errors call the endpoint. Raises SourceError with the number of the
    first line that is none."""
    if len(body) > LONGEST_ANSWER:
        raise SourceError(name, f"its answer has {len(body):,} bytes", "It is not read.")
    found = []
    for number, line in enumerate(body.decode("utf-8", "replace").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        metric = _metric(text)
        if metric is None:
            raise SourceError(name, f"line {number} is no metric: {text[:80]!r}", "Check its address.")
        found.append(metric)
    return found


def total(metrics: list[Metric], name: str, **labels: str) -> float | None:
    """The sum over a metric's series that carry these labels; None without one, or when one is no number. The
    collector writes its counters with and without the ending ``_total``, by version."""
    wanted = {name, f"{name}_total"}
    values = [m.value for m in metrics if m.name in wanted and labels.items() <= m.labels.items()]
    known = [v for v in values if v is not None]
    return sum(known) if known and len(known) == len(values) else None


def _metric(text: str) -> Metric | None:
    match = _LINE.fullmatch(text)
    if match is None:
        return None
    try:
        value = float(match[3])
        labels = dict(_labels(match[2] or ""))
    except ValueError:
        return None
    return Metric(match[1], labels, value if math.isfinite(value) else None)


def _labels(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text.rstrip()):
        match = _LABEL.match(text, position)
        if match is None:
            raise ValueError(text)
        yield match[1], re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), match[2])
        position = match.end()
