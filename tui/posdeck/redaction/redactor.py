"""Takes patient and payment data out of text before anybody sees, copies or stores it.

Line by line, so that a stream and a whole text come out the same. Kubernetes names, UUIDs, trace and order
ids, times, addresses of hosts, image digests and quantities stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from posdeck.errors import ConfigurationError
from posdeck.redaction.fields import FieldState, convincing, redact_fields
from posdeck.redaction.health import PERSONS, category_beside, redact_health
from posdeck.redaction.keys import SECRETS, Category, category_of, is_card, is_identifier, is_person
from posdeck.redaction.rows import redact_rows
from posdeck.redaction.shapes import looks_like_card, redact_secrets, redact_shapes
from posdeck.redaction.sql import redact_sql

_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_ENDS = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[\sA-Za-z0-9+/=\\|>-]*|[A-Za-z-]{1,40}: .{0,200}")
_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,40}m")
_DEEPEST = 100
_SWEEPS = 4


class Redactor:
    """The rules, with a team's own regular expressions after them; safe to share between threads. What a
    team's pattern matches becomes ``[redacted]``, or only its group ``value`` where it has one."""

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self._patterns = tuple(_compiled(each) for each in patterns)

    def text(self, text: str) -> str:
        """``text`` with what must not be kept replaced by words such as ``[email]``; nothing is done twice
        to a text that was redacted before."""
        stream = self.stream()
        return "\n".join([stream.line(each) for each in text.split("\n")])

    def stream(self) -> LineRedactor:
        """For lines as they come: one for each log, since a private key spreads over many lines."""
        return LineRedactor(self)

    def value(self, value: Any) -> Any:
        """A JSON value with every string (and key) redacted, values under telling keys as a whole. What lies
        deeper than a hundred levels is taken out."""
        return self._value(value, None, in_person=False, key="", depth=0)

    def _value(self, value: Any, category: Category | None, *, in_person: bool, key: str, depth: int) -> Any:
        if depth > _DEEPEST:
            return Category.OWN.mark
        if isinstance(value, dict):
            about = in_person or is_person(key) or value.get("resourceType") in PERSONS
            return self._object(value, in_person=about, under=key, depth=depth)
        if isinstance(value, (list, tuple)):
            return [
                self._value(each, category, in_person=in_person, key=key, depth=depth + 1) for each in value
            ]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, (int, float)):
            return self._number(value, category, key)
        if not isinstance(value, str):
            return value
        if category is not None and convincing(value, category):
            return category.mark
        if value.isdigit() and is_identifier(key):
            return value
        return self.text(value)

    def _object(self, value: dict[Any, Any], *, in_person: bool, under: str, depth: int) -> dict[Any, Any]:
        named = value.get("name")
        stands_for = category_of(named) if isinstance(named, str) and "value" in value else None
        beside = category_beside(value)
        if stands_for in SECRETS and stands_for is not None:
            beside["value"] = stands_for
        human_name = ("family" in value and "given" in value) or (in_person and under == "name")
        if human_name:
            beside["text"] = Category.NAME
        in_card = is_card(under)
        result: dict[Any, Any] = {}
        for key, item in value.items():
            text = str(key)
            category = beside.get(text) or category_of(
                text, in_person=in_person or human_name, in_card=in_card
            )
            new = self.text(key) if isinstance(key, str) else key
            while new in result:
                new = f"{new}+"
            result[new] = self._value(item, category, in_person=in_person, key=text, depth=depth + 1)
        return result

    def _number(self, value: float, category: Category | None, key: str) -> Any:
        digits = str(value)
        if category is not None and convincing(digits, category):
            return category.mark
        if isinstance(value, int) and 12 <= len(digits) <= 19 and not is_identifier(key):
            return Category.CARD.mark if looks_like_card(digits) else value
        return value

    def plain_line(self, line: str, state: FieldState) -> str:
        """One line that is not part of a private key. Colours that a program put into its log are taken out: they
        would part keys from their values."""
        if "\x1b" in line:
            line = _COLOUR.sub("", line)
        carried = state.kept()
        for _ in range(_SWEEPS):
            before = line
            state.restore(carried)
            line = redact_rows(
                redact_shapes(redact_fields(redact_health(redact_sql(redact_secrets(line))), state))
            )
            if line == before:
                break  # a mark may end a word and so show a key behind it: once more until nothing changes
        for pattern in self._patterns:
            line = pattern.sub(_own_mark, line)
        return line


@dataclass
class LineRedactor:
    """Redacts the lines of one text, in their order."""

    redactor: Redactor
    _fields: FieldState = field(default_factory=FieldState)
    _in_key: bool = False

    def line(self, line: str) -> str:
        """One line, without its line end."""
        if self._in_key:
            return self._within_key(line)
        while begins := _KEY_BEGINS.search(line):
            ends = _KEY_ENDS.search(line, begins.end())
            self._in_key = ends is None
            line = f"{line[: begins.start()]}{Category.PRIVATE_KEY.mark}{line[ends.end() :] if ends else ''}"
        return self.redactor.plain_line(line, self._fields)

    def _within_key(self, line: str) -> str:
        ends = _KEY_ENDS.search(line)
        if ends is not None:
            self._in_key = False
            return self.line(line[ends.end() :])
        if _KEY_BODY.fullmatch(line):
            return ""
        self._in_key = False  # the key was cut short: do not swallow the rest of the log
        return self.line(line)


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"redaction pattern {pattern!r}", f"is no regular expression ({error})", "Correct it"
        ) from error
    if compiled.match(""):
        raise ConfigurationError(
            f"redaction pattern {pattern!r}", "matches the empty text", "Make it narrower"
        )
    return compiled


def _own_mark(match: re.Match[str]) -> str:
    if "value" not in match.re.groupindex or match["value"] is None:
        return Category.OWN.mark
    start, end = match.span("value")
    whole = match[0]
    return f"{whole[: start - match.start()]}{Category.OWN.mark}{whole[end - match.start() :]}"
