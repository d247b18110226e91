"""The screen: header, the place one is in, prompt, footer. Places are made when first entered, and kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen

from posdeck.ui import errands
from posdeck.ui.actions import EVERYWHERE, FORM, Action
from posdeck.ui.completing import Completer
from posdeck.ui.scene import Scene
from posdeck.ui.screens.overview import OverviewPane
from posdeck.ui.screens.pane import Pane
from posdeck.ui.widgets.footer import Footer, NoticeBar
from posdeck.ui.widgets.header import Header
from posdeck.ui.widgets.prompt import ASK, Prompt

if TYPE_CHECKING:
    from posdeck.ui.app import PosdeckApp

# keys that keep their meaning while something is being typed
_WHILE_TYPING = frozenset({"escape", "ctrl+c", "ctrl+q", "tab", "shift+tab", "f1", "f2", "ctrl+o"})


_IN_FORM = frozenset({"up", "down", "ctrl+n"})  # and these where several lines are to be filled in

P = TypeVar("P", bound=Pane)


class Console(Screen[None]):
    """Draws scenes in the current place and looks up keys there."""

    DEFAULT_CSS = """
    Console { layout: vertical; background: $background; }
    Console #place { height: 1fr; }
    """
    AUTO_FOCUS = ""

    def __init__(self, scene: Scene, place: str = "overview", kind: type[Pane] = OverviewPane) -> None:
        """``place`` is where one begins, made by ``kind``."""
        super().__init__()
        self.header = Header(scene)
        self.footer = Footer()
        self.notices = NoticeBar()
        self.prompt = Prompt(Completer(lambda: self.posdeck), self._entered, self._left)
        self._then: Callable[[str], Awaitable[None]] | None = None
        self.current: Pane = kind(id=f"pane-{place}")
        self._panes: dict[str, Pane] = {place: self.current}
        self._scene = scene

    @property
    def posdeck(self) -> PosdeckApp:
        """The application, typed."""
        return cast("PosdeckApp", self.app)

    def compose(self) -> ComposeResult:
        """The fixed parts around the place."""
        yield self.header
        with Vertical(id="place"):
            yield self.current
        yield self.prompt
        yield self.notices
        yield self.footer

    def on_mount(self) -> None:
        """The first frame: nothing of the cluster is known yet."""
        self.current.show(self._scene)
        self.current.focus_first()
        self.refresh_keys()

    # drawing

    def begin_with(self, scene: Scene) -> None:
        """The scene of the first frame."""
        self._scene = scene

    def show(self, scene: Scene) -> None:
        """Draw a new scene in the current place."""
        before, self._scene = self._scene.view.surroundings.unredacted_until, scene
        self.header.show(scene)
        if (before is None) is not (scene.view.surroundings.unredacted_until is None):
            for pane in self._panes.values():
                pane.redaction_changed()
        if self.current.is_mounted:
            self.current.show(scene)

    def tick(self, scene: Scene) -> None:
        """A second went by."""
        self._scene = scene
        self.header.show(scene)
        if self.current.is_mounted:
            self.current.tick(scene)

    async def enter(self, name: str, kind: type[P]) -> P:
        """Go to the place ``name``, making it when it is entered for the first time."""
        pane = self._panes.get(name)
        if pane is None:
            pane = self._panes[name] = kind(id=f"pane-{name}")
            pane.display = False
            await self.query_one("#place").mount(pane)
        if pane is not self.current:
            self.current.display = False
            pane.display = True
            self.current = pane
        self.header.show(self._scene, place="")
        pane.show(self._scene)
        pane.focus_first()
        self.refresh_keys()
        return cast("P", pane)

    def pane(self, name: str) -> Pane | None:
        """The place of this name, when it has been entered before."""
        return self._panes.get(name)

    def refresh_keys(self) -> None:
        """The footer shows what applies to what is selected now."""
        from textual.widgets import Input

        idle, scopes = self.current.idle(), self.current.scopes()
        actions = [a for a in self.posdeck.keys.applying(scopes) if a.id not in idle]
        if isinstance(self.app.focused, Input):
            # letters are typed now: only keys that keep their meaning are worth showing
            form = FORM in scopes and not self.prompt.shown
            actions = [replace(a, keys=kept) for a in actions if (kept := _while_typing(a, form=form))]
        chosen = self.current.subject()
        self.footer.show(actions, (chosen.short or chosen.name) if chosen is not None else "")

    def on_descendant_focus(self) -> None:
        """Other keys work where the focus is now."""
        self.refresh_keys()

    # the prompt

    async def _entered(self, mode: str, text: str) -> None:
        """A line was entered; a filter is in force already."""
        self._close_prompt()
        then, self._then = self._then, None
        if mode == ":":
            await self.posdeck.command(text.strip())
        elif mode == ASK:
            if then is not None:
                self.posdeck.run_worker(then(text.strip()), group="press", exit_on_error=False)
        else:
            self.current.set_filter(text)  # what was typed last may not have been heard of yet

    def ask(self, sign: str, hint: str, then: Callable[[str], Awaitable[None]], text: str = "") -> None:
        """Ask for a line and hand it to ``then``; escape asks no further."""
        self._then = then
        self.prompt.ask(sign, hint, text)
        self.refresh_keys()

    def on_prompt_changed(self) -> None:
        """A filter acts while it is typed."""
        if self.prompt.mode == "/":
            self.current.set_filter(self.prompt.text)

    def _left(self) -> None:
        """Escape takes the filter away."""
        if self.prompt.mode == "/":
            self.current.set_filter("")
        self._then = None
        self._close_prompt()

    def _close_prompt(self) -> None:
        self.prompt.close()
        self.current.focus_first()
        self.refresh_keys()

    # keys

    async def on_key(self, event: events.Key) -> None:
        """Look the key up in the place; what has no meaning there goes on to the widget's own bindings."""
        from textual.widgets import Input

        if await self.prompt.take(event):
            return
        typing = isinstance(self.app.focused, Input)
        form = FORM in self.current.scopes() and not self.prompt.shown
        if typing and event.key not in _WHILE_TYPING and not (form and event.key in _IN_FORM):
            return
        name = _normal(event)
        action = self.posdeck.keys.find(name, self.current.scopes())
        if action is None and typing:
            action = self.posdeck.keys.find(name, (EVERYWHERE,))
        if action is None:
            return
        event.stop()
        event.prevent_default()
        await self.do(action, name)

    async def escape(self) -> None:
        """What the escape key does, at once."""
        if self.prompt.shown:
            self._left()
            return
        action = self.posdeck.keys.find("escape", self.current.scopes())
        if action is not None:
            await self.do(action, "escape")

    async def do(self, action: Action, key: str) -> None:
        """Perform an action: the place first, then the application."""
        if self.notices.text:
            self.notices.show("")
            if action.id == "back":
                return
        if not self.current.perform(action, key):
            await errands.perform(self.posdeck, action, key)
        self.refresh_keys()


def _while_typing(action: Action, *, form: bool) -> tuple[str, ...]:
    kept = _WHILE_TYPING | _IN_FORM | {"enter"} if form else _WHILE_TYPING
    return tuple(key for key in action.keys if key in kept)


def _normal(event: events.Key) -> str:
    """One name for a key, however the terminal reports it."""
    aliases = {"/": "slash", ":": "colon", "?": "question_mark", " ": "space"}
    if event.character in aliases:
        return aliases[event.character]
    if event.is_printable and event.character and event.character.isalpha():
        return event.character
    return event.key
