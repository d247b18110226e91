"""Finds names in rows of tables, where no key stands beside them: a cell of capitalised words next to a telephone
number or another thing that only people have."""

from __future__ import annotations

import re

from posdeck.redaction.keys import Category, category_of

_PERSONAL = re.compile(r"\[(?:phone|email|national-id|birth-date|card|address)\]")
_CELL = re.compile(
    r"(?<![^,;|\t(:>\[])([ ]?[\"'(]{0,2})"
    r"([^\W\d_a-z][^\W\d_]{0,20}(?:[ ][^\W\d_a-z][^\W\d_]{0,20}){1,5})"
    r"([\"')]{0,2}[ ]?)(?=[,;|\t)\]]|$)"
)
_BEGINNING = re.compile(r"[,;|\t]")
_LEAST = 2  # separators that make a row


def redact_rows(line: str) -> str:
    """The line without names in cells beside personal data."""
    if not _PERSONAL.search(line) or len(_BEGINNING.findall(line)) < _LEAST:
        return line
    return _CELL.sub(_without_name, line)


def _without_name(match: re.Match[str]) -> str:
    title = category_of(match[2]) is not None  # "Patient name" is what stands over a column
    return match[0] if title else f"{match[1]}{Category.NAME.mark}{match[3]}"
