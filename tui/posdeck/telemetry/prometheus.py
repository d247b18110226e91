"""Asking a Prometheus HTTP API. How the request travels (direct, service proxy, port-forward, embedded) is the
business of whoever hands in ``Fetch``; this module knows the question and the answer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson

from posdeck.telemetry.source import LONGEST_ANSWER, Fetch, Points, SourceError

_NAME = re.compile(r"[\w.:-]+")
_PLAIN = re.compile(r"\s*[a-zA-Z_:][\w:]*\s*(\{[^{}]*\})?\s*")
_UNREADABLE = (
    KeyError,
    TypeError,
    ValueError,
    ArithmeticError,
    OSError,
)  # of values that are not what they should be
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sample:
    """One series' value at one moment. A value that is no number (NaN, infinite) is None."""

    labels: Mapping[str, str]
    at: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One series over time: (unix seconds, value), in order; points that are no number are left out.
    ``faulty`` is whether the newest one was such."""

    labels: Mapping[str, str]
    points: Points
    faulty: bool = False


class Prometheus:
    """One Prometheus. ``name`` is how errors and readings call it."""

    def __init__(self, fetch: Fetch, name: str) -> None:
        self._fetch = fetch
        self.name = name

    async def query(self, expression: str) -> list[Sample]:
        """An instant query: one sample per series (none is an empty list). The time is that of the evaluation,
        not of the scrape. Raises SourceError."""
        kind, result = await self._result("/api/v1/query", [("query", expression)], expression)
        if kind == "scalar":
            return self._read(expression, lambda: [_sample({}, result)])
        self._expect(kind, "vector", expression)
        return self._read(expression, lambda: [_sample(i["metric"], i["value"]) for i in result])

    async def samples(self, selector: str, seconds: float) -> list[Series]:
        """What was scraped in the last ``seconds``, with the times of the scrapes. Only for a plain selector
        (see ``is_plain``). Raises SourceError; ``UnsupportedError`` where a server cannot say that."""
        expression = f"{selector.strip()}[{max(1, math.ceil(seconds))}s]"
        kind, result = await self._result("/api/v1/query", [("query", expression)], expression)
        self._expect(kind, "matrix", expression)
        return self._read(expression, lambda: [_series(i) for i in result])

    async def query_range(self, expression: str, start: float, end: float, step: float) -> list[Series]:
        """A range query; times in unix seconds, ``step`` in seconds. Raises SourceError."""
        parameters = [("query", expression), ("start", str(start)), ("end", str(end)), ("step", str(step))]
        kind, result = await self._result("/api/v1/query_range", parameters, expression)
        self._expect(kind, "matrix", expression)
        return self._read(expression, lambda: [_series(i) for i in result])

    async def clock(self) -> float:
        """The server's own time, in unix seconds. Raises SourceError."""
        kind, result = await self._result("/api/v1/query", [("query", "1")], "1")
        self._expect(kind, "scalar", "1")
        return self._read("1", lambda: float(result[0]))

    async def _result(self, path: str, parameters: list[tuple[str, str]], expression: str) -> tuple[Any, Any]:
        body = await self._fetch(path, parameters)
        if len(body) > LONGEST_ANSWER:
            raise SourceError(
                self.name, f"its answer to {expression!r} has {len(body):,} bytes", "Narrow the query."
            )
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise SourceError(
                self.name, f"it does not answer as a Prometheus ({error})", "Check its address."
            ) from None
        if not isinstance(answer, dict) or answer.get("status") != "success":
            said = answer.get("error") if isinstance(answer, dict) else None
            cause = f"it refuses {expression!r}: {said or 'no reason given'}"
            if isinstance(answer, dict) and answer.get("errorType") == "bad_data":
                raise UnsupportedError(self.name, cause, "Check the query.")
            raise SourceError(self.name, cause, "Check the query.")
        data = answer.get("data")
        if not isinstance(data, dict) or "resultType" not in data or "result" not in data:
            raise SourceError(self.name, f"its answer to {expression!r} has no result")
        return data["resultType"], data["result"]

    def _expect(self, kind: Any, wanted: str, expression: str) -> None:
        if kind != wanted:
            raise SourceError(self.name, f"{expression!r} gives a {kind}, not a {wanted}", "Check the query.")

    def _read(self, expression: str, convert: Callable[[], T]) -> T:
        try:
            return convert()
        except _UNREADABLE as error:
            cause = f"its answer to {expression!r} cannot be read ({type(error).__name__}: {error})"
            raise SourceError(self.name, cause) from error


class UnsupportedError(SourceError):
    """The server does not accept the query."""


def is_plain(expression: str) -> bool:
    """Whether an expression is one selector, so that its raw samples can be asked for."""
    return _PLAIN.fullmatch(expression) is not None


@dataclass(frozen=True, slots=True)
class Placeholder:
    """Where a template compares a label with the name of a queue: ``queue="$queue"``, ``queue="$queue.dead"``."""

    label: str
    before: str
    after: str
    text: str

    def value(self, queue: str) -> str:
        """The label's value for a queue."""
        return f"{self.before}{queue}{self.after}"

    def for_all(self, template: str, queues: Sequence[str]) -> str | None:
        """The template as one query for many queues, by a regular expression; None where a name needs escapes."""
        values = [self.value(q) for q in queues]
        if not all(_NAME.fullmatch(v) for v in values):
            return None
        pattern = "|".join(re.escape(v).replace("\\-", "-").replace("\\", "\\\\") for v in values)
        return template.replace(self.text, f'{self.label}=~"{pattern}"')


def placeholder_of(template: str) -> Placeholder | None:
    """The one place where a template names ``$queue``; None when it does not, or more than once, or otherwise than
    as the value of a label."""
    match = re.search(r'(\w+)="([^"$]*)\$queue([^"$\w][^"$]*)?"', template)
    if match is None or template.count("$queue") != 1:
        return None
    return Placeholder(match[1], match[2], match[3] or "", match[0])


def _number(text: Any) -> float | None:
    """A value as Prometheus writes it, a string; None for NaN and the infinities. Raises what is unreadable."""
    if not isinstance(text, str):
        raise TypeError(f"the value {text!r:.40} is no text")
    value = float(text)
    return value if math.isfinite(value) else None


def _sample(labels: Mapping[str, str], pair: Sequence[Any]) -> Sample:
    at, value = pair
    return Sample(dict(labels), datetime.fromtimestamp(float(at), UTC), _number(value))


def _series(item: Mapping[str, Any]) -> Series:
    pairs = sorted(((float(at), _number(value)) for at, value in item["values"]), key=lambda p: p[0])
    points: dict[float, float] = {at: value for at, value in pairs if value is not None and math.isfinite(at)}
    return Series(dict(item["metric"]), tuple(points.items()), bool(pairs) and pairs[-1][1] is None)
