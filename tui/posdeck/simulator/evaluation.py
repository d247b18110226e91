"""Evaluates PromQL trees over recorded samples, with Prometheus' own rules for staleness and extrapolation."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from posdeck.simulator.promql import Aggregate, Binary, Call, Node, Number, QueryError, Selector

Labels = tuple[tuple[str, str], ...]
Sample = tuple[float, float]  # time, value
Vector = dict[Labels, float]
LOOKBACK = 300.0


class Source(Protocol):
    """Where samples come from."""

    def select(self, node: Selector) -> Iterable[tuple[Labels, Sequence[Sample]]]:
        """(sorted labels with __name__, samples in order of time) of every series that matches."""
        ...


def evaluate(node: Node, source: Source, at: float) -> Vector | float:
    """The value at a moment: a vector or a scalar. Raises QueryError."""
    match node:
        case Number(value):
            return value
        case Selector():
            return _instant(node, source, at)
        case Call():
            return _call(node, source, at)
        case Aggregate():
            return _aggregate(node, source, at)
        case Binary():
            return _binary(node, evaluate(node.left, source, at), evaluate(node.right, source, at))


def _instant(node: Selector, source: Source, at: float) -> Vector:
    if node.seconds:
        raise QueryError(
            'invalid expression type "range vector" for instant query, must be Scalar or instant Vector'
        )
    found: Vector = {}
    for labels, samples in source.select(node):
        latest = next((s for s in reversed(samples) if s[0] <= at), None)
        # NaN marks a series that a scrape found no more, as Prometheus' own staleness marker does
        if latest is not None and at - latest[0] < LOOKBACK and not math.isnan(latest[1]):
            found[labels] = latest[1]
    return found


def _unnamed(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != "__name__")


def _call(node: Call, source: Source, at: float) -> Vector | float:
    if node.name == "time":
        return at
    first = node.arguments[0]
    if node.name == "histogram_quantile":
        return _quantile(node, source, at)
    if isinstance(first, Selector) and first.seconds:
        found: Vector = {}
        for labels, samples in source.select(first):
            window = [s for s in samples if at - first.seconds < s[0] <= at]
            number = _over_time(node.name, window, at - first.seconds, at)
            if number is not None:
                found[_unnamed(labels)] = number
        return found
    value = evaluate(first, source, at)
    rest = [evaluate(a, source, at) for a in node.arguments[1:]]
    if node.name == "absent":
        return {} if isinstance(value, dict) and value else {(): 1.0}
    if any(isinstance(r, dict) for r in rest):
        raise QueryError(f'parse error: expected type scalar in call to function "{node.name}"')
    bound = float(rest[0]) if rest and not isinstance(rest[0], dict) else 0.0
    functions: dict[str, Callable[[float], float]] = {
        "abs": abs,
        "ceil": math.ceil,
        "floor": math.floor,
        "round": lambda v: math.floor(v + 0.5),
        "clamp_min": lambda v: max(v, bound),
        "clamp_max": lambda v: min(v, bound),
    }
    change = functions[node.name]
    if isinstance(value, dict):
        return {_unnamed(labels): change(v) for labels, v in value.items()}
    return change(value)


def _over_time(name: str, window: list[Sample], start: float, end: float) -> float | None:
    values = [v for _, v in window]
    match name:
        case "rate" | "increase":
            grown = _extrapolated(window, start, end)
            return grown / (end - start) if grown is not None and name == "rate" else grown
        case "delta":
            return _extrapolated(window, start, end, counter=False)
        case "irate":
            if len(window) < 2:
                return None
            (t0, v0), (t1, v1) = window[-2:]
            return (v1 - v0 if v1 >= v0 else v1) / (t1 - t0)
        case _ if not values:
            return None
        case "avg_over_time":
            return sum(values) / len(values)
        case "max_over_time":
            return max(values)
        case "min_over_time":
            return min(values)
        case "sum_over_time":
            return sum(values)
    return values[-1]


def _extrapolated(window: list[Sample], start: float, end: float, *, counter: bool = True) -> float | None:
    """The growth over the window, resets allowed for, extrapolated to its edges as Prometheus does it."""
    if len(window) < 2:
        return None
    growth = window[-1][1] - window[0][1]
    if counter:
        growth += sum(a[1] for a, b in itertools.pairwise(window) if b[1] < a[1])
    covered = window[-1][0] - window[0][0]
    between = covered / (len(window) - 1)
    before, after = window[0][0] - start, end - window[-1][0]
    if counter and growth > 0 and window[0][1] >= 0:
        before = min(before, covered * window[0][1] / growth)
    edge = between * 1.1
    stretched = (
        covered + (before if before < edge else between / 2) + (after if after < edge else between / 2)
    )
    return growth * stretched / covered


def _aggregate(node: Aggregate, source: Source, at: float) -> Vector:
    value = evaluate(node.of, source, at)
    if not isinstance(value, dict):
        raise QueryError("parse error: expected type instant vector in aggregation expression, got scalar")
    groups: dict[Labels, list[float]] = {}
    for labels, number in value.items():
        if node.without:
            key = tuple(p for p in _unnamed(labels) if p[0] not in node.labels)
        else:
            key = tuple(p for p in labels if p[0] in node.labels)
        groups.setdefault(key, []).append(number)
    combine: dict[str, Callable[[list[float]], float]] = {
        "sum": sum,
        "max": max,
        "min": min,
        "avg": lambda v: sum(v) / len(v),
        "count": len,
    }
    return {key: float(combine[node.name](numbers)) for key, numbers in groups.items()}


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else (math.nan if not a or math.isnan(a) else math.copysign(math.inf, a)),
    "%": lambda a, b: math.fmod(a, b) if b else math.nan,
}
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


def _binary(node: Binary, left: Vector | float, right: Vector | float) -> Vector | float:
    if not isinstance(left, dict) and not isinstance(right, dict):
        if node.operator in _ARITHMETIC:
            return _ARITHMETIC[node.operator](left, right)
        if not node.as_bool:
            raise QueryError("parse error: comparisons between scalars must use BOOL modifier")
        return float(_COMPARE[node.operator](left, right))
    pairs = _paired(left, right)
    if node.operator in _ARITHMETIC:
        return {_unnamed(labels): _ARITHMETIC[node.operator](a, b) for labels, a, b in pairs}
    compare = _COMPARE[node.operator]
    if node.as_bool:
        return {_unnamed(labels): float(compare(a, b)) for labels, a, b in pairs}
    return {labels: a if isinstance(left, dict) else b for labels, a, b in pairs if compare(a, b)}


def _paired(left: Vector | float, right: Vector | float) -> list[tuple[Labels, float, float]]:
    if isinstance(left, dict) and isinstance(right, dict):
        others = {_unnamed(labels): value for labels, value in right.items()}
        if len(others) < len(right):
            raise QueryError("many-to-many matching not allowed: matching labels must be unique on one side")
        return [
            (labels, value, others[_unnamed(labels)])
            for labels, value in left.items()
            if _unnamed(labels) in others
        ]
    if isinstance(left, dict):
        return [(labels, value, float(right)) for labels, value in left.items()]  # type: ignore[arg-type]
    assert isinstance(right, dict)
    return [(labels, left, value) for labels, value in right.items()]


def _quantile(node: Call, source: Source, at: float) -> Vector:
    if len(node.arguments) != 2:
        raise QueryError('parse error: expected 2 argument(s) in call to "histogram_quantile"')
    share, value = (evaluate(argument, source, at) for argument in node.arguments)
    if isinstance(share, dict) or not isinstance(value, dict):
        raise QueryError('parse error: wrong types in call to function "histogram_quantile"')
    groups: dict[Labels, list[tuple[float, float]]] = {}
    for labels, number in value.items():
        bound = dict(labels).get("le")
        if bound is not None:
            key = tuple(p for p in _unnamed(labels) if p[0] != "le")
            groups.setdefault(key, []).append((math.inf if bound == "+Inf" else float(bound), number))
    return {key: _within_buckets(share, sorted(buckets)) for key, buckets in groups.items()}


def _within_buckets(share: float, buckets: list[tuple[float, float]]) -> float:
    total = buckets[-1][1]
    if buckets[-1][0] != math.inf or len(buckets) < 2 or not total:
        return math.nan
    rank = share * total
    index = next((i for i, (_, count) in enumerate(buckets) if count >= rank), len(buckets) - 1)
    if index == len(buckets) - 1:
        return buckets[-2][0]
    low, below = (0.0, 0.0) if index == 0 else buckets[index - 1]
    high, count = buckets[index]
    return low + (high - low) * (rank - below) / (count - below) if count > below else high
