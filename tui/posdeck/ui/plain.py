"""Text from the cluster made safe to draw: nothing in it moves the cursor, reorders a line or is interpreted.

Widths are those of ``rich.cells``; whatever terminals disagree about (joiners, variation selectors, flags,
private use) is taken out, so that the counted width and the drawn width are the same.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from rich.cells import cell_len

CELL_LIMIT = 2_000
LINE_LIMIT = 16_384
LEFT_TO_RIGHT = "\u200e"


def plain(text: str, limit: int = CELL_LIMIT) -> str:
    """``text`` as one printable line; longer than ``limit`` characters it is cut and its length is said."""
    if len(text) > limit:
        return f"{plain(text[:limit], limit)}… ({len(text):,} characters)"
    if text.isascii() and text.isprintable():
        return text
    return _clean(text)


def drawable(text: str) -> str:
    """The last look at text before it is drawn, for the widgets: whoever made it may have forgotten ``plain``. What
    is safe already stays as it is."""
    if text.isascii():
        return text if text.isprintable() else _clean(text)
    return _clean(text)


def block(text: str) -> str:
    """``drawable`` for a text of several lines."""
    return "\n".join(drawable(line) for line in text.split("\n"))


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    """Costs a look at each character that the text has, not one at each place it stands in."""
    text = unicodedata.normalize("NFC", text).translate(_VISIBLE)
    marks = ""
    right_to_left = False
    for char in set(text):
        kind = _kind(char)
        if kind is _MARK:
            marks += char
        elif kind is _RIGHT_TO_LEFT:
            right_to_left = True
    if marks:
        # stacked marks climb into the lines above: two are enough for any real script, and one needs a letter
        text = re.sub(f"^[{marks}]+|([{marks}]{{2}})[{marks}]+", r"\1", text)
    if right_to_left:
        text += LEFT_TO_RIGHT  # what follows on the line keeps its place
    return text


_MARK, _RIGHT_TO_LEFT, _OTHER = object(), object(), object()


@lru_cache(maxsize=8192)
def _kind(char: str) -> object:
    if unicodedata.category(char) in _MARKS:
        return _MARK
    return _RIGHT_TO_LEFT if unicodedata.bidirectional(char) in {"R", "AL"} else _OTHER


_MARKS = frozenset({"Mn", "Me", "Mc"})


class _Visible(dict[int, str]):
    """What each character becomes, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        if len(self) > 8192:
            self.clear()
        self[code] = shown = _visible(chr(code))
        return shown


_VISIBLE = _Visible()


def _visible(char: str) -> str:
    code, category = ord(char), unicodedata.category(char)
    if category == "Cc":
        if char == "\t":
            return "  "
        if char in "\r\n":
            return "⏎"
        return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"
    if category in {"Zl", "Zp"}:
        return "⏎"
    if category == "Zs":
        return " "
    if category in {"Cs", "Co", "Cn"}:
        return "�"
    if 0x1F1E6 <= code <= 0x1F1FF:
        return chr(ord("A") + code - 0x1F1E6)
    # joiners and other signs without a shape, variation selectors, tones of skin
    if category == "Cf" or 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF:
        return ""
    return char


def width(text: str) -> int:
    """The terminal cells that ``text`` takes."""
    if text.isascii():
        return len(text)
    distinct = set(text) if len(text) >= 512 else ()  # a shorter one is measured once and remembered
    if 0 < len(distinct) <= 256 and not distinct & _JOINING:
        return sum(cell_len(char) * text.count(char) for char in distinct)
    return cell_len(text)


_JOINING = {"\u200d", "\ufe0f"}  # change the width of their neighbours


def fit(text: str, cells: int, *, right: bool = False, tail: int = 0) -> str:
    """``text`` in exactly ``cells`` cells: padded, or cut with an ellipsis; the last ``tail`` characters, in which
    names differ, are kept where there is room for three times as many."""
    wide = width(text)
    if wide > cells:
        end = text[-tail:] if tail and cells >= 3 * tail else ""
        text, wide = clip(text, cells - width(end))
        text, wide = text + end, wide + width(end)
    if wide == cells:
        return text
    pad = " " * (cells - wide)
    return pad + text if right else text + pad


def clip(text: str, cells: int) -> tuple[str, int]:
    """The longest start of ``text`` that fits with an ellipsis, and its width."""
    if cells <= 0:
        return "", 0
    if text.isascii():
        return (text, len(text)) if len(text) <= cells else (text[: cells - 1] + "…", cells)
    if cell_len(text) <= cells:
        return text, cell_len(text)
    taken, used = [], 0
    for char in text:
        step = cell_len(char)
        if used + step > cells - 1:
            break
        taken.append(char)
        used += step
    return "".join(taken) + "…", used + 1


def clip_start(text: str, cells: int) -> str:
    """The longest end of ``text`` that fits with an ellipsis before it."""
    if width(text) <= cells:
        return text
    start, used = len(text), 1
    while start > 0 and used + cell_len(text[start - 1]) <= cells:
        start -= 1
        used += cell_len(text[start])
    return f"…{text[start:]}" if cells > 0 else ""


def wrap(text: str, cells: int) -> list[str]:
    """``text`` cut into pieces of at most ``cells`` cells, at spaces where there are any."""
    pieces = [text[start:end] for start, end in wrapped(text, cells, cells)]
    return [*(piece.rstrip(" ") for piece in pieces[:-1]), pieces[-1]]


def wrapped(text: str, first: int, rest: int) -> list[tuple[int, int]]:
    """Where the pieces of a wrapped text begin and end: one of ``first`` cells, the others of ``rest``. Takes time in
    proportion to the length."""
    found: list[tuple[int, int]] = []
    start, room = 0, max(1, first)
    ascii_only = text.isascii()
    while True:
        end = min(len(text), start + room) if ascii_only else _end_within(text, start, room)
        if end >= len(text):
            return [*found, (start, len(text))]
        space = text.rfind(" ", start + 1, end + 1)
        if space > start + (end - start) // 2:
            end = space
        found.append((start, end))
        start, room = end, max(1, rest)
        while start < len(text) and text[start] == " ":
            start += 1


def _end_within(text: str, start: int, cells: int) -> int:
    """The place behind the last character that fits; at least one does."""
    used = 0
    for index in range(start, len(text)):
        used += cell_len(text[index])
        if used > cells:
            return max(start + 1, index)
    return len(text)
