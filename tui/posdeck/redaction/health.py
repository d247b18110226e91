"""Finds people in the formats of health care: HL7 version 2 (segments between bars) and FHIR (JSON and queries).

A plain key says little in FHIR; what it means is said by the resource, the system or the reference beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from posdeck.redaction.keys import Category, category_of

PERSONS = frozenset({"Patient", "RelatedPerson", "Practitioner", "Person"})
_ANY = "|".join(sorted(PERSONS))
_Q = r"\\{0,7}\""  # a quote, perhaps of JSON within JSON
_SEGMENT = re.compile(
    r"(?:(?<![A-Za-z0-9])|(?<=\\[rn]))(PID|NK1|GT1|IN1|IN2)\|(?=\d{0,4}\|)(?:(?!\\[rn])[^\r\n\"])*"
)
_NUMBERED_NAME = re.compile(
    r"(?<![\w^])\d{2,20}(?:\^[^\W\d_][^\W\d_' -]{0,30}){2,3}(?:\^[\w.]{0,20}){0,6}(?![\w^])"
)
_PERSON = re.compile(rf"{_Q}resourceType{_Q}[ ]?:[ ]?{_Q}(?:{_ANY}){_Q}")
_NAMES = re.compile(
    rf"{_Q}name{_Q}[ ]?:[ ]?\[?[ ]?\{{[^{{}}]{{1,1000}}\}}(?:[ ]?,[ ]?\{{[^{{}}]{{1,1000}}\}}){{0,9}}"
)
_PART = re.compile(rf"({_Q}(?:text|family){_Q}[ ]?:[ ]?{_Q})([^\"\\]{{1,200}})")
_GIVEN = re.compile(rf"({_Q}given{_Q}[ ]?:[ ]?)\[([^\]]{{1,400}})\]")
_LINES = re.compile(rf"({_Q}line{_Q}[ ]?:[ ]?)\[([^\]]{{1,400}})\]")
_NARRATIVE = re.compile(rf"({_Q}div{_Q}[ ]?:[ ]?{_Q}).{{1,20000}}?(?=</div>)")
_STRING = re.compile(rf"({_Q})[^\"\\]{{1,200}}({_Q})")
_SYSTEM = re.compile(
    rf"({_Q}system{_Q}[ ]?:[ ]?{_Q})([^\"\\]{{1,200}})"
    rf"({_Q}[ ]?,[ ]?(?:{_Q}use{_Q}[ ]?:[ ]?{_Q}\w{{1,20}}{_Q}[ ]?,[ ]?)?{_Q}value{_Q}[ ]?:[ ]?{_Q})([^\"\\]{{1,200}})"
)
_DISPLAY = re.compile(
    rf"({_Q}reference{_Q}[ ]?:[ ]?{_Q}(?:{_ANY})/[^\"\\]{{0,100}}{_Q}[ ]?,[ ]?"
    rf"(?:{_Q}type{_Q}[ ]?:[ ]?{_Q}\w{{1,40}}{_Q}[ ]?,[ ]?)?{_Q}display{_Q}[ ]?:[ ]?{_Q})[^\"\\]{{1,200}}"
)
_QUERY = re.compile(rf"/(?:{_ANY})(?:/_search)?\?[^\s\"'<>]{{1,2000}}")
_ASKED = re.compile(
    r"(?<=[?&])([\w-]{1,40})(:\w{1,20})?=((?:[^&|]{0,200}(?:\||%7C))?)([^&|]{1,200})", re.IGNORECASE
)
_PARAMETERS = {
    "name": Category.NAME,
    "family": Category.NAME,
    "given": Category.NAME,
    "phonetic": Category.NAME,
    "identifier": Category.RECORD_NUMBER,
    "birthdate": Category.BIRTH_DATE,
    "phone": Category.PHONE,
    "email": Category.EMAIL,
    "telecom": Category.PHONE,
    "address": Category.ADDRESS,
}
_MARKED = re.compile(r"\[[a-z-]{3,20}\]")


def redact_health(line: str) -> str:
    """The line without the people that HL7 and FHIR name in it."""
    if "|" in line:
        line = _SEGMENT.sub(rf"\1|{Category.PATIENT.mark}", line)
    if "^" in line:
        line = _NUMBERED_NAME.sub(Category.NAME.mark, line)
    if "?" in line:
        line = _QUERY.sub(lambda query: _ASKED.sub(_without_answer, query[0]), line)
    if "system" in line:
        line = _SYSTEM.sub(_without_value, line)
    if "display" in line:
        line = _DISPLAY.sub(rf"\1{Category.NAME.mark}", line)
    if "resourceType" in line and _PERSON.search(line):
        line = _NAMES.sub(_without_names, line)
        line = _LINES.sub(lambda match: _strings(match, Category.ADDRESS), line)
        line = _NARRATIVE.sub(rf"\1{Category.PATIENT.mark}", line)
    return line


def category_by_system(system: str) -> Category | None:
    """What FHIR's ``value`` is, by the ``system`` beside it: ``phone``, or the end of an address."""
    last = system.rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return category_of(last if last != "sms" else "phone")


def is_reference_to_person(reference: Any) -> bool:
    """Whether ``Patient/p-1`` is meant, or the like."""
    return isinstance(reference, str) and reference.partition("/")[0] in PERSONS


def category_beside(value: Mapping[Any, Any]) -> dict[str, Category]:
    """What FHIR's keys of one object say together: ``system`` and ``value``, ``reference`` and ``display``."""
    found: dict[str, Category] = {}
    if isinstance(system := value.get("system"), str) and (category := category_by_system(system)):
        found["value"] = category
    if is_reference_to_person(value.get("reference")):
        found["display"] = Category.NAME
    return found


def _without_value(match: re.Match[str]) -> str:
    category = category_by_system(match[2])
    return match[0] if category is None else f"{match[1]}{match[2]}{match[3]}{category.mark}"


def _without_names(match: re.Match[str]) -> str:
    text = _PART.sub(rf"\1{Category.NAME.mark}", match[0])
    return _GIVEN.sub(lambda given: _strings(given, Category.NAME), text)


def _strings(match: re.Match[str], category: Category) -> str:
    """A list of strings, each replaced."""
    inside = _STRING.sub(rf"\1{category.mark}\2", match[2])
    return f"{match[1]}[{inside}]"


def _without_answer(match: re.Match[str]) -> str:
    category = _PARAMETERS.get(match[1].lower().partition("-")[0])
    if category is None or _MARKED.fullmatch(match[4]):
        return match[0]
    return f"{match[1]}{match[2] or ''}={match[3]}{category.mark}"
