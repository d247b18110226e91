"""Meanings that a piece of text can have; a theme gives each a colour."""

from __future__ import annotations

from enum import StrEnum


class Tone(StrEnum):
    """What a piece of text means."""

    NORMAL = "normal"
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    BUSY = "busy"
    ACCENT = "accent"
    HEADING = "heading"
    MARK = "mark"
    MATCH = "match"
