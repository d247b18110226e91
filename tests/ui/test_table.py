"""The table draws what is in sight, keeps the selection by name, and moves nothing under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pyte
from fake_front import NOW, view
from textual.app import App, ComposeResult

from posdeck.ui.filtering import parse_filter
from posdeck.ui.rows.cells import Cell, Column, RowKind
from posdeck.ui.scene import Scene
from posdeck.ui.widgets.columns import lay_out
from posdeck.ui.widgets.rowlist import _differences
from posdeck.ui.widgets.table import Table


@dataclass(frozen=True)
class Thing:
    """A row with a number."""

    name: str
    number: int = 0
    text: str = ""


class Things(RowKind):
    """Rows for these tests."""

    id = "things"
    default_sort = "name"
    columns = (
        Column("name", "NAME", least=4, most=40, key="n"),
        Column("number", "NUMBER", right=True, key="u", descending=True),
        Column("text", "TEXT", priority=1, most=200, prose=True),
    )

    def __init__(self) -> None:
        self.things: Mapping[str, Thing] = {}

    def items(self, scene: Scene) -> Mapping[str, Any]:
        return self.things

    def cells(self, key: str, item: Any, scene: Scene) -> Sequence[Cell]:
        return Cell(item.name), Cell(str(item.number)), Cell(item.text)

    def order(self, column: str, key: str, item: Any, scene: Scene) -> Any:
        return getattr(item, column)


SCENE = Scene(view(), NOW)


class Bench(App[None]):
    """One table."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = Things()
        self.table = Table(self.kind)
        self.moved: list[str | None] = []
        self.terminal = pyte.Screen(80, 24)
        self.stream = pyte.Stream(self.terminal)

    def compose(self) -> ComposeResult:
        yield self.table

    def _display(self, screen: Any, renderable: Any) -> None:
        """Keep a terminal beside the headless driver, fed with the partial updates as they are sent."""
        super()._display(screen, renderable)
        if hasattr(renderable, "render_segments"):
            if (self.terminal.columns, self.terminal.lines) != self.size:
                self.terminal.resize(self.size.height, self.size.width)
            self.stream.feed(renderable.render_segments(self.console))

    def on_table_moved(self, event: Table.Moved) -> None:
        self.moved.append(event.key)

    def put(self, things: Mapping[str, Thing]) -> None:
        """Show these rows."""
        self.kind.things = things
        self.table.show(SCENE)


@asynccontextmanager
async def bench(count: int = 0, size: tuple[int, int] = (60, 12)) -> Any:
    app = Bench()
    async with app.run_test(size=size) as pilot:
        app.put(many(count))
        await pilot.pause()
        yield app, pilot


def many(count: int) -> dict[str, Thing]:
    """Rows in order."""
    return {f"row-{i:05}": Thing(f"row-{i:05}", i) for i in range(count)}


def lines(app: Bench) -> list[str]:
    """The rows on the screen, without the header."""
    return [app.table.render_line(y).text.rstrip() for y in range(1, app.table.size.height)]


async def test_of_ten_thousand_rows_only_those_in_sight_are_drawn() -> None:
    async with bench(10_000) as (app, pilot):
        assert len(app.table.list.items) == 10_000
        assert 0 < app.table.painter.drawn_count <= 100
        before = app.table.painter.drawn_count
        app.table.move_to(-1)
        await pilot.pause()
        assert app.table.list.selected == "row-09999"
        assert "row-09999" in "\n".join(lines(app))
        assert app.table.painter.drawn_count - before <= 100


async def test_one_changed_row_of_ten_thousand_redraws_no_other() -> None:
    async with bench(10_000) as (app, pilot):
        refreshed: list[int] = []
        original = app.table.refresh_line
        app.table.refresh_line = lambda y: (refreshed.append(y), original(y))[1]
        changed = dict(app.kind.things) | {"row-00003": Thing("row-00003", 7)}
        app.put(changed)
        await pilot.pause()
        assert refreshed == [4]
        assert lines(app)[3].split() == ["row-00003", "7"]


async def test_a_change_out_of_sight_redraws_nothing() -> None:
    async with bench(10_000) as (app, pilot):
        refreshed: list[int] = []
        app.table.refresh_line = refreshed.append
        app.put(dict(app.kind.things) | {"row-07777": Thing("row-07777", 1)})
        await pilot.pause()
        assert refreshed == []


async def test_the_selected_row_stays_on_its_line_while_others_come_and_go() -> None:
    async with bench(100) as (app, pilot):
        app.table.move(40)
        await pilot.pause()
        y = app.table.list.cursor - app.table.scroll_offset.y
        app.put({"aaa": Thing("aaa"), "bbb": Thing("bbb")} | dict(app.kind.things))
        await pilot.pause()
        assert app.table.list.selected == "row-00040"
        assert app.table.list.cursor - app.table.scroll_offset.y == y
        app.put({k: v for k, v in app.kind.things.items() if not k.startswith("row-0001")})
        await pilot.pause()
        assert app.table.list.selected == "row-00040"
        assert app.table.list.cursor - app.table.scroll_offset.y == y


async def test_when_the_selected_object_goes_no_neighbour_is_selected_in_its_place() -> None:
    async with bench(10) as (app, pilot):
        app.table.move(3)
        assert app.table.list.selected == "row-00003"
        app.put({k: v for k, v in many(10).items() if k != "row-00003"})
        await pilot.pause()
        assert app.table.list.selected is None
        assert app.table.list.item is None
        assert app.moved[-1] is None
        app.table.move(1)
        assert app.table.list.selected == "row-00005"


def test_a_row_that_goes_and_comes_again_is_listed_again() -> None:
    things = Things()
    rows = Table(things).list
    for there in (["a", "b"], ["a"], ["a", "b"], [], ["a"]):
        things.things = {name: Thing(name) for name in there}
        rows.take(SCENE)
        assert rows.keys == there


async def test_until_the_cursor_is_moved_it_stays_on_the_first_row() -> None:
    async with bench(5) as (app, pilot):
        app.put({"aaa": Thing("aaa")} | many(5))
        await pilot.pause()
        assert app.table.list.selected == "aaa"
        assert app.table.scroll_offset.y == 0


async def test_sorting_keeps_the_selection_and_turns_round_the_second_time() -> None:
    async with bench(50) as (app, pilot):
        app.table.move(10)
        app.table.sort_by("number")
        await pilot.pause()
        assert app.table.list.keys[0] == "row-00049"
        assert app.table.list.selected == "row-00010"
        app.table.sort_by("number")
        assert app.table.list.keys[0] == "row-00000"


async def test_a_volatile_order_follows_the_numbers() -> None:
    async with bench(5) as (app, pilot):
        app.table.sort_by("number")
        app.put(many(5) | {"row-00000": Thing("row-00000", 99)})
        await pilot.pause()
        assert app.table.list.keys[0] == "row-00000"


async def test_a_row_that_sorts_elsewhere_is_seen_where_it_is_now() -> None:
    async with bench(5) as (app, pilot):
        app.table.sort_by("number")
        await pilot.pause()
        drawn = screen(app)
        assert drawn[1].split() == ["row-00004", "4"]
        app.put(many(5) | {"row-00000": Thing("row-00000", 99)})
        await pilot.pause()
        assert [line.split()[0] for line in screen(app)[1:6]] == app.table.list.keys
        app.put({k: v for k, v in app.kind.things.items() if k != "row-00004"})
        await pilot.pause()
        assert [line.split()[0] for line in screen(app)[1:6] if line] == app.table.list.keys


async def test_a_person_who_filters_gets_a_selected_row_again() -> None:
    async with bench(20) as (app, pilot):
        app.table.move(3)
        app.table.set_filter(parse_filter("row-0001"))
        await pilot.pause()
        assert app.table.list.selected in app.table.list.keys


async def test_filters_hide_and_bring_back() -> None:
    async with bench(100) as (app, _):
        app.table.set_filter(parse_filter("row-0001"))
        assert app.table.list.shown_count == 10
        app.table.set_filter(parse_filter("!row-0001"))
        assert app.table.list.shown_count == 90
        app.table.set_filter(parse_filter(""))
        assert app.table.list.shown_count == 100


async def test_marks_stay_with_their_objects_and_go_with_them() -> None:
    async with bench(10) as (app, pilot):
        app.table.toggle_mark()
        app.table.toggle_mark()
        assert app.table.list.marked == {"row-00000", "row-00001"}
        await pilot.pause()
        assert lines(app)[0].startswith("✓")
        app.put({k: v for k, v in many(10).items() if k != "row-00000"})
        assert app.table.list.marked == {"row-00001"}


async def test_odd_text_neither_raises_nor_breaks_the_line() -> None:
    odd = "漢字 [red]x[/] \u0301\u0301 👩\u200d👩"
    async with bench() as (app, pilot):
        from posdeck.ui.plain import plain

        app.put({"odd": Thing(plain(odd), 1, plain(odd * 500)), "plain": Thing("plain", 2, "x")})
        await pilot.pause()
        for y in range(app.table.size.height):
            assert app.table.render_line(y).cell_length == app.table.size.width


async def test_the_right_arrow_brings_back_dropped_columns() -> None:
    async with bench(size=(24, 6)) as (app, pilot):
        app.put({"row": Thing("row" * 5, 1, "prose " * 30)})
        await pilot.pause()
        assert "TEXT" not in app.table.render_line(0).text
        app.table.shift(8)
        await pilot.pause()
        assert app.table.wide
        app.table.shift(8)
        app.table.shift(8)
        assert "TEXT" in app.table.render_line(0).text
        app.table.shift(-100)
        app.table.shift(-1)
        assert not app.table.wide


def test_columns_go_by_priority_and_names_are_not_cut() -> None:
    columns = (Column("name", "NAME", most=60), Column("a", "A", priority=1), Column("b", "B", priority=2))
    assert [place for place, _ in lay_out(columns, [30, 10, 10], 60).columns] == [0, 1, 2]
    assert lay_out(columns, [30, 10, 10], 45).columns == ((0, 30), (1, 10))
    assert lay_out(columns, [30, 10, 10], 35).columns == ((0, 30),)
    assert lay_out(columns, [30, 10, 10], 20).columns == ((0, 20),)


async def test_a_new_scene_with_the_same_objects_draws_nothing() -> None:
    async with bench(100) as (app, pilot):
        refreshed: list[Any] = []
        app.table.refresh_line = refreshed.append
        app.table.show(replace_time())
        await pilot.pause()
        assert refreshed == []


def screen(app: Bench) -> list[str]:
    """What the terminal shows after the updates that were really sent."""
    return [line.rstrip() for line in app.terminal.display]


def replace_time() -> Scene:
    """The same objects, another view around them."""
    return Scene(replace(view()), NOW)


def test_what_differs_between_two_looks_is_found_by_identity() -> None:
    """Whether the keys are in the same order as before or not."""
    old, new = ["a"], ["a"]
    assert _differences({"x": old, "y": old}, {"x": old, "y": new}) == (["y"], False)
    assert _differences({"x": old, "y": old}, {"y": old, "x": new}) == (["x"], False)
    assert _differences({"x": old, "y": old}, {"x": old, "z": old}) == (["z"], True)
    assert _differences({"x": old}, {"x": old, "y": old}) == (["y"], False)
    assert _differences({"x": old, "y": old}, {"y": old}) == ([], True)
    assert _differences({}, {}) == ([], False)
