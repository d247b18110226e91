"""Filters as k9s has them: text, a regular expression, ``!`` for the inverse, ``-l`` for labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_SPECIAL = set(r"^$*+?[]{}()|\\")


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter; an expression that does not compile is taken as plain text."""

    text: str = ""
    inverse: bool = False
    pattern: re.Pattern[str] | None = None
    plain: str = ""
    labels: tuple[tuple[str, str, bool], ...] = ()  # (key, value, equal)
    broken: str = ""

    def __bool__(self) -> bool:
        return bool(self.text)

    def matches(self, words: str, labels: Mapping[str, str]) -> bool:
        """Whether a row with these words and labels is shown."""
        if self.labels:
            found = all((labels.get(key) == value) is equal for key, value, equal in self.labels)
        elif self.pattern is not None:
            found = self.pattern.search(words) is not None
        else:
            found = self.plain in words.lower()
        return found is not self.inverse


def parse_filter(text: str) -> Filter:
    """``error``, ``!running``, ``^consumer-.*upload``, ``-l app=x,tier!=y``."""
    text = text.strip()
    inverse = text.startswith("!")
    body = text[1:].strip() if inverse else text
    if not body:
        return Filter()
    if body.startswith("-l"):
        labels = tuple(_label(part) for part in body[2:].split(",") if part.strip())
        return Filter(text, inverse, labels=labels) if labels else Filter()
    if _SPECIAL & set(body):
        try:
            return Filter(text, inverse, pattern=re.compile(body, re.IGNORECASE))
        except re.error as problem:
            return Filter(text, inverse, plain=body.lower(), broken=str(problem))
    return Filter(text, inverse, plain=body.lower())


def _label(part: str) -> tuple[str, str, bool]:
    key, equal, value = part.strip().partition("!=")
    if equal:
        return key.strip(), value.strip(), False
    key, _, value = part.strip().partition("=")
    return key.strip().rstrip("="), value.strip().lstrip("="), True


def highlighter(current: Filter) -> Callable[[str], list[tuple[int, int]]]:
    """Where a line matches: (start, end) pairs; none for inverse and label filters."""
    if not current or current.inverse or current.labels:
        return lambda _text: []
    pattern = current.pattern or re.compile(re.escape(current.plain), re.IGNORECASE)
    return lambda text: [m.span() for m in pattern.finditer(text) if m.end() > m.start()]
