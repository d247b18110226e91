"""A place that one can be in: it draws scenes, says what is selected, and does what keys ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.containers import Vertical

from posdeck.operations.view import Problem
from posdeck.ui import actions as act
from posdeck.ui.actions import Action
from posdeck.ui.filtering import Filter, parse_filter
from posdeck.ui.scene import Scene
from posdeck.ui.widgets.pager import Pager
from posdeck.ui.widgets.table import Table

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Subject:
    """What is selected. ``deployment`` is a full name, ``short`` the name that people type; ``resource`` and
    ``name`` are the object itself, as kubectl takes them."""

    resource: str
    name: str
    deployment: str = ""
    short: str = ""
    pods: tuple[str, ...] = ()
    problem: Problem | None = None
    runbook: str = ""
    record: str = ""
    session: str = ""
    params: Mapping[str, str] = field(default_factory=lambda: _NONE)


class Pane(Vertical):
    """One place. Subclasses draw in ``draw`` and answer ``subject``."""

    DEFAULT_CSS = """
    Pane { height: 1fr; }
    .why { color: $quiet; padding: 1 2; height: auto; display: none; }
    .why.-shown { display: block; }
    """

    view_name: ClassVar[str] = ""
    own_scopes: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.scene: Scene | None = None
        self.drilled = ""  # the filter that opening something set

    @property
    def posdeck(self) -> PosdeckApp:
        """The application, typed."""
        return cast("PosdeckApp", self.app)

    def show(self, scene: Scene) -> None:
        """Draw a new scene."""
        self.scene = scene
        self.draw(scene)

    def draw(self, scene: Scene) -> None:
        """What a subclass does with a scene."""

    def tick(self, scene: Scene) -> None:
        """A second went by; ages read differently."""
        self.scene = scene
        for table in self.query(Table):
            table.tick(scene)

    def subject(self) -> Subject | None:
        """What is selected here."""
        return None

    def scopes(self) -> tuple[str, ...]:
        """Where keys are looked up, narrowest first; see ``actions``."""
        found = list(self.own_scopes)
        chosen = self.subject()
        table, pager = self.table(), self.pager()
        if table is not None:
            found.append(act.sort_scope(table.kind.id))
        if chosen is not None:
            found += subject_scopes(chosen)
        if table is not None:
            found.append(act.TABLE)
        if pager is not None:
            found.append(act.PAGER)
        return (*found, act.EVERYWHERE)

    def idle(self) -> frozenset[str]:
        """Actions that apply here and would do nothing at this moment: the footer leaves them out."""
        table = self.table()
        return frozenset({"open"}) if table is not None and table.list.selected is None else frozenset()

    def table(self) -> Table | None:
        """The table that keys go to: the one in focus, else the first."""
        focused = self.app.focused
        if isinstance(focused, Table) and self in focused.ancestors:
            return focused
        if isinstance(focused, Pager) and self in focused.ancestors:
            return None
        tables = self.query(Table)
        return tables.first() if tables else None

    def pager(self) -> Pager | None:
        """The pager that keys go to."""
        focused = self.app.focused
        if isinstance(focused, Pager) and self in focused.ancestors:
            return focused
        if self.query(Table):
            return None
        pagers = [pager for pager in self.query(Pager) if pager.can_focus]
        return pagers[0] if pagers else None

    def focus_first(self) -> None:
        """Give the keys to the main part."""
        for kind in (Table, Pager):
            for widget in self.query(kind):
                if widget.can_focus and widget.display:
                    widget.focus()
                    return

    def perform(self, action: Action, key: str) -> bool:
        """Do what ``action`` asks; False when it is not this place's business."""
        table, pager = self.table(), self.pager()
        if table is not None:
            return _move_table(table, action)
        return _move_pager(pager, action) if pager is not None else False

    @property
    def filter(self) -> Filter:
        """The filter in force."""
        table, pager = self.table(), self.pager()
        return table.list.filter if table is not None else pager.filter if pager is not None else Filter()

    def drill(self, text: str) -> None:
        """Filter by what was opened: unlike a filter that was typed, it goes with the way back."""
        self.set_filter(text)
        self.drilled = text

    def leave_drilled(self) -> None:
        """Take that filter away, if it is still the one."""
        if self.drilled and self.filter.text == self.drilled:
            self.set_filter("")
        self.drilled = ""

    def set_filter(self, text: str) -> None:
        """Filter what the keys go to."""
        table, pager = self.table(), self.pager()
        if table is not None:
            table.set_filter(parse_filter(text))
        elif pager is not None:
            pager.set_filter(parse_filter(text))
        if self.scene is not None:
            self.draw(self.scene)

    def redaction_changed(self) -> None:
        """What was read before must be read again, or go; for places that keep text of their own."""

    def on_table_moved(self, _event: Table.Moved) -> None:
        """Other keys may apply to what is selected now."""
        self.posdeck.keys_changed()

    def on_table_opened(self, event: Table.Opened) -> None:
        """Double-click is ``enter``."""
        event.stop()
        self.posdeck.press("enter")


def subject_scopes(subject: Subject) -> list[str]:
    """The scopes of what can be done with ``subject``, narrowest first."""
    found = []
    if subject.problem is not None and not subject.problem.watched:
        found.append(act.PROBLEM)
    if subject.runbook:
        found.append(act.RUNBOOK)
    if subject.record:
        found.append(act.RECORD)
    if subject.resource == "pods":
        found.append(act.POD)
    if subject.resource == "services":
        found.append(act.SERVICE)
    if subject.resource == "replicasets":
        found.append(act.REVISION)
    if subject.deployment:
        found.append(act.WORKLOAD)
    if subject.resource and subject.name:
        found.append(act.OBJECT)
    return found


def _move_table(table: Table, action: Action) -> bool:
    moves: dict[str, Any] = {
        "up": lambda: table.move(-1),
        "down": lambda: table.move(1),
        "page-up": lambda: table.page(-1),
        "page-down": lambda: table.page(1),
        "top": lambda: table.move_to(0),
        "bottom": lambda: table.move_to(-1),
        "left": lambda: table.shift(-8),
        "right": lambda: table.shift(8),
        "mark": table.toggle_mark,
        "wide": lambda: table.set_wide(not table.wide),
        "sort": table.sort_by,
    }
    if action.id.startswith("sort."):
        table.sort_by(action.id.rpartition(".")[2])
        return True
    if action.id not in moves:
        return False
    moves[action.id]()
    return True


def _move_pager(pager: Pager, action: Action) -> bool:
    moves: dict[str, Any] = {
        "up": lambda: pager.move(-1),
        "down": lambda: pager.move(1),
        "page-up": lambda: pager.page(-1),
        "page-down": lambda: pager.page(1),
        "top": lambda: pager.move_to(0),
        "bottom": lambda: pager.move_to(-1),
        "left": lambda: pager.shift(-8),
        "right": lambda: pager.shift(8),
        "wrap": lambda: pager.set_wrapped(not pager.wrapped),
        "next-match": lambda: pager.find(1),
        "previous-match": lambda: pager.find(-1),
    }
    if action.id not in moves:
        return False
    moves[action.id]()
    return True
