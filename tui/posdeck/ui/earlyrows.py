"""The first rows, drawn into the first frame while Textual is still being loaded: what one look at the cluster
found, in the cells that the table will have, with the time at which it was read.

Nothing here imports Textual.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from posdeck.cluster.snapshot import Feed, Kind, Snapshot
from posdeck.operations.view import Surroundings, View
from posdeck.ui.firstframe import Area, Painter, main_area, paint_at, painter
from posdeck.ui.palettes import Palette, palette
from posdeck.ui.plain import drawable, fit, plain, width
from posdeck.ui.rows.cells import Cell, Column, RowKind, without_quiet
from posdeck.ui.rows.pods import Pods
from posdeck.ui.rows.workloads import WallRows, Workloads
from posdeck.ui.scene import Scene
from posdeck.ui.tones import Tone
from posdeck.ui.wall import Wall
from posdeck.ui.widgets.columns import GAP, lay_out
from posdeck.ui.widgets.rowlist import Heading, RowLine, RowList

# the views whose rows a first look can fill, with the caption of their box
_DRAWN: dict[str, tuple[type[RowKind], str]] = {
    "overview": (WallRows, "Workloads"),
    "pods": (Pods, "Pods"),
    "workloads": (Workloads, "Workloads"),
}


class EarlyRows:
    """A first look in a thread of its own. ``look`` asks the cluster, ``show`` draws what it found; once the
    screen is handed over nothing is drawn any more, and what came too late is not kept."""

    def __init__(self, look: Callable[[], Snapshot | None], show: Callable[[Snapshot], None]) -> None:
        self._look, self._show = look, show
        self._lock = threading.Lock()
        self._handed_over = threading.Event()
        self._found: Snapshot | None = None
        threading.Thread(target=self._run, name="posdeck-glance", daemon=True).start()

    def _run(self) -> None:
        found = self._look()
        with self._lock:
            if found is not None and not self._handed_over.is_set():
                self._found = found
                self._show(found)

    def hand_over(self) -> Snapshot | None:
        """The screen belongs to Textual from now on; what was found until now."""
        with self._lock:
            self._handed_over.set()
            return self._found

    def kept(self) -> Snapshot | None:
        """The same for whoever needs it: waits until the screen was handed over."""
        self._handed_over.wait()
        return self._found


def early_rows(
    snapshot: Snapshot, surroundings: Surroundings, wall: Wall, columns: int, lines: int,
    *, view: str = "overview", theme: str, colour: bool = True,
) -> str:  # fmt: skip
    """The rows of ``view`` as escape sequences, to be written over the first frame; "" where there are none."""
    if view not in _DRAWN or snapshot.taken_at is None:
        return ""
    make, caption = _DRAWN[view]
    kind, area, colours = make(), main_area(columns, lines, view), palette(theme)
    scene = Scene(View(snapshot=snapshot, surroundings=surroundings), snapshot.taken_at, wall)
    rows = RowList(kind)
    rows.take(scene)
    if not rows.shown_count or area.lines < 2 or area.columns < 20:
        return ""
    paint = painter(colour=colour)
    of = snapshot.feed(Kind.PODS) if view == "pods" else snapshot.feed(Kind.DEPLOYMENTS)
    title = f" {caption}{_count(of, len(snapshot.pods if view == 'pods' else snapshot.deployments))}"
    title += f" · CONNECTING · read at {snapshot.taken_at:%H:%M:%S} UTC "
    drawn = _lines(kind, rows, scene, area, colours, paint)
    return paint_at(
        area.top - 1, area.left, paint(title[: area.columns], colours.foreground, colours.background)
    ) + (
        "".join(paint_at(area.top + number, area.left, line) for number, line in enumerate(drawn)) + "\x1b[0m"
    )


def _count(feed: Feed, shown: int) -> str:
    return f" {shown:,} of {feed.total:,}, loading" if feed.total else f" {shown:,}"


def _lines(
    kind: RowKind, rows: RowList, scene: Scene, area: Area, colours: Palette, paint: Painter
) -> list[str]:
    """The titles and as many lines as there is room for."""
    sight = rows.lines[: area.lines - 1]
    cells = {
        line: tuple(kind.cells(line, rows.items[line], scene)) for line in sight if isinstance(line, str)
    }
    titles = tuple(_title(column, rows) for column in kind.columns)
    needed = [
        max(
            [
                column.least,
                len(titles[at].text),
                *(min(width(r[at].text), column.most) for r in cells.values()),
            ]
        )
        for at, column in enumerate(kind.columns)
    ]
    bar = 1 if len(rows.lines) > len(sight) else 0
    places = lay_out(kind.columns, needed, area.columns - bar).columns

    def text(said: str, tone: Tone) -> str:
        foreground, bold = _look(colours, tone)
        return paint(said, foreground, colours.background, bold=bold)

    def row(found: Sequence[Cell]) -> str:
        return text(GAP, Tone.NORMAL).join(
            _cell(found[at], kind.columns[at], room, text) for at, room in places
        )

    def line(of: RowLine) -> str:
        if isinstance(of, Heading):
            return text(plain(of.title).upper(), Tone.HEADING) + text(f"  {of.count}", Tone.DIM)
        return row(cells[of])

    return [row(titles), *(line(each) for each in sight)]


def _title(column: Column, rows: RowList) -> Cell:
    """The title; the sorted column's has an arrow, as long as there are no sections."""
    if not column.title or rows.sectioned or column.id != rows.sort:
        return Cell(column.title, Tone.DIM)
    return Cell(f"{column.title}{'↓' if rows.descending else '↑'}", Tone.STRONG)


def _cell(cell: Cell, column: Column, room: int, text: Callable[[str, Tone], str]) -> str:
    cell = without_quiet(cell, room)
    drawn = fit(drawable(cell.text), room, right=column.right, tail=column.tail)
    if cell.quiet and len(cell.text) > cell.quiet:
        return text(drawn[: cell.quiet], Tone.DIM) + text(drawn[cell.quiet :], cell.tone)
    return text(drawn, cell.tone)


def _look(colours: Palette, tone: Tone) -> tuple[str, bool]:
    """The colour of a tone and whether it is bold; tones are written as ``bold #rrggbb``."""
    words = colours.tones[tone].split()
    return next((word for word in words if word.startswith("#")), colours.foreground), "bold" in words
