"""Which rows there are, in which order, and which one is selected: everything of a table but its drawing.

The selection is an object's name, not a line number. When the selected object goes, nothing else is selected
in its place until the cursor is moved, so that a key pressed at that moment cannot hit a neighbour.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any, cast

from posdeck.ui.filtering import Filter
from posdeck.ui.rows.cells import Column, RowKind
from posdeck.ui.scene import Scene


@dataclass(frozen=True, slots=True)
class Heading:
    """A line that titles the rows below it."""

    title: str
    count: int


RowLine = str | Heading


class RowList:
    """The lines of a table: keys of rows, and headings between them."""

    def __init__(self, kind: RowKind) -> None:
        self.kind = kind
        self.scene: Scene | None = None
        self.items: Mapping[str, Any] = {}
        self.lines: list[RowLine] = []
        self.filter = Filter()
        self.sort = kind.default_sort
        self.descending = self._column(kind.default_sort).descending
        self.sort_chosen = False
        self.sectioned = False
        self.marked: set[str] = set()
        self.selected: str | None = None
        self.cursor = 0
        self.touched = False  # whether the cursor was ever moved
        self._orders: dict[str, Any] = {}
        self._headings = 0  # among the lines

    @property
    def item(self) -> Any | None:
        """The selected object."""
        return self.items.get(self.selected) if self.selected is not None else None

    @property
    def keys(self) -> list[str]:
        """The keys in their present order."""
        return [line for line in self.lines if isinstance(line, str)]

    @property
    def shown_count(self) -> int:
        """Rows that pass the filter."""
        return len(self.lines) - self._headings

    # what changes

    def take(self, scene: Scene) -> int:
        """Take another scene; returns by how many lines the selected row moved."""
        previous, self.scene = self.scene, scene
        items, before = self.kind.items(scene), self.items
        self.items = items
        changed, gone = _differences(before, items)
        # names come from the catalogue and, for pods, by way of the replica sets
        renamed = (
            previous is None
            or previous.wall is not scene.wall
            or previous.joins.owners is not scene.joins.owners
        )
        if gone:
            self.marked &= items.keys()
            for key in before.keys() - items.keys():
                self._orders.pop(key, None)  # or it would be taken for still there when it comes again
        unstable = renamed or self.sort in self.kind.volatile
        arranged = gone or unstable or bool(self.filter) or self.kind.sections(scene) is not None
        if not arranged and not self._out_of_order(changed):
            return 0
        if unstable:
            self._orders.clear()
        for key in changed:
            self._orders.pop(key, None)
        return self._arrange()

    def set_filter(self, new: Filter) -> None:
        """Show only rows that pass ``new``; a person did that, so the cursor's row may become the selected one."""
        self.filter = new
        self._arrange()
        if self.selected is None:
            self.go(self.cursor, 1)

    def sort_by(self, column: str) -> int:
        """Sort by ``column``, the same again turns the order round; returns how far the selected row moved."""
        if self.sort_chosen and self.sort == column:
            self.descending = not self.descending
        else:
            self.sort, self.descending = column, self._column(column).descending
        self.sort_chosen = True
        self._orders.clear()
        return self._arrange()

    def next_column(self) -> str:
        """The titled column after the one that is sorted by."""
        titled = [c.id for c in self.kind.columns if c.title]
        at = titled.index(self.sort) if self.sort in titled else -1
        return titled[(at + 1) % len(titled)] if titled else self.sort

    def go(self, index: int, direction: int) -> None:
        """Put the cursor on the row at ``index``, or on the next one in ``direction`` when that is a heading."""
        index = min(max(index, 0), len(self.lines) - 1)
        for step in (direction, -direction):
            probe = index
            while 0 <= probe < len(self.lines) and isinstance(self.lines[probe], Heading):
                probe += step
            if 0 <= probe < len(self.lines):
                self.cursor, self.touched = probe, True
                self.selected = cast("str", self.lines[probe])
                return

    # order

    def _column(self, column: str) -> Column:
        return next((c for c in self.kind.columns if c.id == column), Column("", ""))

    def _out_of_order(self, changed: Sequence[str]) -> bool:
        """Whether the changed rows are new, or sort differently than before."""
        for key in changed:
            before = self._orders.pop(key, None)
            if before is None or self._order(key) != before:
                return True
        return False

    def _order(self, key: str) -> Any:
        found = self._orders.get(key)
        if found is None:
            found = self._orders[key] = self.kind.order(self.sort, key, self.items[key], self._drawing())
        return found

    def _passes(self, key: str) -> bool:
        item = self.items[key]
        return self.filter.matches(self.kind.words(key, item, self._drawing()), self.kind.labels(item))

    def _drawing(self) -> Scene:
        """The scene; there is one wherever there are rows."""
        return cast("Scene", self.scene)

    def _arrange(self) -> int:
        """Filter and sort; returns by how many lines the selected row moved."""
        if self.scene is None:
            return 0
        sections = None if self.sort_chosen else self.kind.sections(self.scene)
        self.sectioned = sections is not None
        self.lines = list(self._sorted()) if sections is None else []
        self._headings = 0
        for title, keys in sections or ():
            shown = [k for k in keys if k in self.items and (not self.filter or self._passes(k))]
            if shown:
                self.lines += [Heading(title, len(shown)), *shown]
                self._headings += 1
        return self._follow_selection()

    def _sorted(self) -> list[str]:
        shown = [k for k in self.items if self._passes(k)] if self.filter else list(self.items)
        if not self.sort:
            return shown
        # in the old order first: sorting what is nearly sorted costs next to nothing
        wanted = set(shown)
        kept = [line for line in self.keys if line in wanted]
        there = set(kept)
        shown = kept + [k for k in shown if k not in there]
        shown.sort(key=self._order, reverse=self.descending)
        return shown

    def _follow_selection(self) -> int:
        before = self.cursor
        last = max(0, len(self.lines) - 1)
        if not self.touched:
            self.cursor = next((i for i, line in enumerate(self.lines) if isinstance(line, str)), 0)
            line = self.lines[self.cursor] if self.lines else None
            self.selected = line if isinstance(line, str) else None
            return 0
        if self.selected is not None and self.selected in self.lines:
            if self.cursor > last or self.lines[self.cursor] != self.selected:
                self.cursor = self.lines.index(self.selected)
            return self.cursor - before
        self.cursor, self.selected = min(self.cursor, last), None
        return 0


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], bool]:
    """The keys in ``after`` whose objects are others than before, and whether any is gone. Nearly always the keys are
    the same in the same order; then this takes a tenth of a look-up for each."""
    if after is before:
        return [], False
    if len(after) == len(before) and all(map(operator.eq, after, before)):
        return list(compress(after, map(operator.is_not, after.values(), before.values()))), False
    changed = [key for key, item in after.items() if before.get(key) is not item]
    return changed, any(key not in after for key in before)
