"""Which columns are shown in a given width: the least important go first, none is cut in the middle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from posdeck.ui.rows.cells import Column

GAP = "  "
_NARROW_GAP = len(GAP)


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns by place with their widths, the sum, and how many were dropped."""

    columns: tuple[tuple[int, int], ...]
    total: int
    dropped: int


def lay_out(columns: Sequence[Column], needed: Sequence[int], room: int) -> Layout:
    """Drop columns by priority until the rest fits; then shrink the widest one that has no fixed width."""
    kept = list(range(len(columns)))

    def total(places: Sequence[int]) -> int:
        return sum(needed[p] for p in places) + _NARROW_GAP * max(0, len(places) - 1)

    last_shrinks = _shrinkable(columns)
    for priority in sorted({c.priority for c in columns if c.priority}, reverse=True):
        flexible = sum(needed[p] - _floor(columns[p], needed[p]) for p in kept if p in last_shrinks)
        if total(kept) - flexible <= room:
            break
        for place in [p for p in reversed(kept) if columns[p].priority == priority]:
            kept.remove(place)
            flexible = sum(needed[p] - _floor(columns[p], needed[p]) for p in kept if p in last_shrinks)
            if total(kept) - flexible <= room:
                break
    widths = {place: needed[place] for place in kept}
    excess = total(kept) - room
    for place in sorted((p for p in kept if p in last_shrinks), key=lambda p: -widths[p]):
        if excess <= 0:
            break
        give = min(excess, widths[place] - _floor(columns[place], widths[place]))
        widths[place] -= give
        excess -= give
    if excess > 0 and kept:
        widest = max(kept, key=lambda p: widths[p])
        widths[widest] = max(1, widths[widest] - excess)
    shown = tuple((place, widths[place]) for place in kept)
    return Layout(shown, sum(widths.values()) + _NARROW_GAP * max(0, len(kept) - 1), len(columns) - len(kept))


def _shrinkable(columns: Sequence[Column]) -> set[int]:
    """Long prose may be cut at its end: nothing of names is lost by that."""
    return {place for place, column in enumerate(columns) if column.prose}


def _floor(column: Column, needed: int) -> int:
    return min(needed, max(column.least, 20))
