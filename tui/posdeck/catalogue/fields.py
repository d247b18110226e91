"""Typed access to variables and mappings of the inventory: every wrong value is told with its file and
line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, time
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

from posdeck.catalogue.inventory import Value
from posdeck.catalogue.located import Block, Encrypted, Row
from posdeck.errors import ContentError


class _Missing(Enum):
    REQUIRED = auto()


REQUIRED: Final = _Missing.REQUIRED
Required = Literal[_Missing.REQUIRED]
T = TypeVar("T")


class Fields:
    """The named values of one thing. ``what`` names the thing in errors; ``path`` and ``line`` say where it
    is. A default stands for an absent value and for null; REQUIRED refuses both."""

    def __init__(self, what: str, values: Mapping[str, Value], path: Path, line: int) -> None:
        self.what = what
        self.path = path
        self.line = line
        self._values = values

    @classmethod
    def of(cls, what: str, block: Block) -> Fields:
        """The fields of a mapping."""
        values = {key: Value(value, block.path, block.line_of(key)) for key, value in block.items()}
        return cls(what, values, block.path, block.line)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def wrong(self, name: str, cause: str, remedy: str = "") -> ContentError:
        """The error to raise about ``name``."""
        found = self._values.get(name)
        path, line = (found.path, found.line) if found else (self.path, self.line)
        return ContentError(path, line, f"{self.what}: {cause}", remedy)

    def only(self, allowed: Iterable[str]) -> Fields:
        """Refuse every name that is not in ``allowed``."""
        known = list(allowed)
        for name in self._values:
            if name not in known:
                raise self.wrong(name, f"{name} is not known here", _suggest(name, known))
        return self

    def raw(self, name: str) -> Any:
        """The value as it was read, or None."""
        found = self._values.get(name)
        return found.value if found else None

    def text(self, name: str, default: T | Required = REQUIRED) -> str | T:
        """Text; not empty, and no template, which posdeck would not evaluate as Ansible does."""
        found = self._take(name, (str,), "text", default)
        if isinstance(found, Encrypted):
            raise self.wrong(name, f"{name} is encrypted", "posdeck reads no vault; it needs no secret here.")
        if isinstance(found, str) and self.raw(name) is not None:
            if "{{" in found or "{%" in found:
                raise self.wrong(
                    name, f"{name} is a template; posdeck reads it as it stands", "Write the value."
                )
            if not found.strip():
                raise self.wrong(name, f"{name} is empty")
        return found  # type: ignore[no-any-return]

    def whole(
        self, name: str, default: T | Required = REQUIRED, *, least: int = 0, most: int = 10**9
    ) -> int | T:
        """A whole number from ``least`` to ``most``."""
        found = self._take(name, (int,), "a whole number", default)
        if isinstance(found, int) and not isinstance(found, bool) and not least <= found <= most:
            bound = f"at least {least}" if found < least else f"at most {most}"
            raise self.wrong(name, f"{name} is {found}, and must be {bound}")
        return found  # type: ignore[no-any-return]

    def number(self, name: str, default: T | Required = REQUIRED) -> float | T:
        """Any number."""
        found = self._take(name, (int, float), "a number", default)
        return float(found) if isinstance(found, int) else found

    def flag(self, name: str, default: T | Required = REQUIRED) -> bool | T:
        """True or false."""
        return self._take(name, (bool,), "true or false", default)  # type: ignore[no-any-return]

    def choice(self, name: str, among: Iterable[str], default: str | Required = REQUIRED) -> str:
        """One of ``among``."""
        found = self.text(name, default)
        known = [str(a) for a in among]
        if found not in known:
            raise self.wrong(name, f"{name} is {found!r}, and must be one of {', '.join(known)}")
        return found

    def names(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty when absent."""
        row = self._take(name, (Row,), "a list", None)
        for item in row or ():
            if not isinstance(item, str) or not item.strip() or "{{" in item:
                raise self.wrong(name, f"{name} holds {item!r}, and takes only texts")
        return tuple(dict.fromkeys(row or ()))

    def within(self, name: str, what: str = "") -> Fields:
        """The mapping under ``name``; an empty one when absent."""
        block = self._take(name, (Block,), "a mapping", None)
        if block is None:
            return Fields(what or name, {}, self.path, self.line)
        return Fields.of(what or name, block)

    def each(self, name: str) -> Iterator[tuple[str, Fields]]:
        """The mappings in the mapping under ``name``, with their keys."""
        outer = self.within(name)
        for key in outer:
            yield key, outer.within(key, f"{name}.{key}")

    def rows(self, name: str) -> Iterator[Fields]:
        """The mappings in the list under ``name``."""
        row = self._take(name, (Row,), "a list", None)
        for position, item in enumerate(row or (), start=1):
            if not isinstance(item, Block):
                raise self.wrong(name, f"entry {position} of {name} is not a mapping")
            yield Fields.of(f"{name} {position}", item)

    def clock_time(self, name: str) -> time:
        """A time of day as "HH:MM"."""
        text = self.text(name)
        try:
            return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - a time of day has no zone of its own
        except ValueError as error:
            raise self.wrong(name, f'{name} is {text!r}, and must be a time as "22:30"') from error

    def moment(self, name: str) -> datetime:
        """A moment with its zone, as "2026-12-20T00:00Z"."""
        text = self.text(name)
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None or isinstance(found, date) is False:
            raise self.wrong(
                name, f'{name} is {text!r}, and must be a moment with its zone as "2026-12-20T00:00Z"'
            )
        return found

    def _take(self, name: str, types: tuple[type, ...], kind: str, default: Any) -> Any:
        found = self.raw(name)
        if found is None:
            if default is REQUIRED:
                raise self.wrong(name, f"{name} is missing")
            return default
        if not isinstance(found, types) or (isinstance(found, bool) and bool not in types):
            remedy = f'Quote it: "{found}".' if str in types and isinstance(found, int | float) else ""
            raise self.wrong(name, f"{name} is {_kind(found)}, and must be {kind}", remedy)
        return found


def frozen(value: Any) -> Any:
    """The same value, unchangeable: mappings as read-only views, lists as tuples."""
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return tuple(frozen(inner) for inner in value)
    return value


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return repr(value)


def _suggest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(known)}"
