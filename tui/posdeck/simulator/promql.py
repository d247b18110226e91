"""The part of PromQL that the embedded Prometheus understands: parsed here, evaluated in ``prometheus``.

Selectors with matchers, range selectors in the functions of ``RANGE_FUNCTIONS``, ``histogram_quantile``, ``time``, the
aggregations with by and without, arithmetic and comparisons. Anything else is refused, never guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

RANGE_FUNCTIONS = frozenset(
    {
        "rate",
        "irate",
        "increase",
        "delta",
        "avg_over_time",
        "max_over_time",
        "min_over_time",
        "last_over_time",
        "sum_over_time",
    }
)
VECTOR_FUNCTIONS = frozenset({"abs", "ceil", "floor", "round", "clamp_min", "clamp_max", "absent"})
AGGREGATIONS = frozenset({"sum", "max", "min", "avg", "count"})
_PRECEDENCE = {
    "or": 1,
    "unless": 2,
    "and": 2,
    "==": 3,
    "!=": 3,
    "<": 3,
    ">": 3,
    "<=": 3,
    ">=": 3,
    "+": 4,
    "-": 4,
    "*": 5,
    "/": 5,
    "%": 5,
}
_TOKEN = re.compile(
    r"\s*(?:(?P<duration>(?:\d+(?:ms|[smhdwy]))+)(?![\w.])|(?P<number>\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_:][\w:]*)|(?P<string>\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*')"
    r"|(?P<op>=~|!~|==|!=|<=|>=|[-+*/%<>=(){}\[\],]))"
)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}


class QueryError(ValueError):
    """A query that cannot be parsed or is not supported; becomes ``bad_data``."""


@dataclass(frozen=True, slots=True)
class Number:
    """A scalar."""

    value: float


@dataclass(frozen=True, slots=True)
class Matcher:
    """One label matcher."""

    label: str
    operator: str
    value: str

    def test(self, labels: dict[str, str]) -> bool:
        """Whether the labels match; an absent label is empty. Expressions are anchored."""
        have = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (have == self.value) == (self.operator == "=")
        return bool(re.fullmatch(self.value, have)) == (self.operator == "=~")


@dataclass(frozen=True, slots=True)
class Selector:
    """A vector selector; with ``seconds`` a range selector."""

    matchers: tuple[Matcher, ...]
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Call:
    """A function."""

    name: str
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """An aggregation; ``without`` turns the meaning of ``labels`` round."""

    name: str
    labels: tuple[str, ...]
    without: bool
    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """An operator between two expressions; ``as_bool`` gives 0 or 1 instead of filtering."""

    operator: str
    left: Node
    right: Node
    as_bool: bool = False


Node = Number | Selector | Call | Aggregate | Binary


def seconds_of(text: str) -> float:
    """A Prometheus duration ("5m", "1h30m") or a plain number, in seconds. Raises QueryError."""
    try:
        return float(text)
    except ValueError:
        pass
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise QueryError(f'cannot parse "{text}" to a valid duration')
    return sum(int(n) * _UNITS[u] for n, u in parts)


@lru_cache(maxsize=500)
def parse(text: str) -> Node:
    """The tree of a query. Raises QueryError."""
    parser = _Parser(text)
    node = parser.expression(0)
    parser.end()
    return node


class _Parser:
    """Recursive descent with precedences."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        position, text = 0, text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None or match.end() == position:
                raise QueryError(f'parse error: unexpected character: "{text[position:].lstrip()[:1]}"')
            self._tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
            position = match.end()
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _take(self, expected: str = "") -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end" or (expected and token[1] != expected):
            raise QueryError(
                f'parse error: unexpected "{token[1] or "end of input"}"'
                + (f', expected "{expected}"' if expected else "")
            )
        self._at += 1
        return token

    def end(self) -> None:
        """Refuse what is left over."""
        if self._peek()[0] != "end":
            raise QueryError(f'parse error: unexpected "{self._peek()[1]}"')

    def expression(self, least: int) -> Node:
        """An expression of operators that bind at least as tightly as ``least``."""
        left = self._unary()
        while (strength := _PRECEDENCE.get(self._peek()[1], 0)) > least and self._peek()[0] in ("op", "name"):
            operator = self._take()[1]
            if operator in ("or", "and", "unless"):
                raise QueryError(f'parse error: the operator "{operator}" is not supported here')
            as_bool = self._peek()[1] == "bool"
            if as_bool:
                self._take()
            if self._peek()[1] in ("on", "ignoring", "group_left", "group_right"):
                raise QueryError("parse error: vector matching with on or ignoring is not supported here")
            left = Binary(operator, left, self.expression(strength), as_bool)
        return left

    def _unary(self) -> Node:
        if self._peek()[1] == "-":
            self._take()
            return Binary("*", Number(-1.0), self._unary())
        return self._primary()

    def _primary(self) -> Node:
        kind, value = self._peek()
        if kind == "number":
            self._take()
            return Number(float(value))
        if value == "(":
            self._take()
            node = self.expression(0)
            self._take(")")
            return node
        if value == "{":
            return self._selector("")
        if kind != "name":
            raise QueryError(f'parse error: unexpected "{value or "end of input"}"')
        self._take()
        if value in AGGREGATIONS:
            return self._aggregate(value)
        if self._peek()[1] == "(":
            return self._call(value)
        return self._selector(value)

    def _grouping(self) -> tuple[tuple[str, ...], bool] | None:
        word = self._peek()[1]
        if word not in ("by", "without"):
            return None
        self._take()
        self._take("(")
        labels = []
        while self._peek()[1] != ")":
            labels.append(self._take()[1])
            if self._peek()[1] == ",":
                self._take()
        self._take(")")
        return tuple(labels), word == "without"

    def _aggregate(self, name: str) -> Node:
        grouping = self._grouping()
        self._take("(")
        of = self.expression(0)
        self._take(")")
        labels, without = grouping or self._grouping() or ((), False)
        return Aggregate(name, labels, without, of)

    def _call(self, name: str) -> Node:
        if name == "time":
            self._take("(")
            self._take(")")
            return Call(name, ())
        if name not in RANGE_FUNCTIONS | VECTOR_FUNCTIONS | {"histogram_quantile"}:
            raise QueryError(f'parse error: the function "{name}" is unknown or not supported here')
        self._take("(")
        arguments = [self.expression(0)]
        while self._peek()[1] == ",":
            self._take()
            arguments.append(self.expression(0))
        self._take(")")
        ranged = isinstance(arguments[0], Selector) and arguments[0].seconds > 0
        if ranged != (name in RANGE_FUNCTIONS):
            expected = "range vector" if name in RANGE_FUNCTIONS else "instant vector or scalar"
            raise QueryError(f'parse error: expected type {expected} in call to function "{name}"')
        return Call(name, tuple(arguments))

    def _selector(self, name: str) -> Node:
        matchers = [Matcher("__name__", "=", name)] if name else []
        if self._peek()[1] == "{":
            self._take()
            while self._peek()[1] != "}":
                matchers.append(self._matcher())
                if self._peek()[1] == ",":
                    self._take()
            self._take("}")
        if not any(m.value for m in matchers):
            raise QueryError("parse error: vector selector must contain at least one non-empty matcher")
        seconds = 0.0
        if self._peek()[1] == "[":
            self._take()
            kind, text = self._take()
            if kind != "duration":
                raise QueryError(f'parse error: bad duration "{text}"')
            seconds = seconds_of(text)
            self._take("]")
        if self._peek()[1] in ("offset", "@"):
            raise QueryError('parse error: "offset" is not supported here')
        return Selector(tuple(matchers), seconds)

    def _matcher(self) -> Matcher:
        kind, label = self._take()
        operator = self._take()[1]
        quoted, value = self._take()
        if kind != "name" or operator not in ("=", "!=", "=~", "!~") or quoted != "string":
            raise QueryError(f"parse error: bad label matcher near {label!r}")
        text = value[1:-1].encode().decode("unicode_escape") if "\\" in value else value[1:-1]
        if operator in ("=~", "!~"):
            try:
                re.compile(text)
            except re.error as error:
                raise QueryError(f"parse error: error parsing regexp: {error}") from None
        return Matcher(label, operator, text)
