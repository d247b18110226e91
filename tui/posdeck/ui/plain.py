"""Text from the cluster made safe to draw: nothing in it moves the cursor, reorders a line or is interpreted.

Widths are those of ``rich.cells``; whatever terminals disagree about (joiners, variation selectors, flags,
private use) is taken out, so that the counted width and the drawn width are the same.
"""

from __future__ import annotations

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
    out: list[str] = []
    marks = 0
    right_to_left = False
    for char in unicodedata.normalize("NFC", text):
        if " " <= char <= "~":
            out.append(char)
            marks = 0
            continue
        category = unicodedata.category(char)
        if category in {"Mn", "Me", "Mc"}:
            # stacked marks climb into the lines above: two are enough for any real script
            if out and marks < 2 and not 0xFE00 <= ord(char) <= 0xFE0F:
                out.append(char)
                marks += 1
            continue
        marks = 0
        if unicodedata.bidirectional(char) in {"R", "AL"}:
            right_to_left = True
        out.append(_visible(char, category))
    if right_to_left:
        out.append(LEFT_TO_RIGHT)  # what follows on the line keeps its place
    return "".join(out)


def _visible(char: str, category: str) -> str:
    code = ord(char)
    if category == "Cc":
        if char == "\t":
            return "  "
        if char in "\r\n":
            return "⏎"
        return chr(0x2400 + code) if code < 0x20 else "␡" if code == 0x7F else "�"
    if category == "Cf":
        return ""
    if category in {"Zl", "Zp"}:
        return "⏎"
    if category == "Zs":
        return " "
    if category in {"Cs", "Co", "Cn"}:
        return "�"
    if 0x1F1E6 <= code <= 0x1F1FF:
        return chr(ord("A") + code - 0x1F1E6)
    if 0x1F3FB <= code <= 0x1F3FF:
        return ""
    return char


def width(text: str) -> int:
    """The terminal cells that ``text`` takes."""
    return len(text) if text.isascii() else cell_len(text)


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
