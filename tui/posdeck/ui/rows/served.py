"""Rows that the server printed itself: any kind, cell by cell; and all kinds of ``get all`` in one list."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from posdeck.operations.kinds import ServerTable, TableRow
from posdeck.ui.plain import fit, plain, width
from posdeck.ui.rows.cells import Cell, Column, RowKind, Sections
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_AGE = re.compile(r"(?:\d+[ydhms])+")
_UNIT = {"y": 31_536_000, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WIDEST = 40  # cells that one of the server's cells may take among those of its row
_TIMES = frozenset({"AGE", "LAST SCHEDULE", "DURATION", "LAST SEEN", "FIRST SEEN"})


class ServedRows(RowKind):
    """One kind as the server prints it. Made by ``served_rows``, since its columns come with the table."""

    id = "served"
    noun = "objects"
    default_sort = "c0"
    table: ClassVar[ServerTable] = ServerTable("")

    def __init__(self) -> None:
        self.rows: Mapping[str, TableRow] = {}

    def load(self, table: ServerTable) -> None:
        """Take the rows of a table with the same columns."""
        before = self.rows
        self.rows = {r.name: before[r.name] if before.get(r.name) == r else r for r in table.rows}

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return self.rows

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        return [Cell(plain(text), Tone.NORMAL) for text in item.cells]

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        place = next((i for i, c in enumerate(self.columns) if c.id == column), 0)
        return cell_order(item.cells[place], self.columns[place].title)


def served_rows(table: ServerTable) -> ServedRows:
    """Rows for a table's columns."""
    columns = []
    for place, column in enumerate(table.columns):
        title = column.name.upper()
        columns.append(
            Column(
                f"c{place}",
                title,
                least=max(4, len(title)) if place else 12,
                most=80 if place else 100,
                priority=5 if column.wide else 0,
                descending=title in _TIMES,
                prose=place > 0,
                tail=0 if place else 6,
            )
        )
    kind = type(
        "Served", (ServedRows,), {"columns": tuple(columns), "noun": table.kind, "id": f"served-{table.kind}"}
    )
    made: ServedRows = kind()
    made.load(table)
    return made


def cell_order(text: str, title: str) -> tuple[int, float, str]:
    """Numbers as numbers, ages by their length, the rest as text."""
    if title in _TIMES and _AGE.fullmatch(text):
        return (1, -float(sum(int(n) * _UNIT[u] for n, u in re.findall(r"(\d+)([ydhms])", text))), "")
    if _NUMBER.fullmatch(text):
        return (1, float(text), "")
    return (0, 0.0, text.lower())


class AllRows(RowKind):
    """What ``kubectl get all`` lists, under a heading for each kind, with the server's cells by their titles."""

    id = "all"
    noun = "objects"
    default_sort = ""
    columns: ClassVar[tuple[Column, ...]] = (
        Column("name", "NAME", least=12, most=90, tail=6),
        Column("cells", "AS THE SERVER PRINTS IT", most=400, prose=True),
    )

    def __init__(self) -> None:
        self.tables: Sequence[ServerTable] = ()
        self.rows: Mapping[str, tuple[ServerTable, TableRow]] = {}
        self._widths: Mapping[str, Sequence[tuple[int, int]]] = {}

    def load(self, tables: Sequence[ServerTable]) -> None:
        """Take every kind's table."""
        self.tables = tables
        self.rows = {f"{t.kind}/{r.name}": (t, r) for t in tables for r in t.rows}
        self._widths = {t.kind: _widths(t) for t in tables}

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return self.rows

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        table, row = item
        widths = self._widths.get(table.kind, ())
        said = [fit(plain(row.cells[place], _WIDEST), wide) for place, wide in widths]
        return (Cell(plain(scene.wall.shortened(row.name)), Tone.STRONG), Cell("  ".join(said)))

    def words(self, key: str, item: Any, scene: Scene) -> str:
        return f"{item[1].name} {super().words(key, item, scene)}"

    def labels(self, item: Any) -> Mapping[str, str]:
        found: Mapping[str, str] = item[1].labels
        return found

    def sections(self, scene: Scene) -> Sections:
        return [(_heading(t), [f"{t.kind}/{r.name}" for r in t.rows]) for t in self.tables if t.rows]


def _shown_places(table: ServerTable) -> list[int]:
    """The columns after the name that kubectl shows without ``-o wide``."""
    return [place for place, column in enumerate(table.columns) if place and not column.wide]


def _widths(table: ServerTable) -> list[tuple[int, int]]:
    return [
        (place, min(_WIDEST, max(width(plain(row.cells[place], _WIDEST)) for row in table.rows)))
        for place in _shown_places(table)
        if table.rows
    ]


def _heading(table: ServerTable) -> str:
    """The kind with the titles of what stands in its rows."""
    titles = " · ".join(table.columns[place].name for place in _shown_places(table))
    return f"{table.kind}  {titles}"
