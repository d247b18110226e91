"""Finds personal data where databases say it: errors that quote a row or a key, and statements that are logged with what
was bound to them. The column stands in one list, its value in another."""

from __future__ import annotations

import re
from itertools import zip_longest

from posdeck.redaction.keys import Category, category_of

_KEY = re.compile(r"(\bKey \()([\w, .\"]{1,300})(\)=\()([^()\n]{1,1000})(?=\))")
_ROW = re.compile(r"(\bFailing row contains \()([^\n]{1,4000}?)(?=\)\.?(?:[\"'\s]|$))")
_INSERT = re.compile(
    r"(\binsert\s{1,4}into\s{1,4}[\w.\"`]{1,100}\s{0,4}\()([\w, .\"`\\]{1,2000})(\)\s{0,4}values\s{0,4}\()"
    r"([^()\n]{1,4000})(?=\))",
    re.IGNORECASE,
)
_PARAMETER = re.compile(r"(\$\d{1,4} = )'((?:[^'\n]|''){1,1000})'")
_BOUND = re.compile(r"(\bbindings: ?\[)([^\[\]\n]{1,4000})(?=\])", re.IGNORECASE)
_STRING = re.compile(r"(\"(?:[^\"\\]|\\.){1,1000}\"|'(?:[^'\\]|\\.){1,1000}')")
_PLACEHOLDER = re.compile(r"|\?|[$:@]\w{1,40}|%s|%\(\w{1,60}\)s|null|default|now\(\)", re.IGNORECASE)
_CALLED = re.compile(r"[^\W\d_a-z][^\W\d_]{1,20}(?:[ ][^\W\d_a-z][^\W\d_.]{0,20}){0,5}")
_MARK = re.compile(r"\[[a-z-]{3,20}\]")
_PLAIN = re.compile(  # what identifies an order, a message or a moment, and names of states: nobody's data
    r"\d{1,9}|[A-Z]{2,6}-[\w-]{1,40}|[0-9a-f]{8}-[0-9a-f-]{27}|[a-z_]{1,30}|true|false|null"
    r"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d[\d:.+Z ]{0,20}",
    re.IGNORECASE,
)


def redact_sql(line: str) -> str:
    """The line without the people whom a database's message quotes."""
    if ")=(" in line:
        line = _KEY.sub(_by_column, line)
    if "Failing row" in line:
        line = _ROW.sub(_without_people, line)
    lowered = line.lower()
    columns: list[Category | None] = []
    if "insert" in lowered and (insert := _INSERT.search(line)):
        columns = _columns(insert[2])
        line = _INSERT.sub(_by_column, line)
    if "= '" in line and (any(columns) or "parameters" in lowered):
        line = _PARAMETER.sub(lambda match: f"{match[1]}'{_bound(match[2])}'", line)
    if "bindings" in lowered:
        line = _BOUND.sub(lambda match: match[1] + _STRING.sub(_without_string, match[2]), line)
    return line


def _without_people(match: re.Match[str]) -> str:
    """Of a row only the values are quoted: what is written like a name goes here, the rest by its form."""
    values = match[2].split(", ")
    shown = [Category.NAME.mark if _CALLED.fullmatch(value) else value for value in values]
    return f"{match[1]}{', '.join(shown)}"


def _columns(written: str) -> list[Category | None]:
    return [category_of(each.strip(' "`\\')) for each in written.split(",")]


def _by_column(match: re.Match[str]) -> str:
    """Each value whose column says that it is somebody's."""
    columns = _columns(match[2])
    if not any(columns):
        return match[0]
    values = match[4].split(", ") if ", " in match[4] else match[4].split(",")
    between = ", " if ", " in match[4] else ","
    if len(values) > len(columns):  # a value with a comma in it: which belongs to which cannot be told
        return f"{match[1]}{match[2]}{match[3]}{Category.PATIENT.mark}"
    shown = [
        value
        if category is None or _is_placeholder(value)
        else f"{_quote(value)}{category.mark}{_quote(value)}"
        for category, value in zip_longest(columns[: len(values)], values)
    ]
    return f"{match[1]}{match[2]}{match[3]}{between.join(shown)}"


def _is_placeholder(value: str) -> bool:
    bare = value.strip(" '\"")
    return _PLACEHOLDER.fullmatch(bare) is not None or _MARK.fullmatch(bare) is not None


def _quote(value: str) -> str:
    return value[0] if value[:1] in {"'", '"'} else ""


def _bound(value: str) -> str:
    return value if _PLAIN.fullmatch(value) or _MARK.fullmatch(value) else Category.OWN.mark


def _without_string(match: re.Match[str]) -> str:
    quote, value = match[0][0], match[0][1:-1]
    return f"{quote}{_bound(value)}{quote}"
