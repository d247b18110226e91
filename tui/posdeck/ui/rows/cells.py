"""What a row is made of, without a screen: cells with a tone, columns with a priority, and the way to sort.

A tone is a meaning; the theme gives it a colour. A state always has a glyph or a word beside its tone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from posdeck.cluster.snapshot import Kind
from posdeck.telemetry.reading import Absence, Reading
from posdeck.ui.plain import plain, width
from posdeck.ui.tones import Tone

if TYPE_CHECKING:
    from datetime import datetime

    from posdeck.ui.scene import Scene


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; the first ``quiet`` characters are drawn dim (what all names share), and go first where the room is
    short."""

    text: str
    tone: Tone = Tone.NORMAL
    quiet: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """A column. Those with the highest ``priority`` are dropped first when the width is short; 0 never is.
    ``key`` is the letter that, with shift, sorts by it. Only ``prose`` is cut while another column can
    go instead."""

    id: str
    title: str
    right: bool = False
    priority: int = 0
    least: int = 1
    most: int = 200
    key: str = ""
    descending: bool = False
    prose: bool = False  # may be cut at its end when the width is short
    tail: int = 0  # characters at the end of a name that are kept when it must be cut


EMPTY_CELL = Cell("")
Span = tuple[str, Tone]
Line = tuple[Span, ...]
Sections = Sequence[tuple[str, Sequence[str]]]


class RowKind:
    """How one kind of object becomes rows. Objects are compared by ``is``, so they must be frozen."""

    id: ClassVar[str] = ""
    noun: ClassVar[str] = "rows"
    feed: ClassVar[Kind | None] = None
    columns: ClassVar[tuple[Column, ...]] = ()
    default_sort: ClassVar[str] = ""
    snug: ClassVar[bool] = (
        False  # columns become narrower again when rows go; for short lists, whose text needs the room
    )
    volatile: ClassVar[frozenset[str]] = frozenset()  # columns whose order depends on more than the object

    def items(self, scene: Scene) -> Mapping[str, Any]:
        """The objects by key."""
        raise NotImplementedError

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        """The cells, one for each of ``columns``."""
        raise NotImplementedError

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        """What rows are sorted by; the cell's text unless a kind knows better."""
        index = next((i for i, c in enumerate(self.columns) if c.id == column), 0)
        return self.cells(key, item, scene)[index].text

    def words(self, key: str, item: Any, scene: Scene) -> str:
        """What a filter looks at."""
        return " ".join(cell.text for cell in self.cells(key, item, scene))

    def labels(self, item: Any) -> Mapping[str, str]:
        """What a ``-l`` filter looks at."""
        found = getattr(item, "labels", None)
        return found if isinstance(found, Mapping) else {}

    def sections(self, scene: Scene) -> Sections | None:
        """Headings with the keys below them, when the kind has an order of its own; else None."""
        return None


def shared_length(name: str) -> int:
    """How much of a short name is "consumer-" or "wrk--", which most names begin with."""
    return next((len(s) for s in ("consumer-", "wrk--") if name.startswith(s) and len(name) > len(s)), 0)


def without_quiet(cell: Cell, cells: int) -> Cell:
    """The cell without what all names share, where the whole does not fit."""
    if not cell.quiet or width(cell.text) <= cells:
        return cell
    return replace(cell, text=f"…{cell.text[cell.quiet :]}", quiet=1)


def name_cell(name: str, tone: Tone = Tone.NORMAL) -> Cell:
    """A name, made safe."""
    return Cell(plain(name), tone)


def count_cell(number: int | None, *, bad_above: int | None = None) -> Cell:
    """A whole number with thousands apart; ``?`` when it is not known."""
    if number is None:
        return Cell("?", Tone.DIM)
    tone = Tone.WARN if bad_above is not None and number > bad_above else Tone.NORMAL
    return Cell(f"{number:,}", tone if number else Tone.DIM)


ABSENT: dict[Absence | None, str] = {
    Absence.NO_SOURCE: "no source",
    Absence.NOT_YET: "…",
    Absence.NO_SERIES: "–",
    Absence.NO_CONSUMER: "no consumer",
    Absence.UNREACHABLE: "?",
    Absence.INVALID: "?",
    None: "?",
}


def reading_cell(reading: Reading, *, decimals: int = 0, tone: Tone = Tone.NORMAL) -> Cell:
    """A measured number; its absence is shown as what it is, never as 0."""
    if reading.value is None:
        loud = Tone.BAD if reading.absence is Absence.NO_CONSUMER else Tone.DIM
        return Cell(ABSENT.get(reading.absence, "?"), loud)
    text = f"{reading.value:,.{decimals}f}"
    return Cell(text, tone if reading.value else Tone.DIM if tone is Tone.NORMAL else tone)


def number_order(number: float | None) -> tuple[int, float]:
    """Unknown numbers sort after all known ones when the largest come first."""
    return (0, 0.0) if number is None else (1, float(number))


def time_order(moment: datetime | None) -> float:
    """Seconds for sorting; unknown times are oldest."""
    return moment.timestamp() if moment else 0.0
