"""Turns what a person gave for a runbook's parameters into checked values, before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from pydantic import JsonValue

from posdeck.errors import PosdeckError, UnknownNameError
from posdeck.runbooks.model import Param, Runbook
from posdeck.runbooks.substitution import inert
from posdeck.runbooks.validation import near

MAX_TEXT = 500


class Workloads(Protocol):
    """What is asked of the catalogue; operations hands in a view of it."""

    def short_name(self, name: str) -> str:
        """The short name of a workload given by short or full name; raises UnknownNameError."""
        ...

    def members(self, group: str) -> tuple[str, ...]:
        """The short names of a group's workloads; empty for an unknown group."""
        ...


def resolve(runbook: Runbook, given: Mapping[str, str], workloads: Workloads) -> dict[str, JsonValue]:
    """The value of every parameter, workloads by short name. Raises UnknownNameError or PosdeckError."""
    known = [param.name for param in runbook.params]
    for name in given:
        if name not in known:
            raise UnknownNameError(
                f"parameter {name}", f"runbook {runbook.id} has no such one", near(name, known)
            )
    return {param.name: _value(runbook, param, given.get(param.name), workloads) for param in runbook.params}


def prefill(runbook: Runbook, workload: str, groups: tuple[str, ...]) -> dict[str, str]:
    """The parameters that follow from the workload a problem was seen on; ``groups`` are those it is in."""
    for param in runbook.params:
        if param.type == "workload" and param.source is not None and param.source.group in groups:
            return {param.name: workload}
    return {}


def _value(runbook: Runbook, param: Param, text: str | None, workloads: Workloads) -> JsonValue:
    subject = f"parameter {param.name} of {runbook.id}"
    if text is None or text == "":
        if param.default is not None:
            default = param.default
            return list(default) if isinstance(default, tuple) else default
        if param.required:
            raise PosdeckError(subject, "was not given", f"--param {param.name}=…: {param.help}")
        return None
    if not inert(text) or len(text) > MAX_TEXT:
        raise PosdeckError(
            subject, "looks like a template, holds control codes, or is too long", "Use plain text."
        )
    if param.type == "workload":
        return _workload(param, text, workloads, subject)
    if param.type in ("integer", "revision"):
        return _integer(param, text, subject)
    if param.type == "choice" and text not in param.choices:
        raise PosdeckError(subject, f"{text!r} is none of the choices", near(text, param.choices))
    return text


def _workload(param: Param, text: str, workloads: Workloads, subject: str) -> str:
    name = workloads.short_name(text)
    group = param.source.group if param.source and param.source.group else "all"
    members = workloads.members(group)
    if name not in members:
        raise UnknownNameError(subject, f"{name} is not in the group {group}", near(name, members))
    return name


def _integer(param: Param, text: str, subject: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdecimal()):
        raise PosdeckError(subject, f"{text!r} is not a whole number", param.help)
    value = int(text)
    lowest = param.minimum if param.minimum is not None else (1 if param.type == "revision" else None)
    if lowest is not None and value < lowest:
        raise PosdeckError(subject, f"{value} is less than {lowest}", param.help)
    if param.maximum is not None and value > param.maximum:
        raise PosdeckError(subject, f"{value} is more than {param.maximum}", param.help)
    return value
