"""Log lines as they are drawn: time, source, text in the tone of its level; JSON unfolded field by field."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from posdeck.operations.front import LogLine
from posdeck.ui.plain import LINE_LIMIT, plain
from posdeck.ui.rows.cells import Line
from posdeck.ui.tones import Tone

_TONES = {"error": Tone.BAD, "warning": Tone.WARN, "debug": Tone.DIM, "mark": Tone.MARK}
# A level is a colour for those who see it and a letter for all.
_LETTERS = {"error": "E ", "warning": "W "}
_OWN_TIME = re.compile(
    r"\[?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{3}(?:\d{3})?)?(?:Z|[+-]\d\d:\d\d)?)\]?[ \t]+"
)
_SAME_TIME = 2.0  # seconds between a program's own clock and the server's
_MESSAGE = ("message", "msg", "event", "body", "text")
_TIME = ("time", "ts", "timestamp", "@timestamp", "t")
_LONGEST_JSON = 1 << 18
_FIELDS = 200


@dataclass(frozen=True, slots=True)
class LogLook:
    """How lines are drawn. ``sources`` gives the words for a pod, "" when there is only one; ``containers``
    says whether to name the container too."""

    timestamps: bool = True
    unfold: bool = False
    sources: Mapping[str, str] | None = None
    containers: bool = False


def log_lines(line: LogLine, look: LogLook) -> tuple[Line, ...]:
    """One log line as lines of the screen: one, or several when it is JSON that is unfolded."""
    spans: list[tuple[str, Tone]] = []
    if look.timestamps:
        spans.append(
            (f"{line.at:%H:%M:%S}.{line.at.microsecond // 1000:03d} " if line.at else " " * 13, Tone.DIM)
        )
    if look.sources is not None:
        source = look.sources.get(line.pod, line.pod[-11:])
        named = f"{source}/{line.container}" if look.containers else source
        spans.append((f"{plain(named)} ", Tone.ACCENT))
    elif look.containers:
        spans.append((f"{plain(line.container)} ", Tone.ACCENT))
    tone = _TONES.get(line.level, Tone.NORMAL)
    if line.level == "mark":
        return ((*spans, (f"── {plain(line.text, LINE_LIMIT)} ──", tone)),)
    letter = _LETTERS.get(line.level, "  " if spans else "")  # behind a time, texts begin below each other
    if letter:
        spans.append((letter, tone))
    fields = _json_fields(line.text) if look.unfold else None
    if fields is None:
        text = _without_time(line) if look.timestamps else line.text
        return ((*spans, (plain(text, LINE_LIMIT), tone)),)
    return _unfolded(fields, spans, tone)


def _without_time(line: LogLine) -> str:
    """The text without the time that it begins with, where the server's, which stands before it, is the same."""
    own = _OWN_TIME.match(line.text)
    if own is None or line.at is None:
        return line.text
    try:
        moment = datetime.fromisoformat(own[1].replace(",", "."))
    except ValueError:
        return line.text
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return line.text[own.end() :] if abs((line.at - moment).total_seconds()) < _SAME_TIME else line.text


def ruler(text: str) -> Line:
    """A line that the person drew."""
    return ((f"──── {text} {'─' * 44}", Tone.MARK),)


def _unfolded(fields: dict[str, Any], spans: list[tuple[str, Tone]], tone: Tone) -> tuple[Line, ...]:
    message = next((k for k in _MESSAGE if isinstance(fields.get(k), str)), "")
    first: Line = (*spans, (plain(str(fields.get(message, "{}")) if message else "{…}", LINE_LIMIT), tone))
    rest = [(k, v) for k, v in _flat(fields) if k != message and k not in _TIME]
    indent = " " * 4
    wide = min(28, max((len(k) for k, _ in rest), default=0))
    lines: list[Line] = [
        ((f"{indent}{plain(key):<{wide}} ", Tone.ACCENT), (plain(value, LINE_LIMIT), Tone.NORMAL))
        for key, value in rest[:_FIELDS]
    ]
    if len(rest) > _FIELDS:
        lines.append(((f"{indent}… and {len(rest) - _FIELDS} more fields", Tone.DIM),))
    return (first, *lines)


def _json_fields(text: str) -> dict[str, Any] | None:
    """The object in a line that is, or ends in, one; None for every other line."""
    start = text.find("{")
    if start < 0 or not text.rstrip().endswith("}") or len(text) > _LONGEST_JSON:
        return None
    import json

    try:
        found = json.loads(text[start:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not found:
        return None
    before = text[:start].strip()
    return {"message": before, **found} if before and "message" not in found else found


def _flat(fields: Mapping[str, Any], prefix: str = "", depth: int = 0) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in fields.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and value and depth < 4:
            found += _flat(value, f"{name}.", depth + 1)
        elif isinstance(value, str):
            found += _text(name, value)
        else:
            found.append((name, _compact(value)))
    return found


def _text(name: str, value: str) -> list[tuple[str, str]]:
    """A stack trace in a field reads line by line."""
    pieces = value.splitlines() or [""]
    return [(name if not index else "", piece) for index, piece in enumerate(pieces)]


def _compact(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, default=str)
