"""Kinds that are not watched: read once when entered, again with ctrl+r, as the server's own table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from posdeck.cluster.snapshot import Feed
from posdeck.errors import PosdeckError, UnknownNameError
from posdeck.operations.kinds import ServerTable
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.plain import plain
from posdeck.ui.rows.cells import RowKind
from posdeck.ui.rows.served import AllRows, ServedRows, served_rows
from posdeck.ui.scene import Scene
from posdeck.ui.screens.pane import Subject
from posdeck.ui.screens.tables import TablePane, why_empty
from posdeck.ui.subjects import object_subject
from posdeck.ui.widgets.table import Table

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

PLACE = "kind"


class _ServedPane(TablePane):
    """What both places share: the moment of the reading, and why there is nothing to see."""

    own_scopes: ClassVar[tuple[str, ...]] = (act.KIND,)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._problem = ""
        self._read_at = ""
        self._reading = False

    def read(self) -> None:
        """Ask the server again."""
        self._reading = True
        self.posdeck.run_worker(self._load(), exclusive=True, group="kind", exit_on_error=False)

    def redaction_changed(self) -> None:
        """What was read goes at once, and is read again."""
        if self._read_at:
            self.forget()
            self._read_at = ""
            self.draw(self.posdeck.scene)
            self.read()

    def forget(self) -> None:
        """Let go of every row."""
        raise NotImplementedError

    async def _load(self) -> None:
        try:
            await self.ask()
        except PosdeckError as problem:
            self._problem = str(problem)
        else:
            self._problem = ""
            self._read_at = f"{self.posdeck.scene.now:%H:%M:%S}"
        self._reading = False
        if self.is_mounted:
            self.draw(self.posdeck.scene)
            self.posdeck.keys_changed()

    async def ask(self) -> None:
        """Read and take what was read. Raises PosdeckError."""
        raise NotImplementedError

    def title_text(self, feed: Feed | None) -> str:
        old = f" · {plain(self._problem)}" if self._problem and self.rows.list.items else ""
        return f"{super().title_text(feed)} · as read at {self._read_at or '…'}, ctrl+r reads again{old}"

    def why(self, scene: Scene, feed: Feed | None) -> str:
        if self.rows.list.items:
            return why_empty(self.rows, None)
        if self._problem:
            return f"{plain(self._problem, 2000)}"
        if self._reading or not self._read_at:
            return "Reading…"
        return f"There are no {self.rows.kind.noun} in this namespace."

    def perform(self, action: Action, key: str) -> bool:
        if action.id == "reload":
            self.read()
            return True
        return super().perform(action, key)


class AllPane(_ServedPane):
    """``kubectl get all``."""

    view_name, kind_class, caption = "all", AllRows, "All"

    def show(self, scene: Scene) -> None:
        if not self._read_at and not self._reading and self.posdeck.front is not None:
            self.read()
        super().show(scene)

    async def ask(self) -> None:
        tables: Sequence[ServerTable] = await self.posdeck.need_front().all_tables()
        if isinstance(self.rows.kind, AllRows):
            self.rows.kind.load(tables)
        unread = [t for t in tables if t.problem]
        if unread:
            self.posdeck.notice(f"{len(unread)} kinds could not be read. {unread[0].problem}", "warn")

    def forget(self) -> None:
        if isinstance(self.rows.kind, AllRows):
            self.rows.kind.load(())

    def subject(self) -> Subject | None:
        item = self.rows.list.item
        if item is None or self.scene is None:
            return None
        return object_subject(item[0].kind, item[1].name, self.scene)


class KindPane(_ServedPane):
    """One kind that was asked for by its name."""

    view_name: ClassVar[str] = PLACE
    kind_class: ClassVar[type[RowKind]] = ServedRows
    caption = ""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.kind_name = ""
        self._titles: tuple[str, ...] = ()

    async def open(self, name: str, table: ServerTable | None, problem: str = "") -> None:
        """Show the kind of this name: its table, or why there is none."""
        if name != self.kind_name:
            self._titles = ()
        self.kind_name, self._problem = name, problem
        if table is not None:
            self._read_at = f"{self.posdeck.scene.now:%H:%M:%S}"
            await self._take(table)
        self.draw(self.posdeck.scene)
        self.posdeck.keys_changed()

    async def ask(self) -> None:
        await self._take(await self.posdeck.need_front().table(self.kind_name))

    async def _take(self, table: ServerTable) -> None:
        """Other columns are another table; the same columns keep the selection, the filter and the order."""
        titles = (table.kind, *(column.name for column in table.columns))
        if titles == self._titles and isinstance(self.rows.kind, ServedRows):
            self.rows.kind.load(table)
            return
        self._titles = titles
        before, self.rows = self.rows, Table(served_rows(table))
        await before.remove()
        await self.box.mount(self.rows)
        if self.posdeck.console_screen.current is self:
            self.rows.focus()

    def forget(self) -> None:
        if isinstance(self.rows.kind, ServedRows):
            self.rows.kind.load(replace(self.rows.kind.table, rows=()))

    def title_text(self, feed: Feed | None) -> str:
        return f"{plain(self._titles[0] if self._titles else self.kind_name)}{super().title_text(feed)}"

    def subject(self) -> Subject | None:
        item = self.rows.list.item
        if item is None or self.scene is None or not self._titles:
            return None
        return object_subject(self._titles[0], item.name, self.scene)


async def open_kind(app: PosdeckApp, name: str) -> None:
    """Show any kind of the namespace by the name that kubectl takes for it."""
    table, problem = None, ""
    try:
        table = await app.need_front().table(name)
    except UnknownNameError:
        app.notice(
            f"There is no view “{plain(name)}”, and the cluster serves no kind of this name. "
            "tab completes, ? lists the names.",
            "warn",
        )
        return
    except PosdeckError as refused:
        problem = str(refused)
    if app.trail[-1] != PLACE:
        app.trail.append(PLACE)
    pane = await app.console_screen.enter(PLACE, KindPane)
    await pane.open(name, table, problem)
