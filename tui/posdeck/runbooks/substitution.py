"""Fills ``{{ params.x }}`` into a runbook's texts and nothing more: no expressions, filters or second round.

Values end up in Ansible's extra variables, which Ansible would evaluate as templates, so a value that looks
like one is refused instead of being passed on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from posdeck.errors import PosdeckError

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr | None
Value = Annotated[Scalar | tuple[Scalar, ...], Field(union_mode="left_to_right")]

NAMESPACES = ("params", "target", "before", "session")
_PLACEHOLDER = re.compile(r"\{\{ *([a-z]+)\.([a-z][a-z0-9_]*) *\}\}")
_TEMPLATE_MARK = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_EXACT_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


class SubstitutionError(PosdeckError):
    """A placeholder has no value, or a value must not be passed on."""


def placeholders(text: str) -> Iterator[tuple[str, str]]:
    """Every (namespace, name) that ``text`` asks for."""
    for match in _PLACEHOLDER.finditer(text):
        yield match[1], match[2]


def replace_placeholders(text: str, shown: Callable[[str, str], str]) -> str:
    """``text`` with each placeholder replaced by ``shown(namespace, name)``: for people, not for Ansible."""
    return _PLACEHOLDER.sub(lambda match: shown(match[1], match[2]), text)


def malformed(text: str) -> bool:
    """Whether ``text`` holds template marks that are not simple placeholders."""
    return _TEMPLATE_MARK.search(_PLACEHOLDER.sub("", text)) is not None


def inert(value: Any) -> bool:
    """Whether a value can go to Ansible as it is: nothing looks like a template or a control code."""
    if isinstance(value, str):
        return not _TEMPLATE_MARK.search(value) and not _CONTROL.search(value)
    if isinstance(value, Mapping):
        return all(inert(key) and inert(part) for key, part in value.items())
    if isinstance(value, list | tuple):
        return all(inert(part) for part in value)
    return True


def fill(value: Any, spaces: Mapping[str, Mapping[str, Any]], *, subject: str) -> Any:
    """``value`` with its placeholders filled from ``spaces`` (namespace → name → value).

    A text that is one placeholder keeps the value's type. Raises SubstitutionError naming ``subject``.
    """
    if isinstance(value, str):
        return _fill_text(value, spaces, subject)
    if isinstance(value, Mapping):
        return {key: fill(part, spaces, subject=f"{subject}.{key}") for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [fill(part, spaces, subject=subject) for part in value]
    return value


def _fill_text(text: str, spaces: Mapping[str, Mapping[str, Any]], subject: str) -> Any:
    if malformed(text):
        raise SubstitutionError(
            subject,
            f"{text!r} is more than a simple placeholder",
            "Write {{ params.name }} and nothing else.",
        )
    whole = _PLACEHOLDER.fullmatch(text)
    if whole:
        return _look_up(whole[1], whole[2], spaces, subject)
    return _PLACEHOLDER.sub(lambda match: str(_look_up(match[1], match[2], spaces, subject)), text)


def _look_up(space: str, name: str, spaces: Mapping[str, Mapping[str, Any]], subject: str) -> Any:
    values = spaces.get(space, {})
    # what was there before is never left out: a rollback without it would go somewhere else
    if name not in values or (space == "before" and values[name] is None):
        known = ", ".join(f"{space}.{each}" for each in sorted(values)) or "nothing"
        raise SubstitutionError(subject, f"{space}.{name} has no value", f"Known here: {known}.")
    value = values[name]
    if not inert(value):
        raise SubstitutionError(
            subject,
            f"the value of {space}.{name} looks like a template or holds control codes",
            "Use plain text.",
        )
    return value


def exact_name(text: Any, *, subject: str) -> str:
    """``text`` if it is one exact inventory name; a pattern or anything else raises SubstitutionError."""
    if isinstance(text, str) and _EXACT_NAME.fullmatch(text):
        return text
    raise SubstitutionError(
        subject, f"{text!r} is not one exact name", "Give one workload or group by its name."
    )
